"""What a Parquet file says of its own size, read and bounded before any of it is decoded.

A few kilobytes of Parquet can stand for billions of rows (a run of one value), for gigabytes of text (one
long value of a dictionary, repeated) or for a page that unpacks to all of the memory. So the footer and the
head of every page are read here first: by a reader of Thrift's compact protocol that builds nothing it does
not need, and against the file itself, for what the footer says need not be true.
"""

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, BinaryIO, ClassVar

from orchestration.landing.batch import MAX_COLUMNS
from schemas.errors import StudyPackageError

MAX_FOOTER_BYTES = 4 << 20
# Of one page and one dictionary of every column: what the decoder holds at a time.
MAX_PAGES_BYTES = 256 << 20
# A file of fewer rows, and one that unpacks to less, is no bomb, whatever its own size.
FREE_ROWS = 1_000_000
FREE_BYTES = 64 << 20
# Sorted columns of few values pack well; a key in every row does not.
MAX_ROWS_A_BYTE = 8
MAX_RATIO = 250
_MAX_PAGE_HEAD_BYTES = 1 << 20
_MAGIC = b"PAR1"

# By number in parquet.thrift, name and kind: a struct by its own fields, a list by those of its elements.
# What is not named is skipped.
_COLUMN_META: dict[int, Any] = {
    5: ("num_values", int),
    7: ("n_bytes", int),
    9: ("data_offset", int),
    11: ("dictionary_offset", int),
}
_COLUMN: dict[int, Any] = {1: ("file_path", bytes), 3: ("meta", _COLUMN_META)}
_FILE_META: dict[int, Any] = {
    2: ("schema", [{4: ("name", bytes), 5: ("num_children", int)}]),
    3: ("num_rows", int),
    4: ("row_groups", [{1: ("columns", [_COLUMN]), 3: ("num_rows", int)}]),
}
_PAGE_HEAD: dict[int, Any] = {
    1: ("type", int),
    2: ("unpacked", int),
    3: ("packed", int),
    5: ("data", {1: ("num_values", int), 2: ("encoding", int)}),
    7: ("dictionary", {1: ("num_values", int), 2: ("encoding", int)}),
    8: ("data_v2", {1: ("num_values", int), 4: ("encoding", int)}),
}
_INDEX_PAGE = 1
# What the decoder keeps of each word of a dictionary, besides the word.
_WORD_BYTES = 20
# Each value begins with as much of the one before as it likes: a kilobyte unpacks to gigabytes.
_DELTA_BYTE_ARRAY = 7


class ThriftError(Exception):
    """Bytes are not what Thrift's compact protocol writes."""


@dataclass
class _Compact:
    """Reads Thrift's compact protocol from bytes, only what is asked for."""

    data: bytes
    at: int = 0

    def struct(self, wanted: dict[int, Any], depth: int = 0) -> dict[str, Any]:
        """Read a struct; `wanted` names fields by number, those that are structs with what is wanted of them.

        Raises:
            ThriftError: the bytes end too early, or nest too deeply.
        """
        found: dict[str, Any] = {}
        number = 0
        while True:
            head = self._byte()
            kind = head & 15
            if kind == 0:
                return found
            number = number + (head >> 4) if head >> 4 else self._signed()
            name, kind_wanted = wanted.get(number, ("", None))
            fields = kind_wanted[0] if isinstance(kind_wanted, list) else kind_wanted
            value = self._value(kind, fields if isinstance(fields, dict) else None, depth + 1)
            if not name:
                continue
            if not _is_of_kind(value, kind_wanted):
                raise ThriftError(f"{name} is of another kind")
            found[name] = value

    def _value(self, kind: int, wanted: dict[int, Any] | None, depth: int, *, in_list: bool = False) -> Any:
        if depth > 16:
            raise ThriftError("nested too deeply")
        if kind in (1, 2):
            return self._byte() == 1 if in_list else kind == 1
        if kind == 12:
            return self.struct(wanted or {}, depth)
        if kind in (9, 10):
            return self._list(wanted, depth)
        if kind not in self._PLAIN:
            raise ThriftError(f"a value of kind {kind}")
        return self._PLAIN[kind](self)

    def _list(self, wanted: dict[int, Any] | None, depth: int) -> list[Any]:
        head = self._byte()
        size = head >> 4 if head >> 4 != 15 else self._unsigned()
        # Every element takes a byte at least.
        if size > len(self.data) - self.at:
            raise ThriftError("a list that is longer than the file")
        values = (self._value(head & 15, wanted, depth + 1, in_list=True) for _ in range(size))
        if wanted is None:
            for _ in values:
                pass
            return []
        return list(values)

    def _byte(self) -> int:
        if self.at >= len(self.data):
            raise ThriftError("it ends too early")
        self.at += 1
        return self.data[self.at - 1]

    def _bytes(self, n: int) -> bytes:
        if n > len(self.data) - self.at:
            raise ThriftError("it ends too early")
        self.at += n
        return self.data[self.at - n : self.at]

    def _unsigned(self) -> int:
        value = shift = 0
        while True:
            byte = self._byte()
            value |= (byte & 127) << shift
            if byte < 128:
                return value
            shift += 7
            if shift > 63:
                raise ThriftError("a number of more than 64 bits")

    def _signed(self) -> int:
        value = self._unsigned()
        return (value >> 1) ^ -(value & 1)

    _PLAIN: ClassVar[dict[int, Callable[["_Compact"], Any]]] = {
        3: _byte,
        4: _signed,
        5: _signed,
        6: _signed,
        7: lambda self: self._bytes(8),
        8: lambda self: self._bytes(self._unsigned()),
    }


