"""Why a row is set aside: the faults that the schema of its record finds, in words."""

from collections.abc import Iterable
from functools import cache
from typing import Any

import dataframely as dy
import polars as pl

from schemas.privacy import Privacy
from schemas.records import RecordType
from schemas.reference import suggestion

FAULT_SCHEMA = {
    "row": pl.Int64,
    "rule": pl.String,
    "column_name": pl.String,
    "value": pl.String,
    "reason": pl.String,
    "accepted": pl.String,
}
# Longer values are cut in messages; the row's text keeps them.
_SHOWN_CHARACTERS = 200
# So many different wrong words are still worth a suggestion each.
_SUGGESTED_WORDS = 200
_RULE_IDS = {
    "nullability": "missing",
    "min": "range",
    "min_exclusive": "range",
    "max": "range",
    "check__range": "range",
    "check__vocabulary": "vocabulary",
    "regex": "form",
    "max_length": "length",
}

_OF_FORM = {"regex": "has another form", "check__vocabulary": "is not an accepted word"}

_YEAR = "(?:1[89]|2[01]|00|99)[0-9]{2}"
_MONTH = "(?:[0-9]{1,2}|(?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]{0,6})"
_TIME = "[t ][0-9]{1,2}:[0-9]{2}(?::[0-9]{2}(?:[.,][0-9]{1,6})?)?(?:z|[+-][0-9]{2}:?[0-9]{2})?"
_DATE = rf"(?:{_YEAR}-|{_YEAR}[-/. ]{_MONTH}(?:[-/. ][0-9]{{1,2}})?|[0-9]{{1,2}}[-/. ]{_MONTH}[-/. ]{_YEAR})"
_DIGITS = "(?:0|[1-9][0-9]{0,4}|[1-9][0-9]{0,2}[,_][0-9]{3})"
_NUMBER = rf"[<>=≤≥]{{0,2}} ?[+-]?{_DIGITS}?(?:[.,][0-9]{{0,4}})?(?:e[+-]?[0-9]{{1,3}})?(?: ?%)?"
_OF_A_RESULT = r"(?: ?(?:\*|[a-zµμ]{1,4}/[a-zµμ]{1,3}))?|[<>]? ?u?l?lo[dq]|nd|n\.d\."
_NOTHING = r"na|n/a|nan|null|none|nil|missing|unknown|\.|-+|\?+"
# The forms in which a value of a type is shown, right or wrong. A long number, one with leading zeros and a
# word may be an identifier that stands in the wrong column.
_FORMS = (
    (pl.Date(), f"{_DATE}(?:{_TIME})?"),
    (pl.Datetime("us"), f"{_DATE}(?:{_TIME})?"),
    (pl.Float64(), f"{_NUMBER}|[+-]?inf(?:inity)?"),
    (pl.Int64(), f"{_NUMBER}|[+-]?inf(?:inity)?"),
    (pl.Boolean(), "true|false|yes|no|y|n|t|f|0|1"),
)


def shown(value: pl.Expr) -> pl.Expr:
    """Cut a value to what a message can show."""
    return value.str.slice(0, _SHOWN_CHARACTERS)


def named(column: str, value: pl.Expr, record: RecordType, is_near: pl.Expr | None = None) -> pl.Expr:
    """Name a column with its value, as sentences do; what may tell who somebody is stays in the file.

    Columns can be swapped, so a value is shown only where it has the form of its column and no other:
      1. In a column of dates: digits as a date with its year, or with a month's name, and a time of day.
      2. In a column of numbers, or of results: a number of at most five digits before its decimals (six with
         a separator) that has no leading zeros. An identifier that is as short a number passes, unless the
         row's own key is the same: nothing tells it from a number.
      3. In a column of truths, one of the usual words; in any of these, a usual word for a missing value.
      4. In a column of a vocabulary, what is near a word of it, which `is_near` says.
      5. In every other, nothing.

    Args:
        column: its name; a column that is no contract counts as one of numbers.
        value: its text.
        record: the contract.
        is_near: whether a value is near an accepted word.
    """
    return pl.concat_str(pl.lit(f"{column} "), _quoted(column, value, record, is_near))


def _quoted(column: str, value: pl.Expr, record: RecordType, is_near: pl.Expr | None = None) -> pl.Expr:
    """Quote a value if it may be shown."""
    hidden = pl.lit("(not shown)")
    if record.privacy.get(column) is Privacy.DIRECT_IDENTIFIER:
        return hidden
    form = _form(column, record)
    is_shown = pl.lit(False) if is_near is None else is_near
    if form:
        is_shown |= value.str.contains(rf"(?i)^\s?(?:{form}|{_NOTHING})\s?$")
    return pl.when(is_shown).then(pl.format("`{}`", shown(value))).otherwise(hidden)


