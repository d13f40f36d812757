"""The folder of kept packages: one process at a time changes it, and nothing in it is ever half there."""

import fcntl
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from orchestration.release.durable import make_folder, sync_folder
from orchestration.settings import Settings


@contextmanager
def one_at_a_time(settings: Settings) -> Iterator[None]:
    """Let one process at a time keep or redact packages; what dead ones left half done is cleared away."""
    make_folder(settings.deliveries, is_private=True)
    with (settings.deliveries / ".lock").open("ab") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        for leftover in (
            *settings.deliveries.glob("*/.*.partial"),
            *settings.deliveries.glob("*/.*.damaged"),
        ):
            shutil.rmtree(leftover)
        for leftover in settings.deliveries.glob("*/.*.secret.new"):
            leftover.unlink()
        yield


@contextmanager
def partial_folder(settings: Settings, study_id: str, sha256: str) -> Iterator[Path]:
    """Give the name of a folder in which a package can be prepared; what is left of it is removed."""
    study = settings.deliveries / study_id
    make_folder(study)
    partial = study / f".{sha256}.{os.getpid()}.partial"
    try:
        yield partial
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def put_in_place(partial: Path, folder: Path) -> None:
    """Give a prepared package its name; what had it before is removed when the new one is whole and there."""
    damaged = _hide(folder) if folder.exists() else None
    partial.rename(folder)
    sync_folder(folder.parent)
    if damaged:
        shutil.rmtree(damaged)
        sync_folder(folder.parent)


def set_aside(folder: Path) -> None:
    """Remove a kept package, in a way that never leaves half of it under its name."""
    shutil.rmtree(_hide(folder))
    sync_folder(folder.parent)


def _hide(folder: Path) -> Path:
    hidden = folder.with_name(f".{folder.name}.damaged")
    shutil.rmtree(hidden, ignore_errors=True)
    return folder.rename(hidden)
