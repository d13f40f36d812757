"""Vocabularies kept as seed tables, read once for the checks that name them."""

import csv
import difflib
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path

import seeds

# A wrong suggestion is worse than none: `myostatin` is not oncostatin M.
_NEAR = 0.75

REFERENCE_FOLDER = Path(seeds.__file__).parent / "reference"


@cache
def seed_rows(table: str) -> tuple[Mapping[str, str], ...]:
    """Return the rows of `seeds/reference/<table>.csv` as text by column, in file order; empty is "".

    Raises:
        FileNotFoundError: the seed table does not exist.
    """
    with (REFERENCE_FOLDER / f"{table}.csv").open(newline="", encoding="utf-8") as file:
        return tuple(csv.DictReader(file))


def seed_column(table: str, column: str) -> tuple[str, ...]:
    """Return one column of `seeds/reference/<table>.csv`, in file order.

    Raises:
        FileNotFoundError: the seed table does not exist.
        KeyError: the table has no such column.
    """
    return tuple(row[column] for row in seed_rows(table))


def suggestion(value: str, accepted: Iterable[str]) -> str:
    """Return " (did you mean `x`?)" for the nearest accepted word, or nothing when none is near."""
    return suggestion_among(value.strip().casefold(), {word.casefold(): word for word in accepted})


def suggestion_among(value: str, meant_by: Mapping[str, str]) -> str:
    """Return " (did you mean `x`?)" for what the nearest of several forms stands for, as `suggestion`.

    Args:
        value: what was written, in the form that the keys have.
        meant_by: what to suggest, by the form it is recognised in.
    """
    near = difflib.get_close_matches(value, meant_by, n=1, cutoff=_NEAR)
    return f" (did you mean `{meant_by[near[0]]}`?)" if near else ""
