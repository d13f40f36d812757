"""Checksums of files, by which everything that is kept is known again."""

import hashlib
from pathlib import Path


def file_sha256(path: Path) -> str:
    """Sha256 of a file's content, in hexadecimal digits.

    Raises:
        OSError: it cannot be read.
    """
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
