"""The files of a study package, hashed, and copied as they were hashed."""

import hashlib
import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from schemas.errors import StudyPackageError
from schemas.package_files import open_inside, says_which_file

READ_ONLY = 0o444
_CHUNK_BYTES = 1 << 20


@dataclass(frozen=True)
class DeliveredFile:
    """A file of a package: its path inside it, its size and its sha256."""

    path: str
    n_bytes: int
    sha256: str


@dataclass(frozen=True)
class Snapshot:
    """Files of a package as they were read; its stamp tells a file from what it is after a change."""

    files: tuple[DeliveredFile, ...]
    stamps: tuple[tuple[int, ...], ...]

    @property
    def sha256(self) -> str:
        """The sha256 of the package: over the names and contents of all its files, in their order."""
        return hashlib.sha256("".join(f"{f.sha256} {f.path}\n" for f in self.files).encode()).hexdigest()


def describe(package: Path, paths: Iterable[str]) -> Snapshot:
    """Read files of a package through and describe them.

    Raises:
        StudyPackageError: one of them is no regular file inside the package, or cannot be read.
    """
    files, stamps = [], []
    for path in paths:
        with open_inside(package, path) as file, says_which_file(path):
            stamps.append(_stamp(file))
            digest = hashlib.sha256()
            while chunk := file.read(_CHUNK_BYTES):
                digest.update(chunk)
            files.append(DeliveredFile(path, file.tell(), digest.hexdigest()))
    return Snapshot(tuple(files), tuple(stamps))


def copy_described(package: Path, described: Snapshot, target: Path) -> None:
    """Copy files as they were described into a new folder, read-only.

    Raises:
        StudyPackageError: a file, or one that was copied before it, is no longer what was described.
        OSError: the copy cannot be written.
    """
    for file in described.files:
        copied = target / file.path
        copied.parent.mkdir(parents=True, exist_ok=True)
        if not _copy(package, file, copied):
            raise changed(package, file.path)
        copied.chmod(READ_ONLY)
    # Each file is as it was described, but one may have changed while a later one was still copied: then no
    # moment is known at which the package was all of this.
    for file, stamp in zip(described.files, described.stamps, strict=True):
        with open_inside(package, file.path) as source:
            if _stamp(source) != stamp:
                raise changed(package, file.path)


def changed(package: Path, path: str) -> StudyPackageError:
    """Return the error of a package that somebody writes while it is delivered."""
    return StudyPackageError([f"{package / path} changed while it was copied: deliver it again"])


def _copy(package: Path, file: DeliveredFile, copied: Path) -> bool:
    """Copy one file; false when it is not what was described."""
    digest, n_bytes = hashlib.sha256(), 0
    with open_inside(package, file.path) as source, copied.open("xb") as out:
        # A file that grows while it is read would otherwise fill the disk.
        while n_bytes <= file.n_bytes and (chunk := _read(source, file.path)):
            digest.update(chunk)
            out.write(chunk)
            n_bytes += len(chunk)
    return digest.hexdigest() == file.sha256


def _read(source: BinaryIO, path: str) -> bytes:
    with says_which_file(path):
        return source.read(_CHUNK_BYTES)


def _stamp(file: BinaryIO) -> tuple[int, ...]:
    seen = os.fstat(file.fileno())
    return (seen.st_dev, seen.st_ino, seen.st_size, seen.st_mtime_ns, seen.st_ctime_ns)
