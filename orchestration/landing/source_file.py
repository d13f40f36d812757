"""A record file by what it contains: which reader it needs, or why none can read it.

`open_inside` is how every file of a package is opened, by whoever reads or copies it.
"""

import hashlib
import os
from collections.abc import Iterator
from dataclasses import dataclass
from io import BufferedReader
from pathlib import Path

from orchestration.landing import parquet_file, text_file
from orchestration.landing.batch import RowBatch
from schemas.errors import StudyPackageError
from schemas.package_files import open_inside, says_which_file
from schemas.records import RecordType

__all__ = ["SourceFile", "open_inside", "open_source"]

# First bytes of formats that are sometimes named .csv, and how to get text out of them.
_OTHER_FORMATS = (
    (b"\x1f\x8b", "is compressed (gzip)", "the unpacked file"),
    (b"PK\x03\x04", "is a zip archive or an Excel workbook (xlsx)", "the sheet saved as CSV UTF-8"),
    (b"\xd0\xcf\x11\xe0", "is an old Excel workbook (xls)", "the sheet saved as CSV UTF-8"),
    (b"SQLite format 3", "is a SQLite database", "the table exported as CSV"),
    (b"%PDF-", "is a PDF document", "the table exported as CSV"),
    (b"\xff\xfe", "is UTF-16 text", "the file saved as UTF-8"),
    (b"\xfe\xff", "is UTF-16 text", "the file saved as UTF-8"),
    (b"\x00\x00\xfe\xff", "is UTF-32 text", "the file saved as UTF-8"),
    (b"BZh", "is compressed (bzip2)", "the unpacked file"),
    (b"\xfd7zXZ", "is compressed (xz)", "the unpacked file"),
    (b"\x28\xb5\x2f\xfd", "is compressed (zstandard)", "the unpacked file"),
    (b"7z\xbc\xaf\x27\x1c", "is a 7-Zip archive", "the unpacked file"),
    (b"PARE", "is an encrypted Parquet file", "the file without encryption"),
    (b"ARROW1", "is an Arrow (Feather) file", "the table as Parquet or CSV"),
    (b"HEADER RECORD***", "is a SAS transport file (XPT)", "the table exported as CSV"),
)


@dataclass(frozen=True)
class SourceFile:
    """A file of a study package; what it contains decides how it is read, not what it is called.

    Attributes:
        package: the folder of the package.
        name: the path of the file inside it, and how messages call it.
        n_bytes: its size.
        is_parquet: whether it is Parquet; otherwise it is delimited text.
        identity: which file it was when it was first opened, and of when.
    """

    package: Path
    name: str
    n_bytes: int
    is_parquet: bool
    identity: tuple[int, ...]

    def header(self) -> list[str]:
        """Return the column names as they are written.

        Raises:
            StudyPackageError: the header cannot be read.
        """
        with self._open() as file, says_which_file(self.name):
            if self.is_parquet:
                return parquet_file.read_header(file, self.name)
            return text_file.read_header(file, self.name)

    def batches(self, columns: list[str], record: RecordType) -> Iterator[RowBatch]:
        """Yield all rows below the header, as text.

        Raises:
            StudyPackageError: the file turns out to be unreadable.
        """
        with self._open() as file, says_which_file(self.name):
            if self.is_parquet:
                yield from parquet_file.read_rows(file, self.name, record.columns)
            else:
                yield from text_file.read_rows(file, self.name, columns)

    def sha256(self) -> str:
        """Return the digest of the whole file.

        Raises:
            StudyPackageError: the file cannot be read.
        """
        with self._open() as file, says_which_file(self.name):
            return hashlib.file_digest(file, "sha256").hexdigest()

    def _open(self) -> BufferedReader:
        file = open_inside(self.package, self.name)
        if _identity(file) != self.identity:
            file.close()
            raise StudyPackageError([f"{self.name} changed while it was read; accepted: a file that rests"])
        return file


def open_source(folder: Path, name: str) -> SourceFile:
    """Find out what a file of a package contains.

    Raises:
        StudyPackageError: the file is missing, no regular file of the package, empty, or in a format that
            is not read.
    """
    with open_inside(folder, name) as file, says_which_file(name):
        start, identity = file.read(32), _identity(file)
    if not start.removeprefix(b"\xef\xbb\xbf"):
        raise StudyPackageError([f"{name} is empty; accepted: a header line, then one row a line"])
    for magic, what, instead in _OTHER_FORMATS:
        if start.startswith(magic):
            raise StudyPackageError([f"{name} {what}; accepted: {instead}"])
    return SourceFile(folder, name, identity[2], start.startswith(b"PAR1"), identity)


def _identity(file: BufferedReader) -> tuple[int, ...]:
    """Tell a file, and its content as far as the system knows when it was last written."""
    status = os.fstat(file.fileno())
    return status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns
