"""Dividing lines of text into values, with the line of each row.

Lines without a quote, and lines in which quotes only wrap whole plain values, are divided by Polars in
one go. All others (separators, quotes or line breaks inside a value) are read one by one by Python's
`csv`. Both give the same values. A quote that is never closed spoils its own line only: reading goes on
with the next. Lines without any character are not rows.
"""

import csv
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import polars as pl

from orchestration.landing.batch import MalformedRow, RowBatch
from schemas.errors import StudyPackageError

# Longer "lines" are binary data, or a file without line ends.
MAX_ROW_BYTES = 1 << 20
# Lines that may be read in vain for the end of a quote, besides as many bytes as were read of the file: rows
# that are each read a mebibyte far, one line after the other, would take days.
MAX_VAIN_CHARACTERS = 8 << 20
# Every value either without a quote or wrapped in two, with neither quote nor separator inside.
_PLAINLY_QUOTED = r'^(?:"[^",]*"|[^",]*)(?:,(?:"[^",]*"|[^",]*))*$'
_QUOTES = 'values with a comma, a quote or a line break in double quotes, with "" for a quote inside'


@dataclass(frozen=True)
class Divided:
    """Rows of a block; `unread` is the row at its end that goes on in the next block, if any."""

    batch: RowBatch
    unread: str
    n_lines: int


@dataclass
class VainReading:
    """How many characters of a file were read for the end of a quote that did not come."""

    name: str
    n_read: int = 0
    n_characters: int = 0

    def add(self, n_characters: int, line: int) -> None:
        """Count what one row was read in vain.

        Raises:
            StudyPackageError: it has become more than a file whose quotes are now and then damaged needs.
        """
        self.n_characters += n_characters
        if self.n_characters > MAX_VAIN_CHARACTERS + self.n_read:
            problem = f"{self.name} line {line}: so many quotes are opened and not closed that its rows"
            raise StudyPackageError([f"{problem} cannot be told apart; accepted: {_QUOTES}"])


@dataclass(frozen=True)
class _Row:
    """A row that was read singly; `n_lines` is how many lines it takes."""

    line: int
    text: str
    values: list[str]


@dataclass
class _Singly:
    """What became of the lines that needed care; `n_read` lines of the block are done."""

    n_read: int
    rows: list[_Row] = field(default_factory=list)
    malformed: list[MalformedRow] = field(default_factory=list)
    taken: list[int] = field(default_factory=list)


def split_lines(text: str) -> pl.Series:
    """Split text into its lines; a line feed at its very end begins no further line."""
    if not text:
        return pl.Series("text", [], dtype=pl.String)
    return pl.Series("text", [text.removesuffix("\n")]).str.split("\n").explode()


def divide(
    lines: pl.Series,
    first_line: int,
    columns: Sequence[str],
    end_byte: int,
    *,
    vain: VainReading | None,
    is_last: bool,
) -> Divided:
    """Divide whole lines into values.

    Args:
        lines: text of the lines.
        first_line: line number of the first.
        columns: names of the header, two or more.
        end_byte: where in the file the block ends.
        vain: counts what is read in vain; none when no line holds a quote or a carriage return.
        is_last: whether the file ends with the block.

    Raises:
        StudyPackageError: quotes are opened again and again and not closed.
    """
    singly = _Singly(n_read=len(lines))
    if vain:
        singly = _read_singly(lines, first_line, vain, is_last=is_last)
    position = pl.int_range(singly.n_read, eager=True)
    rows = pl.DataFrame({"line": position + first_line, "text": lines[: singly.n_read]})
    is_taken = position.is_in(pl.Series(singly.taken, dtype=pl.Int64).implode())
    batch = _batch(rows.filter(~is_taken & (pl.col("text") != "")), singly, list(columns), end_byte)
    unread = "".join(line + "\n" for line in lines[singly.n_read :].to_list())
    return Divided(batch, unread, singly.n_read)


