"""Ctrl-C and SIGTERM during a build: it ends at once, and readers keep the release they have.

Dagster replaces the handlers of signals around every step, and between two of them an interrupt can be lost.
It does so in the main thread only: there the build is waited for, and works in another thread.
"""

import contextlib
import os
import signal
import threading
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import NoReturn, TypeVar

from orchestration.release.pointer import MOVED, MOVING

Result = TypeVar("Result")

INTERRUPTED = 130
_SECONDS_TO_HEAR = 0.1
_SECONDS_TO_TIDY = 3
_SIGNALS = (signal.SIGINT, signal.SIGTERM)


class Interruption:
    """What happens when a build is interrupted."""

    def __init__(self) -> None:
        # Dagster turns the standard error of a step into its log.
        self._errors = os.dup(2)
        self._is_ending = False
        self._tidy: list[Callable[[], object]] = []
        self._current: Path | None = None

    def watch(self, current: Path | None = None) -> None:
        """From now on, end the process when it is interrupted; call it in the main thread.

        Args:
            current: the pointer to the release that readers have; None when nobody knows where it is.
        """
        self._current = current
        for number in _SIGNALS:
            signal.signal(number, self._end)

    def before_ending(self, tidy: Callable[[], object]) -> None:
        """Call `tidy` when the build is interrupted; it cannot keep the process from ending."""
        self._tidy.append(tidy)

    def _end(self, _number: int, _frame: FrameType | None) -> None:
        if self._is_ending:
            self._exit()
        # Held until the process has ended: the pointer cannot move after what is said here. A release that
        # is moving it now has passed every check, and is let through.
        with MOVING:
            if MOVED.is_set():
                self._say("The release was already published when the build was interrupted.")
                return
            self._is_ending = True
            _end_children()
            # In a thread: what it waits for may be held by what was interrupted.
            tidying = threading.Thread(target=self._tidy_up, daemon=True)
            tidying.start()
            tidying.join(_SECONDS_TO_TIDY)
            self._exit()

    def _exit(self) -> NoReturn:
        """End the process: an exception could be taken for that of a step.

        The files are those of a killed build, which the next one clears away.
        """
        has_release = self._current is None or self._current.exists()
        left = "the current release is as it was" if has_release else "there is no release yet"
        self._say(f"The build was interrupted; {left}.")
        os._exit(INTERRUPTED)

    def _say(self, sentence: str) -> None:
        # Progress bars hide the cursor.
        shown_cursor = "\x1b[?25h" if os.isatty(self._errors) else ""
        with contextlib.suppress(OSError):
            os.write(self._errors, f"{shown_cursor}\n{sentence}\n".encode())

    def _tidy_up(self) -> None:
        for tidy in self._tidy:
            with contextlib.suppress(Exception):
                tidy()


def in_thread(work: Callable[[], Result]) -> Result:
    """Do the work in a thread that signals pass by, while the main thread waits for them.

    What the thread starts does not hear Ctrl-C either, which a terminal sends to every process at once.
    """
    results: list[Result] = []
    errors: list[BaseException] = []

    def run() -> None:
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
        try:
            results.append(work())
        except BaseException as error:
            errors.append(error)

    thread = threading.Thread(target=run, name="build", daemon=True)
    thread.start()
    # The system may give a signal to any thread; this one must wake to hear of it.
    while thread.is_alive():
        thread.join(_SECONDS_TO_HEAR)
    if errors:
        raise errors[0]
    return results[0]


def _end_children() -> None:
    """End the processes that this one has started, dbt above all."""
    for child in _children():
        with contextlib.suppress(ProcessLookupError):
            os.kill(child, signal.SIGKILL)


def _children() -> list[int]:
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            # pid (name) state parent ...; the name may hold anything, brackets included.
            parent = stat.read_text(errors="replace").rpartition(")")[2].split()[1]
            if int(parent) == os.getpid():
                found.append(int(stat.parent.name))
    return found
