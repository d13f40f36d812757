"""Reading delimited text in blocks of whole lines: every value as text, nothing guessed.

Here: bytes to lines, and the named causes why a file is no text. How a line becomes values is
`text_rows`'. Memory is bounded by the block, not by the file.
"""

import csv
from collections.abc import Iterator, Sequence
from pathlib import Path

import polars as pl

from orchestration.landing.batch import RowBatch
from orchestration.landing.text_rows import MAX_ROW_BYTES, divide, split_lines
from schemas.errors import StudyPackageError

BLOCK_BYTES = 16 << 20
_BOM = b"\xef\xbb\xbf"


def read_header(path: Path, name: str) -> list[str]:
    """Read the first line of a text file as column names.

    Args:
        path: the file.
        name: how messages call it.

    Raises:
        StudyPackageError: the line is too long, is not UTF-8, or its quotes do not match.
    """
    with path.open("rb") as file:
        line = file.readline(MAX_ROW_BYTES + 1)
    if len(line) > MAX_ROW_BYTES:
        raise StudyPackageError([_too_long(name, 1)])
    text = _decode(line.removeprefix(_BOM), name, 1).removesuffix("\n")
    if "\r" in text:
        raise StudyPackageError(
            [f"{name} line 1 holds a lone carriage return (line ends of old Macs); accepted: LF or CRLF"]
        )
    try:
        return next(csv.reader([text], strict=True), [])
    except csv.Error:
        raise StudyPackageError([f"{name} line 1: the quotes of the header do not match"]) from None


def read_rows(
    path: Path, name: str, columns: Sequence[str], block_bytes: int = BLOCK_BYTES
) -> Iterator[RowBatch]:
    """Read the rows below the header in batches.

    Args:
        path: the file.
        name: how messages call it.
        columns: names of the header, two or more.
        block_bytes: about how much of the file a batch holds; results do not depend on it.

    Raises:
        StudyPackageError: a NUL byte, a byte that is not UTF-8, or a line longer than a mebibyte.
    """
    with path.open("rb") as file:
        file.readline()
        line, rest, is_last = 2, b"", False
        while not is_last:
            chunk = file.read(block_bytes)
            is_last = len(chunk) < block_bytes
            data = rest + chunk
            end = len(data) if is_last else data.rfind(b"\n") + 1
            text = _decode(data[:end], name, line)
            lines = split_lines(text)
            _refuse_long_lines(lines, len(data) - end, name, line)
            has_quotes = '"' in text or "\r" in text
            divided = divide(lines, line, columns, file.tell(), has_quotes=has_quotes, is_last=is_last)
            yield divided.batch
            line += divided.n_lines
            rest = divided.unread.encode() + data[end:]


def _refuse_long_lines(lines: pl.Series, n_bytes_left: int, name: str, first_line: int) -> None:
    """Refuse a line that is too long, or the beginning of one that the block ends in."""
    too_long = (lines.str.len_bytes() > MAX_ROW_BYTES).arg_true()
    if len(too_long):
        raise StudyPackageError([_too_long(name, first_line + int(too_long[0]))])
    if n_bytes_left > MAX_ROW_BYTES:
        raise StudyPackageError([_too_long(name, first_line + len(lines))])


def _too_long(name: str, line: int) -> str:
    return f"{name} line {line} is longer than {MAX_ROW_BYTES:,} bytes; accepted: one row of values a line"


def _decode(data: bytes, name: str, first_line: int) -> str:
    if (nul := data.find(b"\0")) >= 0:
        line = first_line + data.count(b"\n", 0, nul)
        raise StudyPackageError([f"{name} line {line} holds a NUL byte: it is no text; accepted: UTF-8 text"])
    try:
        return data.replace(b"\r\n", b"\n").decode("utf-8")
    except UnicodeDecodeError as error:
        line = first_line + error.object.count(b"\n", 0, error.start)
        byte = error.object[error.start]
        cause = "it looks like Windows-1252 or Latin-1: save the file as UTF-8"
        raise StudyPackageError([f"{name}: byte 0x{byte:02X} on line {line} is not UTF-8; {cause}"]) from None