def _read_singly(lines: pl.Series, first_line: int, vain: VainReading, *, is_last: bool) -> _Singly:
    """Read the rows that begin on a line whose quotes or carriage returns need care."""
    singly = _Singly(n_read=len(lines))
    needs_care = lines.str.contains('"', literal=True) & ~lines.str.contains(_PLAINLY_QUOTED)
    starts = (needs_care | lines.str.contains("\r", literal=True)).arg_true()
    following = 0
    for start, first in zip(starts.to_list(), lines.gather(starts).to_list(), strict=True):
        if start < following:
            continue
        pulled = _Pulled(lines, start, first)
        outcome = _read_row(pulled, first_line + start)
        if isinstance(outcome, _Row):
            singly.rows.append(outcome)
            following = start + len(pulled.seen)
        elif pulled.ran_out and not is_last and pulled.n_characters <= MAX_ROW_BYTES:
            singly.n_read = start
            break
        else:
            vain.add(pulled.n_characters, first_line + start)
            singly.malformed.append(outcome)
            following = start + 1
        singly.taken.extend(range(start, following))
    return singly


@dataclass
class _Pulled:
    """Hands lines to the csv reader until its row is complete, or too long to be one."""

    lines: pl.Series
    start: int
    first: str
    seen: list[str] = field(default_factory=list)
    n_characters: int = 0
    ran_out: bool = False

    def __iter__(self) -> Iterator[str]:
        """Yield the first line, then those after it."""
        text = self.first
        for following in range(self.start + 1, len(self.lines) + 1):
            self.n_characters += len(text) + 1
            self.seen.append(text + "\n")
            yield self.seen[-1]
            if following == len(self.lines) or self.n_characters > MAX_ROW_BYTES:
                break
            text = self.lines[following]
        self.ran_out = True


def _read_row(pulled: _Pulled, line: int) -> _Row | MalformedRow:
    # The library's own limit is lower than what a row may have here.
    csv.field_size_limit(2 * MAX_ROW_BYTES)
    try:
        values = next(csv.reader(pulled, strict=True))
    except csv.Error:
        if pulled.ran_out or len(pulled.seen) > 1:
            reason = f"a quote that is opened on line {line} is not closed"
        elif "\r" in pulled.first:
            reason = "the row holds a lone carriage return"
        else:
            reason = "the quotes of the row do not match"
        return MalformedRow(line, pulled.first, "quotes", reason, _QUOTES)
    return _Row(line, "".join(pulled.seen).removesuffix("\n"), values)


def _batch(rows: pl.DataFrame, singly: _Singly, columns: list[str], end_byte: int) -> RowBatch:
    width = len(columns)
    # What is left of quotes in these rows only wraps plain values.
    bare = rows["text"].str.replace_all('"', "", literal=True)
    n_values = bare.str.count_matches(",", literal=True) + 1
    fields = bare.filter(n_values == width).str.split_exact(",", width - 1).struct.unnest()
    fields.columns = columns
    whole = rows.filter(n_values == width)
    ragged = rows.with_columns(n=n_values).filter(n_values != width)
    malformed = [_wrong_width(line, text, n, width) for line, text, n in ragged.iter_rows()]
    fitting = []
    for row in singly.rows:
        if len(row.values) == width:
            fitting.append(row)
        else:
            malformed.append(_wrong_width(row.line, row.text, len(row.values), width))
    if fitting:
        fields, whole = _merged(fields, whole, fitting)
    return RowBatch(
        fields=fields.select(pl.when(pl.all() != "").then(pl.all())),
        lines=whole["line"],
        texts=whole["text"],
        malformed=sorted(malformed + singly.malformed, key=lambda row: row.line),
        end_byte=end_byte,
    )


def _merged(fields: pl.DataFrame, whole: pl.DataFrame, rows: list[_Row]) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Put rows that were read singly among the others, in file order."""
    values = pl.DataFrame([row.values for row in rows], schema=fields.schema, orient="row")
    places = pl.DataFrame({"line": [row.line for row in rows], "text": [row.text for row in rows]})
    whole = pl.concat([whole, places])
    order = whole["line"].arg_sort()
    return pl.concat([fields, values])[order], whole[order]


def _wrong_width(line: int, text: str, n: int, width: int) -> MalformedRow:
    reason = f"the row has {n} values where the header has {width} columns"
    accepted = f"{width} values separated by commas; {_QUOTES}"
    return MalformedRow(line, text, "field_count", reason, accepted)