def _is_of_kind(value: Any, kind: Any) -> bool:
    if isinstance(kind, list):
        return isinstance(value, list) and all(isinstance(element, dict) for element in value)
    if isinstance(kind, dict):
        return isinstance(value, dict)
    return isinstance(value, kind) and not isinstance(value, bool)


def bounded_footer(file: BinaryIO, name: str) -> dict[str, Any]:
    """Read the footer of a Parquet file, and refuse one that promises too much or contradicts itself.

    Args:
        file: the file.
        name: how messages call it.

    Returns:
        schema, num_rows and row_groups, as far as the limits need them.

    Raises:
        StudyPackageError: too many columns, a column in another, too many rows for the size of the file,
            or a footer that is none.
    """
    n_bytes = os.fstat(file.fileno()).st_size
    file.seek(max(n_bytes - 8, 0))
    tail = file.read(8)
    length = int.from_bytes(tail[:4], "little")
    if tail[4:] != _MAGIC or not 0 < length <= n_bytes - 12:
        raise damaged(name, "its end is missing")
    if length > MAX_FOOTER_BYTES:
        raise StudyPackageError(
            [f"{name}: the footer takes {length:,} bytes; accepted: at most {MAX_FOOTER_BYTES:,}"]
        )
    file.seek(n_bytes - 8 - length)
    try:
        footer = _Compact(file.read(length)).struct(_FILE_META)
        if not footer["schema"]:
            raise ThriftError("no columns")  # noqa: TRY301
        _refuse_nested(footer["schema"], name)
        n_rows = footer["num_rows"]
        groups = footer.setdefault("row_groups", [])
        is_sound = n_rows >= 0 and n_rows == sum(group["num_rows"] for group in groups)
        is_sound = is_sound and all(_fits(group, len(footer["schema"]) - 1, n_bytes) for group in groups)
    except (ThriftError, KeyError) as error:
        raise damaged(name, f"its footer cannot be read, {error}") from None
    if not is_sound:
        raise damaged(name, "its footer contradicts itself")
    if n_rows > max(FREE_ROWS, MAX_ROWS_A_BYTE * n_bytes):
        problem = (
            f"{name} takes {n_bytes:,} bytes and promises {n_rows:,} rows: no rows with a key pack so well"
        )
        raise StudyPackageError([f"{problem}; accepted: {FREE_ROWS:,} rows, or {MAX_ROWS_A_BYTE} a byte"])
    file.seek(0)
    return footer


def refuse_a_bomb(n_unpacked: int, n_bytes: int, name: str) -> None:
    """Refuse a file that unpacks to far more than it takes.

    Raises:
        StudyPackageError: it is more than `FREE_BYTES` and `MAX_RATIO` times the size of the file.
    """
    if n_unpacked > max(FREE_BYTES, MAX_RATIO * n_bytes):
        problem = (
            f"{name} takes {n_bytes:,} bytes and unpacks to {n_unpacked:,} or more: such a file is made to"
            f" fill the memory; accepted: {FREE_BYTES:,} bytes, or {MAX_RATIO} times the file's size"
        )
        raise StudyPackageError([problem])


