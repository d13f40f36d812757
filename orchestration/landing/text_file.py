"""Reading delimited text in blocks of whole lines: every value as text, nothing guessed.

Here: bytes to lines, and the named causes why a file is no text. How a line becomes values is
`text_rows`'. Memory is bounded by the block, and by how many values a batch may have, not by the file.
"""

import csv
from collections.abc import Iterator, Sequence
from typing import BinaryIO

import numpy as np
import polars as pl

from orchestration.landing.batch import RowBatch, rows_of_a_batch
from orchestration.landing.text_rows import MAX_ROW_BYTES, VainReading, divide, split_lines
from schemas.errors import StudyPackageError

BLOCK_BYTES = 4 << 20
_BOM = b"\xef\xbb\xbf"


def read_header(file: BinaryIO, name: str) -> list[str]:
    """Read the first line of a text file as column names.

    Args:
        file: the file, at its beginning.
        name: how messages call it.

    Raises:
        StudyPackageError: the line is too long, is not UTF-8, or its quotes do not match.
    """
    line = file.readline(MAX_ROW_BYTES + 1)
    if len(line) > MAX_ROW_BYTES:
        raise StudyPackageError([_too_long(name, 1)])
    text = _decode(line.removeprefix(_BOM), name, 1).removesuffix("\n")
    if "\r" in text:
        raise StudyPackageError(
            [f"{name} line 1 holds a lone carriage return (line ends of old Macs); accepted: LF or CRLF"]
        )
    # The library's own limit is lower than what a row may have here.
    csv.field_size_limit(2 * MAX_ROW_BYTES)
    try:
        return next(csv.reader([text], strict=True), [])
    except csv.Error:
        raise StudyPackageError([f"{name} line 1: the quotes of the header do not match"]) from None


def read_rows(
    file: BinaryIO, name: str, columns: Sequence[str], block_bytes: int = BLOCK_BYTES
) -> Iterator[RowBatch]:
    """Read the rows below the header in batches.

    Args:
        file: the file, at its beginning.
        name: how messages call it.
        columns: names of the header, two or more.
        block_bytes: about how much of the file a batch holds; results do not depend on it.

    Raises:
        StudyPackageError: a NUL byte, a byte that is not UTF-8, a line longer than a mebibyte, or quotes
            that are opened again and again and never closed.
    """
    file.readline(MAX_ROW_BYTES + 1)
    line, unread, end_byte, data = 2, b"", file.tell(), b""
    vain = VainReading(name)
    for part, n_bytes_left, is_last in _whole_lines(file, block_bytes, rows_of_a_batch(len(columns))):
        data += part
        end_byte += len(part)
        # A row of many lines is not begun anew for a few lines more of it.
        if len(data) < len(unread) and n_bytes_left <= MAX_ROW_BYTES and not is_last:
            continue
        text = _decode(unread + data, name, line)
        lines = split_lines(text)
        _refuse_long_lines(lines, n_bytes_left, name, line)
        has_quotes = '"' in text or "\r" in text
        vain.n_read = end_byte
        divided = divide(lines, line, columns, end_byte, vain=vain if has_quotes else None, is_last=is_last)
        yield divided.batch
        line += divided.n_lines
        unread, data = divided.unread.encode(), b""


def _whole_lines(file: BinaryIO, block_bytes: int, most_lines: int) -> Iterator[tuple[bytes, int, bool]]:
    """Read a file on, in parts of whole lines.

    Yields:
        The part; how many bytes of a line that goes on were read behind it; whether the file ends with it.
    """
    rest = b""
    while True:
        chunk = file.read(block_bytes)
        is_read = len(chunk) < block_bytes
        data = rest + chunk
        line_ends = np.flatnonzero(np.frombuffer(data, dtype=np.uint8) == ord("\n")) + 1
        ends = line_ends[most_lines - 1 :: most_lines].tolist()
        if is_read or len(line_ends) == 0:
            ends.append(len(data) if is_read else 0)
        elif not ends or ends[-1] != line_ends[-1]:
            ends.append(int(line_ends[-1]))
        begin = 0
        for end in ends[:-1]:
            yield data[begin:end], 0, False
            begin = end
        rest = data[ends[-1] :]
        if is_read or ends[-1] or len(rest) > MAX_ROW_BYTES:
            yield data[begin : ends[-1]], len(rest), is_read
        if is_read:
            return


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
