"""Every row of a text file is read with its line, whatever its quotes, line ends and block size."""

import csv
import io

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from orchestration.landing import text_file
from schemas.errors import StudyPackageError

QUOTING = {
    "only where needed": csv.QUOTE_MINIMAL,
    "everywhere": csv.QUOTE_ALL,
}
VALUES = st.text(st.sampled_from('ab,"\n é;7'), max_size=6)
ROWS = st.lists(st.lists(VALUES, min_size=3, max_size=3), max_size=8)


@pytest.fixture(scope="module")
def read(tmp_path_factory):
    """Reads rows below a header: (line, values) of the rows that fit, (line, rule) of the malformed."""
    path = tmp_path_factory.mktemp("text") / "rows.csv"

    def read_bytes(content: bytes, width: int = 3, block_bytes: int = text_file.BLOCK_BYTES):
        path.write_bytes(b"h\n" + content)
        rows, malformed = [], []
        with path.open("rb") as file:
            for batch in text_file.read_rows(file, "rows.csv", [f"c{n}" for n in range(width)], block_bytes):
                values = [[value or "" for value in row] for row in batch.fields.rows()]
                rows += zip(batch.lines, values, strict=True)
                malformed += [(row.line, row.rule) for row in batch.malformed]
        return rows, malformed

    return read_bytes


def _one_line_at_a_time(text: str, width: int):
    """The rule in its plainest form: a row begins on a line, and a quote never closed spoils one line."""
    lines = text.replace("\r\n", "\n").removesuffix("\n").split("\n")
    rows, malformed, at = [], [], 0
    while at < len(lines):
        reader = csv.reader((line + "\n" for line in lines[at:]), strict=True)
        line, taken = at + 2, 1
        if lines[at]:
            try:
                values = next(reader)
                taken = reader.line_num
                if len(values) == width:
                    rows.append((line, values))
                else:
                    malformed.append((line, "field_count"))
            except csv.Error:
                malformed.append((line, "quotes"))
        at += taken
    return rows, malformed


@given(rows=ROWS, block_bytes=st.sampled_from([16, 64, 1 << 20]), line_end=st.sampled_from(["\n", "\r\n"]))
@settings(max_examples=40, deadline=None)
def test_quoting_line_ends_and_block_size_do_not_change_what_is_read(read, rows, block_bytes, line_end):
    for quoting in QUOTING.values():
        file = io.StringIO()
        csv.writer(file, quoting=quoting, lineterminator=line_end).writerows(rows)
        found, malformed = read(file.getvalue().encode(), block_bytes=block_bytes)
        assert [values for _, values in found] == rows
        assert malformed == []


@given(text=st.text(st.sampled_from('ab,"\n\r é'), max_size=60), block_bytes=st.sampled_from([1, 5, 1 << 20]))
@example(text='a,"b\nc,d\n', block_bytes=5)
@example(text='"a""\n"",b\n\n"', block_bytes=1)
@settings(max_examples=150, deadline=None)
def test_any_text_is_read_as_if_one_line_at_a_time(read, text, block_bytes):
    assert read(text.encode(), 2, block_bytes) == _one_line_at_a_time(text, 2)


def test_a_quote_that_is_never_closed_spoils_its_own_line_only(read):
    rows, malformed = read(b'a,b,c\na,"b,c\na,b,c\n')
    assert malformed == [(3, "quotes")]
    assert [line for line, _ in rows] == [2, 4]


def test_a_value_with_a_line_break_keeps_the_lines_after_it_numbered_as_in_an_editor(read):
    rows, _ = read(b'a,"b\nb\nb",c\na,b,c\n')
    assert rows == [(2, ["a", "b\nb\nb", "c"]), (5, ["a", "b", "c"])]


def test_lines_without_any_character_are_not_rows(read):
    rows, malformed = read(b"\na,b,c\n\n\na,b,c\n\n")
    assert [line for line, _ in rows] == [3, 6]
    assert malformed == []


def test_a_row_of_separators_only_is_a_row(read):
    assert read(b",,\n") == ([(2, ["", "", ""])], [])


def test_the_last_row_needs_no_line_end(read):
    assert read(b"a,b,c")[0] == [(2, ["a", "b", "c"])]


def test_rows_with_too_few_or_too_many_values_are_malformed(read):
    rows, malformed = read(b'a,b\na,b,c\na,b,c,d\n"a,b",c\n')
    assert [line for line, _ in rows] == [3]
    assert malformed == [(2, "field_count"), (4, "field_count"), (5, "field_count")]


def test_a_row_of_a_mebibyte_is_refused_by_its_line(read):
    for block_bytes in (1 << 16, 1 << 24):
        with pytest.raises(StudyPackageError, match=r"line 3 is longer than 1,048,576 bytes"):
            read(b"a,b,c\n" + b"x" * (1 << 20) + b"x,b,c\n", block_bytes=block_bytes)


def test_a_quote_that_is_closed_a_mebibyte_later_spoils_its_own_line_only(read):
    filler = b"a,b," + b"c" * 95 + b"\n"
    for block_bytes in (1 << 18, 1 << 24):
        rows, malformed = read(b'a,"b,c\n' + filler * 11_000 + b'a,"b",c\n', block_bytes=block_bytes)
        assert malformed == [(2, "quotes")]
        assert len(rows) == 11_001


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"a,b,c\nJos\xe9,b,c\n", "byte 0xE9 on line 3 is not UTF-8; it looks like Windows-1252 or Latin-1"),
        (b"a,b,c\na,\x00,c\n", "line 3 holds a NUL byte"),
    ],
)
def test_bytes_that_are_no_text_are_named_with_their_line(read, content, words):
    with pytest.raises(StudyPackageError, match=words):
        read(content)
