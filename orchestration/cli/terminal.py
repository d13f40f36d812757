"""Where the commands print."""

from rich.console import Console


def terminal() -> Console:
    """The standard output: as wide as its terminal, and wide enough for any row in a pipe."""
    console = Console()
    return console if console.is_terminal else Console(width=400)


def fail(message: str) -> int:
    """Print what went wrong to standard error; returns the exit status 2 of what cannot be done."""
    Console(stderr=True).print(message, style="red", markup=False, highlight=False, soft_wrap=True)
    return 2
