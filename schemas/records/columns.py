"""Builders of contract columns: type, bounds, meaning and what is accepted, in one declaration.

Every column carries in `description` what it means and in `metadata["accepted"]` the sentence that
messages and documentation show. A builder is the only place where bounds become words.

`metadata["privacy"]` is what the column tells of who somebody is. Dates and free text are quasi-identifiers
unless a column says otherwise; numbers, truths and words of a vocabulary are neither unless it does; a key
may be anything, so it always says.
"""

import datetime as dt
from collections.abc import Sequence
from typing import Any

import dataframely as dy
import polars as pl

from schemas.privacy import Privacy

# Longer keys are pasted notes, not identifiers.
IDENTIFIER_BYTES = 128
TEXT_BYTES = 4000
# Outside these, a date is a typing error or a stand-in for "unknown" such as 9999-12-31.
FIRST_DAY = dt.date(1900, 1, 1)
LAST_DAY = dt.date(2100, 12, 31)

_DATES = f"from {FIRST_DAY} to {LAST_DAY}"


def _properties(
    meaning: str, accepted: str, *, required: bool, privacy: Privacy, partial: bool = False
) -> dict[str, Any]:
    return {
        "nullable": not required,
        "description": meaning,
        "metadata": {
            "accepted": accepted if required else f"{accepted}; or empty",
            "partial_date": partial,
            "privacy": privacy,
        },
    }


def identifier(meaning: str, *, privacy: Privacy, required: bool = False, accepted: str = "") -> dy.String:
    """Build a key: text kept exactly as written (`007` stays `007`); `accepted` says more of it."""
    accepted = accepted or f"text of at most {IDENTIFIER_BYTES} bytes without blanks around it"
    properties = _properties(meaning, accepted, required=required, privacy=privacy)
    return dy.String(max_length=IDENTIFIER_BYTES, **properties)


def text(
    meaning: str, *, required: bool = False, privacy: Privacy = Privacy.QUASI_IDENTIFIER, accepted: str = ""
) -> dy.String:
    """Build free text, in which anything may have been written."""
    accepted = accepted or f"text of at most {TEXT_BYTES} bytes without blanks around it"
    properties = _properties(meaning, accepted, required=required, privacy=privacy)
    return dy.String(max_length=TEXT_BYTES, **properties)


def code(
    meaning: str, vocabulary: Sequence[str], *, required: bool = False, privacy: Privacy = Privacy.NEITHER
) -> dy.String:
    """Build a column whose values come from a closed vocabulary."""
    words = list(vocabulary)
    accepted = f"one of {', '.join(words)}"
    properties = _properties(meaning, accepted, required=required, privacy=privacy)
    properties["metadata"]["vocabulary"] = words
    return dy.String(check={"vocabulary": lambda value: value.is_in(words)}, **properties)


def number(
    meaning: str,
    *,
    low: float | None = None,
    above: float | None = None,
    high: float | None = None,
    required: bool = False,
    privacy: Privacy = Privacy.NEITHER,
) -> dy.Float64:
    """Build a finite number within plausible bounds (`low` and `high` inclusive, `above` not)."""
    accepted = f"a number such as 12.5{_bounds(low, above, high)}"
    properties = _properties(meaning, accepted, required=required, privacy=privacy)
    return dy.Float64(min=low, min_exclusive=above, max=high, **properties)


def whole_number(
    meaning: str, *, low: int | None = None, high: int | None = None, required: bool = False
) -> dy.Int64:
    """Build a whole number within plausible bounds, both inclusive."""
    accepted = f"a whole number{_bounds(low, None, high)}"
    properties = _properties(meaning, accepted, required=required, privacy=Privacy.NEITHER)
    return dy.Int64(min=low, max=high, **properties)


def day(meaning: str, *, required: bool = False) -> dy.Date:
    """Build a calendar day."""
    accepted = f"a date written YYYY-MM-DD {_DATES}"
    properties = _properties(meaning, accepted, required=required, privacy=Privacy.QUASI_IDENTIFIER)
    return dy.Date(min=FIRST_DAY, max=LAST_DAY, **properties)


def partial_day(meaning: str, *, required: bool = False) -> dy.String:
    """Build a day of which only the year, or the year and month, may be known; stays text."""
    accepted = f"a date written YYYY-MM-DD, YYYY-MM or YYYY, {_DATES}"
    privacy = Privacy.QUASI_IDENTIFIER
    properties = _properties(meaning, accepted, required=required, privacy=privacy, partial=True)
    # Text of this form sorts as dates do, and `2014` is within bounds as a prefix of its days.
    first, last = str(FIRST_DAY), str(LAST_DAY)
    return dy.String(check={"range": lambda value: (value >= first[:4]) & (value <= last)}, **properties)


def moment(meaning: str, *, required: bool = False) -> dy.Datetime:
    """Build a local date and time of day, to the second."""
    accepted = f"a date and time written YYYY-MM-DD HH:MM or YYYY-MM-DD HH:MM:SS, {_DATES}"
    low = dt.datetime.combine(FIRST_DAY, dt.time.min)
    high = dt.datetime.combine(LAST_DAY, dt.time.max)
    properties = _properties(meaning, accepted, required=required, privacy=Privacy.QUASI_IDENTIFIER)
    return dy.Datetime(min=low, max=high, time_unit="us", **properties)


def yes_no(meaning: str, *, required: bool = False) -> dy.Bool:
    """Build a truth value."""
    return dy.Bool(**_properties(meaning, "true or false", required=required, privacy=Privacy.NEITHER))


def rule(accepted: str, holds: pl.Expr) -> Any:
    """Build a rule over several columns of one row.

    Args:
        accepted: the sentence that says what is accepted.
        holds: true for an acceptable row; null (a part is missing) counts as acceptable. The column
            that is blamed comes first in the expression.
    """

    def check(_schema: object) -> pl.Expr:
        return holds

    check.__doc__ = accepted
    return dy.rule()(check)


def _bounds(low: float | None, above: float | None, high: float | None) -> str:
    if low is not None and high is not None:
        return f" from {low:,} to {high:,}"
    parts = [
        f"at least {low:,}" if low is not None else "",
        f"above {above:,}" if above is not None else "",
        f"at most {high:,}" if high is not None else "",
    ]
    words = " and ".join(part for part in parts if part)
    return f", {words}" if words else ""
