"""The `cohortmart` command: one module for each subcommand.

Belongs here: arguments, what is printed, exit statuses. Slow libraries are imported by the subcommand
that needs them, so that `cohortmart sql` answers at once.
"""

import os
import signal
import sys
from types import FrameType

_INTERRUPTED = 130
_CANNOT_BE_DONE = 2
_OF_BUILD = "The build was interrupted before it began; nothing was changed."
_OF_OTHERS = "Interrupted."


def main() -> None:
    """Run the command; the console script.

    From here on an interrupt ends it with a sentence: while Python imports, it would end with a traceback.
    """
    is_build = "build" in sys.argv[1:2]

    def end(_number: int, _frame: FrameType | None) -> None:
        os.write(2, f"\n{_OF_BUILD if is_build else _OF_OTHERS}\n".encode())
        os._exit(_INTERRUPTED)

    python_does = signal.signal(signal.SIGINT, end)
    try:
        from orchestration.cli.app import app  # noqa: PLC0415 - after what is said of an interrupt

        # A build goes on to say what becomes of it; other commands unwind.
        if not is_build:
            signal.signal(signal.SIGINT, python_does)
        app()
    except Exception as error:
        from orchestration.cli.machine_failures import explain  # noqa: PLC0415 - nobody waits for it before

        sentence = explain(error)
        if sentence is None:
            raise
        sys.stderr.write(f"{sentence}\n")
        sys.exit(_CANNOT_BE_DONE)


__all__ = ["main"]
