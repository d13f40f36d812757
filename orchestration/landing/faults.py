"""Why a row is set aside: the faults that the schema of its record finds, in words."""

from collections.abc import Iterable
from functools import cache
from typing import Any

import dataframely as dy
import polars as pl

from schemas.privacy import Privacy
from schemas.records import RecordType, RowRule
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


def shown(value: pl.Expr) -> pl.Expr:
    """Cut a value to what a message can show."""
    return value.str.slice(0, _SHOWN_CHARACTERS)


def named(column: str, value: pl.Expr, record: RecordType) -> pl.Expr:
    """Name a column with its value, as sentences do; what tells who somebody is stays in the file."""
    if record.privacy.get(column) is Privacy.DIRECT_IDENTIFIER:
        return pl.lit(f"{column} (not shown)")
    return pl.format("{} `{}`", pl.lit(column), shown(value).fill_null(""))


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
            faults.append(_row_rule_faults(values, name, record.rules[name]))
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
        if check == "check__vocabulary":
            complaint += _suggestions(values[name], metadata["vocabulary"])
        causes = metadata.get("causes", {}).get(check, ())
        reason = pl.format("{} {}", named(name, value, record), first_cause(value, causes, complaint))
    return values.select(
        "row",
        rule=pl.lit(_RULE_IDS[check]),
        column_name=pl.lit(name),
        value=value.fill_null(""),
        reason=reason,
        accepted=pl.lit(record.accepted[name]),
    )


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


def _row_rule_faults(values: pl.DataFrame, name: str, rule: RowRule) -> pl.DataFrame:
    blamed = rule.columns[0]
    parts = [
        part for column in rule.columns for part in (pl.lit(column), shown(pl.col(column)).fill_null(""))
    ]
    template = " and ".join(["{} is `{}`"] * len(rule.columns))
    return values.select(
        "row",
        rule=pl.lit(name),
        column_name=pl.lit(blamed),
        value=shown(pl.col(blamed)),
        reason=pl.format(template, *parts),
        accepted=pl.lit(rule.accepted),
    )
