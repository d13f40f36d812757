"""Where the commands print."""

import os
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console


def terminal() -> Console:
    """The standard output: as wide as its terminal, and wide enough for any row in a pipe."""
    console = Console()
    return console if console.is_terminal else Console(width=400)


def fail(message: str) -> int:
    """Print what went wrong to standard error; returns the exit status 2 of what cannot be done."""
    Console(stderr=True).print(message, style="red", markup=False, highlight=False, soft_wrap=True)
    return 2


@contextmanager
def streams_given_back() -> Iterator[None]:
    """Give standard output and error back, whatever the block did with them.

    Dagster points both at files in its home during a step; on a full disk it leaves them there, and nobody
    would read why a build ended.
    """
    kept = {number: os.dup(number) for number in (1, 2)}
    try:
        yield
    finally:
        for number, copy in kept.items():
            os.dup2(copy, number)
            os.close(copy)
