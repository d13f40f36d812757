"""A record file by what it contains: which reader it needs, or why none can read it."""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from orchestration.landing import parquet_file, text_file
from orchestration.landing.batch import RowBatch
from schemas.errors import StudyPackageError
from schemas.records import RecordType

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
)


@dataclass(frozen=True)
class SourceFile:
    """A file of a study package; what it contains decides how it is read, not what it is called."""

    path: Path
    name: str
    is_parquet: bool

    def header(self) -> list[str]:
        """Return the column names as they are written.

        Raises:
            StudyPackageError: the header cannot be read.
        """
        if self.is_parquet:
            return parquet_file.read_header(self.path, self.name)
        return text_file.read_header(self.path, self.name)

    def batches(self, columns: list[str], record: RecordType) -> Iterator[RowBatch]:
        """Yield all rows below the header, as text.

        Raises:
            StudyPackageError: the file turns out to be unreadable.
        """
        if self.is_parquet:
            return parquet_file.read_rows(self.path, self.name, record.columns)
        return text_file.read_rows(self.path, self.name, columns)

    def sha256(self) -> str:
        """Return the digest of the whole file."""
        with self.path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()


def open_source(folder: Path, name: str) -> SourceFile:
    """Find out what a file of a package contains.

    Raises:
        StudyPackageError: the file is missing, empty, or in a format that is not read.
    """
    path = folder / name
    try:
        with path.open("rb") as file:
            start = file.read(32)
    except OSError as error:
        raise StudyPackageError([f"{name} cannot be opened: {error.strerror}"]) from None
    if not start.removeprefix(b"\xef\xbb\xbf"):
        raise StudyPackageError([f"{name} is empty; accepted: a header line, then one row a line"])
    for magic, what, instead in _OTHER_FORMATS:
        if start.startswith(magic):
            raise StudyPackageError([f"{name} {what}; accepted: {instead}"])
    return SourceFile(path, name, is_parquet=start.startswith(b"PAR1"))
