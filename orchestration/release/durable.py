"""Files, folders and renames that survive a power cut."""

import os
from pathlib import Path


def make_folder(path: Path, *, is_private: bool = False) -> None:
    """Make a folder and its parents; those that are new are there after a power cut too.

    A private one that is new is its owner's alone.
    """
    missing = [path] if not path.exists() else []
    while missing and not missing[-1].parent.exists():
        missing.append(missing[-1].parent)
    path.mkdir(parents=True, exist_ok=True, mode=0o700 if is_private else 0o777)
    for folder in reversed(missing):
        sync_folder(folder.parent)


def replace_file(path: Path, content: bytes) -> None:
    """Write a file in one step: after a power cut it holds what it held, or the new content.

    One process at a time may replace a file: what a killed one left beside it is written over.
    """
    partial = path.with_name(f".{path.name}.partial")
    with partial.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    partial.replace(path)
    sync_folder(path.parent)


def sync_file(path: Path) -> None:
    """Force a file's content to disk."""
    with path.open("rb") as file:
        os.fsync(file.fileno())


def sync_folder(path: Path) -> None:
    """Force a folder's entries to disk: a rename is only durable after this."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def sync_tree(root: Path) -> None:
    """Force every file and folder under `root`, itself included, to disk."""
    for folder, _, names in os.walk(root):
        for name in names:
            sync_file(Path(folder) / name)
        sync_folder(Path(folder))


def make_read_only(root: Path) -> None:
    """Let nobody write the files under `root`; folders stay as they are, so that all of it can be removed."""
    for folder, _, names in os.walk(root):
        for name in names:
            path = Path(folder) / name
            path.chmod(path.stat().st_mode & 0o444)
