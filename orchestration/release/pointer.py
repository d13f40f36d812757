"""The pointer `current` to the release that readers open."""

import os
import threading
from pathlib import Path

from orchestration.release.durable import sync_folder

# Held while a release becomes the current one, so that what interrupts a build can say whether it has; again
# and again by one thread, as interrupts follow one another.
MOVING = threading.RLock()
# Set when this process has made a release the current one.
MOVED = threading.Event()


def point(current: Path, release: Path) -> None:
    """Move the pointer in one step: readers see the old release or the new one."""
    pointer = current.with_name(f".{current.name}.{os.getpid()}")
    pointer.unlink(missing_ok=True)
    pointer.symlink_to(Path("releases") / release.name)
    if current.is_dir() and not current.is_symlink():
        # A backup that knows no symbolic links restored a copy of the release; it goes with the leftovers.
        current.rename(current.with_name(f"{pointer.name}.copy"))
    pointer.replace(current)
    MOVED.set()
    sync_folder(current.parent)
