"""Vocabularies kept as seed tables, read once for the checks that name them."""

import csv
import difflib
from collections.abc import Iterable
from functools import cache
from pathlib import Path

import seeds

REFERENCE_FOLDER = Path(seeds.__file__).parent / "reference"


@cache
def seed_column(table: str, column: str) -> tuple[str, ...]:
    """Return one column of `seeds/reference/<table>.csv`, in file order.

    Raises:
        FileNotFoundError: the seed table does not exist.
        KeyError: the table has no such column.
    """
    with (REFERENCE_FOLDER / f"{table}.csv").open(newline="", encoding="utf-8") as file:
        return tuple(row[column] for row in csv.DictReader(file))


def suggestion(value: str, accepted: Iterable[str]) -> str:
    """Return " (did you mean `x`?)" for the nearest accepted word, or nothing when none is near."""
    by_folded_name = {word.casefold(): word for word in accepted}
    near = difflib.get_close_matches(value.strip().casefold(), by_folded_name, n=1, cutoff=0.6)
    return f" (did you mean `{by_folded_name[near[0]]}`?)" if near else ""