def check_pages(file: BinaryIO, name: str, footer: dict[str, Any]) -> None:
    """Read the head of every page, and refuse a file whose pages would not fit into the memory.

    Raises:
        StudyPackageError: pages unpack to too much, hold other than the footer says, or are packed in a
            way that cannot be bounded.
    """
    for group in footer["row_groups"]:
        n_held = 0
        for column, element in zip(group["columns"], footer["schema"][1:], strict=True):
            largest = dictionary = n_values = 0
            for head in _page_heads(file, name, column["meta"]):
                data = head.get("data") or head.get("data_v2")
                page = data or head.get("dictionary") or {}
                if page.get("encoding") == _DELTA_BYTE_ARRAY:
                    raise _boundless(name, _text(element.get("name", b"")))
                if data:
                    n_values += data.get("num_values", 0)
                    largest = max(largest, head["unpacked"])
                else:
                    dictionary = max(
                        dictionary, head["unpacked"] + _WORD_BYTES * max(page.get("num_values", 0), 0)
                    )
            if n_values != group["num_rows"]:
                raise damaged(name, "its pages hold other rows than its footer says")
            n_held += largest + dictionary
        if n_held > MAX_PAGES_BYTES:
            problem = (
                f"{name}: the pages of its columns unpack to {n_held:,} bytes at a time; accepted: at most"
                f" {MAX_PAGES_BYTES:,}, as writers make them unless told otherwise"
            )
            raise StudyPackageError([problem])
    file.seek(0)


def _boundless(name: str, column: str) -> StudyPackageError:
    problem = (
        f"{name}: column `{column}` is encoded as DELTA_BYTE_ARRAY, whose size cannot be told before it is"
        " read; accepted: PLAIN or a dictionary, which writers use unless told otherwise"
    )
    return StudyPackageError([problem])


def damaged(name: str, cause: str) -> StudyPackageError:
    """Return the error of a Parquet file that cannot be read as one."""
    return StudyPackageError(
        [f"{name} is a damaged Parquet file ({cause}); accepted: the file as it was written"]
    )


def _refuse_nested(schema: list[dict[str, Any]], name: str) -> None:
    root, *columns = schema
    if len(columns) > MAX_COLUMNS:
        raise StudyPackageError(
            [f"{name} has {len(columns):,} columns or more; accepted: at most {MAX_COLUMNS:,}"]
        )
    nested = [_text(element.get("name", b"")) for element in columns if element.get("num_children")]
    if nested or root.get("num_children") != len(columns):
        which = f"column `{nested[0]}`" if nested else "a column"
        accepted = "accepted: text, numbers, dates, true or false"
        raise StudyPackageError([f"{name}: {which} holds lists or records (it is nested); {accepted}"])


def _text(name: bytes) -> str:
    return name[:200].decode(errors="replace")


def _fits(group: dict[str, Any], n_columns: int, n_bytes: int) -> bool:
    """Whether a row group's columns are all there, hold its rows, and lie in this file."""
    return len(group["columns"]) == n_columns and all(
        "file_path" not in column
        and column["meta"]["num_values"] == group["num_rows"]
        and 0 <= _start(column["meta"]) <= _start(column["meta"]) + column["meta"]["n_bytes"] <= n_bytes
        for column in group["columns"]
    )


def _start(meta: dict[str, Any]) -> int:
    data: int = meta["data_offset"]
    # Some writers put 0 where there is no dictionary.
    return min(data, meta.get("dictionary_offset") or data)


def _page_heads(file: BinaryIO, name: str, meta: dict[str, Any]) -> Iterator[dict[str, Any]]:
    at, end = _start(meta), _start(meta) + meta["n_bytes"]
    while at < end:
        head, n_bytes = _page_head(file, name, at)
        if head["packed"] < 0 or head["unpacked"] < 0 or at + n_bytes + head["packed"] > end:
            raise damaged(name, "a page goes on behind its column")
        at += n_bytes + head["packed"]
        if head.get("type") != _INDEX_PAGE:
            yield head


def _page_head(file: BinaryIO, name: str, at: int) -> tuple[dict[str, Any], int]:
    window = 1 << 10
    while True:
        file.seek(at)
        reader = _Compact(file.read(window))
        try:
            head = reader.struct(_PAGE_HEAD)
            return {**head, "packed": head["packed"], "unpacked": head["unpacked"]}, reader.at
        except ThriftError as error:
            if len(reader.data) < window or window >= _MAX_PAGE_HEAD_BYTES:
                raise damaged(name, f"the head of a page cannot be read, {error}") from None
        except KeyError as error:
            raise damaged(name, f"the head of a page lacks {error}") from None
        window *= 4
