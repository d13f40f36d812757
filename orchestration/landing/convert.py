"""From text to types, strictly: a value is accepted only if it prints back as it was written.

What cannot be read is a fault with its cause, never a missing value: a reader that guesses turns `007`
into 7, `12.7` into 13 and a time of day into nothing.
"""

from collections.abc import Callable, Collection
from dataclasses import dataclass

import dataframely as dy
import polars as pl

from orchestration.landing.faults import FAULT_SCHEMA, first_cause, named, shown
from schemas.plain_text import FORMULA, INVISIBLE
from schemas.records import RecordType
from schemas.records.columns import TEXT_BYTES

_NUMBER = r"^-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]{1,3})?$"
_MOMENT = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9]{2}:[0-9]{2}(:[0-9]{2})?$"
_BLANK_AROUND = r"^\s|\s$"

_ANY_CAUSE = (
    (r"[\r\n]", "holds a line break"),
    (r"\x{FFFD}", "holds the sign of a damaged character"),
    (INVISIBLE, "holds a control or invisible character"),
    (_BLANK_AROUND, "has a blank before or after it"),
)
_TEXT_CAUSES = (*_ANY_CAUSE, (FORMULA, "begins like a formula, which a spreadsheet would execute"))
_ABSENT = (
    r"(?i)^(na|n/a|nan|null|none|nil|missing|unknown|\.|-+|\?+)$",
    "stands for a missing value, which is left empty",
)
_NUMBER_CAUSES = (
    *_ANY_CAUSE,
    _ABSENT,
    (r"(?i)^[+-]?inf(inity)?$", "is not finite"),
    (r"^-?[0-9]+(,[0-9]+)+(\.[0-9]+)?$", "has a comma: decimals follow a point, thousands are not separated"),
    (r"^-?0[0-9]", "has leading zeros"),
    (r"^\+", "has a plus sign"),
    (r"_", "has an underscore"),
)
_CONTINUOUS = "a number: adjustment of study.yaml calls it continuous"
_TOO_LARGE = "cannot be kept: it is too large or too small"
_WHOLE_NUMBER_CAUSES = (
    *_NUMBER_CAUSES,
    (r"^-?[0-9]+\.[0-9]+$", "has decimals"),
    (r"^-?[1-9][0-9]*$", _TOO_LARGE),
)
_DATE_CAUSES = (
    *_ANY_CAUSE,
    _ABSENT,
    (r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$", "is not a day of the calendar"),
    (r"^[0-9]{4}-[0-9]{2}-[0-9]{2}[T ]", "has a time of day"),
    (r"^[0-9]{1,2}[./-][0-9]{1,2}[./-][0-9]{2,4}$", "does not begin with the year"),
)

_MOMENT_CAUSES = (
    *_ANY_CAUSE,
    _ABSENT,
    (r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$", "has no time of day"),
    (r"([+-][0-9]{2}:?[0-9]{2}|Z)$", "has a time zone; local time is meant"),
    (r"\.[0-9]+$", "has parts of a second"),
)


@dataclass(frozen=True)
class Converted:
    """A batch by type.

    Attributes:
        frame: all contract columns, besides `row`, the position in the batch.
        covariates: the further columns, as text.
        faults: what could not be read.
    """

    frame: pl.DataFrame
    covariates: pl.DataFrame
    faults: pl.DataFrame


@dataclass(frozen=True)
class _Reader:
    """How one type is read, what it is called, and the causes by which its faults are told apart."""

    read: Callable[[pl.Expr], pl.Expr]
    noun: str
    causes: tuple[tuple[str, str], ...]


def convert(
    fields: pl.DataFrame, record: RecordType, covariates: list[str], continuous: Collection[str] = ()
) -> Converted:
    """Convert text to the types of a record; a contract column that is absent is missing throughout.

    Args:
        fields: text columns, missing as null.
        record: the contract.
        covariates: further columns to be kept as text.
        continuous: columns, of the contract or further ones, in which every value must be a number.
    """
    present = {name: _reader(column) for name, column in record.columns.items() if name in fields.columns}
    typed = fields.select(reader.read(pl.col(name)).alias(name) for name, reader in present.items())
    kept = fields.select(_covariate(pl.col(name)).alias(name) for name in covariates)
    texts = [name for name in covariates if name not in continuous]
    numbers = fields.select(_number(pl.col(name)).alias(name) for name in continuous)
    faults = [
        pl.DataFrame(schema=FAULT_SCHEMA),
        *(_unreadable(fields[n], typed[n], reader, record) for n, reader in present.items()),
        *(_unreadable(fields[n], kept[n], _COVARIATE, record) for n in texts),
        *(
            _unreadable(fields[n], numbers[n], _NUMBER_READER, record, _CONTINUOUS)
            for n in continuous
            if n not in present or record.columns[n].dtype != pl.Float64()
        ),
    ]
    frame = typed.select(
        pl.int_range(fields.height, dtype=pl.Int64).alias("row"),
        *(
            pl.col(name) if name in present else pl.lit(None, dtype=column.dtype).alias(name)
            for name, column in record.columns.items()
        ),
    )
    return Converted(frame, kept, pl.concat(faults))


def _unreadable(
    text: pl.Series, typed: pl.Series, reader: _Reader, record: RecordType, accepted: str = ""
) -> pl.DataFrame:
    if typed.null_count() == text.null_count():
        return pl.DataFrame(schema=FAULT_SCHEMA)
    rows = pl.DataFrame({"row": pl.int_range(len(text), eager=True), "value": text})
    unread = pl.lit(f"could not be read as {reader.noun}")
    cause = first_cause(pl.col("value"), reader.causes, unread)
    value = pl.col("value")
    accepted = accepted or record.accepted.get(text.name, "text without blanks around it")
    return rows.filter(text.is_not_null() & typed.is_null()).select(
        "row",
        rule=pl.lit("unreadable"),
        column_name=pl.lit(text.name),
        value=shown(value),
        reason=pl.format("{} {}", named(text.name, value, record), cause),
        accepted=pl.lit(accepted),
    )


def _reader(column: dy.Column) -> _Reader:
    if (column.metadata or {}).get("partial_date"):
        return _PARTIAL_DATE
    if isinstance(column, dy.String) and column.regex:
        return _TEXT_OF_A_FORM
    return next(reader for dtype, reader in _READERS if column.dtype == dtype)


def _text(text: pl.Expr) -> pl.Expr:
    return pl.when(~text.str.contains(f"{_BLANK_AROUND}|{INVISIBLE}|{FORMULA}")).then(text)


def _text_of_a_form(text: pl.Expr) -> pl.Expr:
    """Read text of which the contract says more: that of a formula is another form."""
    return pl.when(~text.str.contains(f"{_BLANK_AROUND}|{INVISIBLE}")).then(text)


def _covariate(text: pl.Expr) -> pl.Expr:
    return pl.when(text.str.len_bytes() <= TEXT_BYTES).then(_text(text))


def _whole_number(text: pl.Expr) -> pl.Expr:
    value = text.cast(pl.Int64, strict=False)
    return pl.when(value.cast(pl.String) == text).then(value)


def _number(text: pl.Expr) -> pl.Expr:
    value = text.cast(pl.Float64, strict=False)
    is_zero = value == 0
    # A number too small to be told from zero is not zero; -0 is.
    is_lost = is_zero & text.str.contains(r"^[^eE]*[1-9]")
    is_sound = text.str.contains(_NUMBER) & value.is_finite() & ~is_lost
    return pl.when(is_sound & is_zero).then(0.0).when(is_sound).then(value)


def _day(text: pl.Expr) -> pl.Expr:
    value = text.str.to_date("%Y-%m-%d", strict=False)
    return pl.when(value.dt.to_string("%Y-%m-%d") == text).then(value)


def _partial_day(text: pl.Expr) -> pl.Expr:
    missing_parts = {4: "-01-01", 7: "-01"}
    length = text.str.len_bytes()
    padded = text + length.replace_strict(missing_parts, default="", return_dtype=pl.String)
    return pl.when(_day(padded).is_not_null()).then(text)


def _moment(text: pl.Expr) -> pl.Expr:
    seconds = pl.when(text.str.len_bytes() == 16).then(pl.lit(":00")).otherwise(pl.lit(""))
    full = text.str.replace("T", " ", literal=True) + seconds
    value = full.str.to_datetime("%Y-%m-%d %H:%M:%S", strict=False, time_unit="us")
    prints_back = value.dt.to_string("%Y-%m-%d %H:%M:%S") == full
    return pl.when(text.str.contains(_MOMENT) & prints_back).then(value)


def _truth(text: pl.Expr) -> pl.Expr:
    return pl.when(text == "true").then(pl.lit(value=True)).when(text == "false").then(pl.lit(value=False))


_TEXT = _Reader(_text, "text", _TEXT_CAUSES)
_TEXT_OF_A_FORM = _Reader(_text_of_a_form, "text", _ANY_CAUSE)
_TOO_LONG = (r"(?s).", f"is longer than {TEXT_BYTES} bytes")
_COVARIATE = _Reader(_covariate, "text", (*_TEXT_CAUSES, _TOO_LONG))
_PARTIAL_DATE = _Reader(_partial_day, "a date", _DATE_CAUSES)
_NUMBER_READER = _Reader(_number, "a number", (*_NUMBER_CAUSES, (_NUMBER, _TOO_LARGE)))
_READERS: tuple[tuple[pl.DataType, _Reader], ...] = (
    (pl.String(), _TEXT),
    (pl.Date(), _Reader(_day, "a date", _DATE_CAUSES)),
    (pl.Datetime("us"), _Reader(_moment, "a date and time", _MOMENT_CAUSES)),
    (pl.Float64(), _NUMBER_READER),
    (pl.Int64(), _Reader(_whole_number, "a whole number", _WHOLE_NUMBER_CAUSES)),
    (pl.Boolean(), _Reader(_truth, "true or false", (*_ANY_CAUSE, _ABSENT))),
)
