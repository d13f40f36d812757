"""The lock of a warehouse: one process at a time changes it; readers never ask for it.

It is the system's lock on an open file (flock), which ends with the process that holds it, however that ends:
there is no stale lock to take away by hand.
"""

import contextlib
import fcntl
import json
import os
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import IO

from orchestration.release.durable import make_folder
from orchestration.settings import Settings

_SECONDS_BETWEEN_TRIES = 0.1


class WarehouseBusyError(Exception):
    """Another process is changing the warehouse; the message says which, and what it does."""


@dataclass
class _Held:
    """A lock that this process holds, and how many times."""

    what: str
    file: IO[str]
    times: int = 1


_held: dict[Path, _Held] = {}


def acquire(
    settings: Settings,
    what: str,
    wait_seconds: float = 0,
    on_wait: Callable[[str], object] = lambda _: None,
) -> None:
    """Take the lock of a warehouse, until `release`; who holds it for the same thing holds it twice.

    Args:
        settings: the warehouse.
        what: what will be done, such as `build, run 1f0c`: others who want the lock are told.
        wait_seconds: how long to wait for whoever holds it.
        on_wait: called once with a sentence, when there is somebody to wait for.

    Raises:
        WarehouseBusyError: somebody else holds it, still.
    """
    path = settings.lock
    held = _held.get(path)
    if held and held.what == what:
        held.times += 1
        return
    make_folder(path.parent)
    deadline = time.monotonic() + wait_seconds
    is_told = False
    while True:
        if file := _try(path):
            break
        sentence = f"The warehouse in {settings.home} is being changed by another process ({_holder(path)})."
        if time.monotonic() >= deadline:
            raise WarehouseBusyError(
                f"{sentence} Start again when it has ended; with --wait SECONDS a command waits."
            )
        if not is_told:
            on_wait(f"{sentence} Waiting for up to {wait_seconds:g} s.")
            is_told = True
        time.sleep(min(_SECONDS_BETWEEN_TRIES, max(deadline - time.monotonic(), 0.001)))
    _sign(file, what)
    _held[path] = _Held(what, file)


def release(settings: Settings) -> None:
    """Give the lock back, if this process holds it."""
    held = _held.get(settings.lock)
    if held is None:
        return
    held.times -= 1
    if not held.times:
        del _held[settings.lock]
        held.file.truncate(0)
        held.file.close()


@contextmanager
def hold(
    settings: Settings,
    what: str,
    wait_seconds: float = 0,
    on_wait: Callable[[str], object] = lambda _: None,
) -> Iterator[None]:
    """Hold the lock of a warehouse while something is changed; arguments and errors as of `acquire`."""
    acquire(settings, what, wait_seconds, on_wait)
    try:
        yield
    finally:
        release(settings)


def _try(path: Path) -> IO[str] | None:
    """Lock the file if nobody has; a file that was removed meanwhile would lock nothing."""
    while True:
        file = path.open("a+", encoding="utf-8")
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if path.exists() and os.path.samestat(os.fstat(file.fileno()), path.stat()):
                return file
        except BlockingIOError:
            file.close()
            return None
        except BaseException:
            file.close()
            raise
        file.close()


def _sign(file: IO[str], what: str) -> None:
    since = datetime.now(UTC).isoformat(timespec="seconds")
    holder = {"what": what, "process": os.getpid(), "host": socket.gethostname(), "since": since}
    # On a full disk nobody can sign, and the lock is held all the same.
    with contextlib.suppress(OSError):
        file.truncate(0)
        file.write(json.dumps(holder, ensure_ascii=False))
        file.flush()


def _holder(path: Path) -> str:
    """Say who holds the lock, as far as the file says."""
    text = ""
    with contextlib.suppress(OSError):
        text = path.read_text(encoding="utf-8", errors="replace").strip()
    try:
        holder = json.loads(text)
        return f"{holder['what']}, process {holder['process']} on {holder['host']}, since {holder['since']}"
    except (ValueError, KeyError, TypeError):
        return text or "it did not say what it does"