def _form(name: str, record: RecordType) -> str:
    column = record.columns.get(name)
    if column is None:
        return _FORMS[2][1]
    if (column.metadata or {}).get("partial_date"):
        return _FORMS[0][1]
    if isinstance(column, dy.String):
        # The only text of a form is a result, which is a number or a word.
        return f"{_NUMBER}{_OF_A_RESULT}" if column.regex else ""
    return next(form for dtype, form in _FORMS if column.dtype == dtype)


def first_cause(value: pl.Expr, causes: Iterable[tuple[str, str]], otherwise: pl.Expr) -> pl.Expr:
    """Say of a text the words of the first pattern that is found in it, or `otherwise`."""
    cause = otherwise
    for pattern, words in reversed(tuple(causes)):
        cause = pl.when(value.str.contains(pattern)).then(pl.lit(words)).otherwise(cause)
    return cause


def schema_faults(frame: pl.DataFrame, fields: pl.DataFrame, record: RecordType) -> pl.DataFrame:
    """Find the rows that break a record's schema, with one fault for every rule that each breaks.

    Args:
        frame: typed contract columns and `row`.
        fields: the same rows as text; what is missing in both is missing, not unreadable.
        record: the contract.
    """
    failure = _with_row(record.schema).filter(frame)[1]
    broken = failure.counts()
    if not broken:
        return pl.DataFrame(schema=FAULT_SCHEMA)
    details = failure.details()
    written = fields.select(name for name in record.columns if name in fields.columns)
    faults = [pl.DataFrame(schema=FAULT_SCHEMA)]
    for name in broken:
        rows = details.filter(pl.col(name) == "invalid").select("row")
        values = rows.hstack(written[rows["row"]])
        if "|" in name:
            column, check = name.split("|")
            faults.append(_column_faults(values, column, check, record))
        else:
            faults.append(_row_rule_faults(values, name, record))
    return pl.concat(faults)


@cache
def _with_row(schema: type[dy.Schema]) -> Any:
    """Return the schema with a column for the row's position, which finds a broken row again."""
    return type(f"Located{schema.__name__}", (schema,), {"row": dy.Int64()})


def _column_faults(values: pl.DataFrame, name: str, check: str, record: RecordType) -> pl.DataFrame:
    column = record.columns[name]
    metadata = column.metadata or {}
    value = shown(pl.col(name)) if name in values.columns else pl.lit(None, dtype=pl.String)
    if check == "nullability":
        # A value that is there but could not be read has its own fault.
        values = values.filter(value.is_null())
        reason = pl.lit(f"{name} is missing")
    else:
        complaint = pl.lit(_complaint(column, check))
        is_near = None
        if check == "check__vocabulary":
            suggestions = _suggestions(values[name], metadata["vocabulary"])
            complaint, is_near = complaint + suggestions, suggestions != ""
        causes = metadata.get("causes", {}).get(check, ())
        # A number that is also the key of its row may be that key a second time.
        own = pl.when(~_is_own_key(name, values, record)).then(value)
        reason = pl.format("{} {}", named(name, own, record, is_near), first_cause(value, causes, complaint))
    return values.select(
        "row",
        rule=pl.lit(_RULE_IDS[check]),
        column_name=pl.lit(name),
        value=value.fill_null(""),
        reason=reason,
        accepted=pl.lit(record.accepted[name]),
    )


def _is_own_key(name: str, values: pl.DataFrame, record: RecordType) -> pl.Expr:
    """Whether a value is, but for case and blanks, also an identifier of its row."""
    keys = [key for key, tag in record.privacy.items() if tag is Privacy.DIRECT_IDENTIFIER and key != name]
    plain = pl.col(name).str.strip_chars().str.to_lowercase()
    same = [
        plain == pl.col(key).str.strip_chars().str.to_lowercase() for key in keys if key in values.columns
    ]
    return pl.any_horizontal(pl.lit(False), *same).fill_null(False)


def _suggestions(words: pl.Series, vocabulary: list[str]) -> pl.Expr:
    distinct = words.unique().sort().head(_SUGGESTED_WORDS).to_list()
    near = {word: suggestion(word, vocabulary) for word in distinct}
    return pl.col(words.name).replace_strict(near, default="", return_dtype=pl.String)


def _complaint(column: Any, check: str) -> str:
    match check:
        case "min":
            return f"is below {column.min}"
        case "min_exclusive":
            return f"is not above {column.min_exclusive}"
        case "max":
            return f"is above {column.max}"
        case "max_length":
            return f"is longer than {column.max_length} bytes"
        case _:
            return _OF_FORM.get(check, "is out of range")


def _row_rule_faults(values: pl.DataFrame, name: str, record: RecordType) -> pl.DataFrame:
    rule = record.rules[name]
    blamed = rule.columns[0]
    parts = [part for name in rule.columns for part in (pl.lit(name), _quoted(name, pl.col(name), record))]
    template = " and ".join(["{} is {}"] * len(rule.columns))
    return values.select(
        "row",
        rule=pl.lit(name),
        column_name=pl.lit(blamed),
        value=shown(pl.col(blamed)),
        reason=pl.format(template, *parts),
        accepted=pl.lit(rule.accepted),
    )
