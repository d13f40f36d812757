"""Resolving what laboratories call analytes and units, once for each pair that occurs."""

from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass

import duckdb
import polars as pl

from orchestration.landing.tables import insert
from schemas.laboratory import Analyte, analytes, find_analyte, find_unit, near_analyte, near_unit, units

# So many unknown names are still worth a suggestion each.
_SUGGESTED = 200
_PLAIN_CHARACTERS = 12
_LISTED_BY = "`cohortmart contract analytes` lists their names"


@dataclass(frozen=True)
class _Resolved:
    """A pair of texts and what they mean: a row of `raw.assay_vocabulary`."""

    analyte_text: str
    unit_text: str
    analyte_id: str | None
    unit_id: str | None
    to_canonical: float | None


@dataclass(frozen=True)
class _Unresolved:
    """What is wrong with a pair of texts, and what would be accepted."""

    analyte_text: str
    unit_text: str
    column_name: str
    reason: str
    accepted: str


def collect_assay_pairs(con: duckdb.DuckDBPyConnection, study_id: str) -> None:
    """Note every pair of analyte and unit that a study delivered, before any row of it is set aside."""
    con.execute("delete from raw.assay_pairs where study_id = ?", [study_id])
    con.execute(
        "insert into raw.assay_pairs select distinct study_id, analyte_id, unit from raw.assay_results"
        " where study_id = ? order by all",
        [study_id],
    )


def resolve_assays(con: duckdb.DuckDBPyConnection) -> None:
    """Fill `raw.assay_vocabulary` with every pair of analyte and unit of `raw.assay_pairs`.

    A pair that means nothing, or a unit that its analyte does not accept, has nulls there, and its
    reasons in the temporary table `unresolved_assays`, which the rules across records read.

    Args:
        con: a database in which the pairs of every study were collected.
    """
    pairs = con.sql("select distinct analyte_text, unit_text from raw.assay_pairs order by all").fetchall()
    resolved = [_resolve(*pair) for pair in pairs]
    unclear = [row for row in resolved if row.to_canonical is None]
    con.execute("delete from raw.assay_vocabulary")
    insert(con, "raw.assay_vocabulary", _frame(_Resolved, resolved))
    con.execute(
        "create or replace temp table unresolved_assays (analyte_text varchar, unit_text varchar,"
        " column_name varchar, reason varchar, accepted varchar)"
    )
    insert(con, "unresolved_assays", _frame(_Unresolved, _explained(unclear)))


def _frame(kind: type[_Resolved | _Unresolved], rows: Iterable[_Resolved | _Unresolved]) -> pl.DataFrame:
    schema = {name: pl.Float64 if name == "to_canonical" else pl.String for name in kind.__annotations__}
    return pl.DataFrame([asdict(row) for row in rows], schema=schema)


def _resolve(analyte_text: str, unit_text: str) -> _Resolved:
    analyte, unit = find_analyte(analyte_text), find_unit(unit_text)
    factor = analyte.to_canonical.get(unit.unit_id) if analyte and unit else None
    return _Resolved(
        analyte_text,
        unit_text,
        analyte.analyte_id if analyte else None,
        unit.unit_id if unit and factor is not None else None,
        factor,
    )


def _explained(unclear: list[_Resolved]) -> Iterator[_Unresolved]:
    """Say what is wrong with each pair, with suggestions for the first of many."""
    for position, pair in enumerate(unclear):
        is_suggested = position < _SUGGESTED
        analyte = analytes()[pair.analyte_id] if pair.analyte_id else None
        texts = (pair.analyte_text, pair.unit_text)
        if analyte is None:
            near = near_analyte(pair.analyte_text) if is_suggested else ""
            reason = f"analyte_id {_quoted(pair.analyte_text, near)} is no known analyte{near}"
            accepted = f"{', '.join(analytes())}; {_LISTED_BY}"
            yield _Unresolved(*texts, "analyte_id", reason, accepted)
        if analyte or not find_unit(pair.unit_text):
            reason, accepted = _wrong_unit(analyte, pair.unit_text, is_suggested=is_suggested)
            yield _Unresolved(*texts, "unit", reason, accepted)


def _wrong_unit(analyte: Analyte | None, text: str, *, is_suggested: bool) -> tuple[str, str]:
    """Return what is wrong with a unit, and what would be accepted."""
    accepted = analyte.units if analyte else tuple(units())
    if analyte and find_unit(text):
        reason = f"unit `{text}` is no unit of {analyte.analyte_id}"
    else:
        near = near_unit(text, accepted) if is_suggested else ""
        reason = f"unit {_quoted(text, near)} is no known unit{near}"
    return reason, ", ".join(accepted)


def _quoted(text: str, near: str) -> str:
    """Quote what is near a name, or a short text without digits: others may be identifiers, misplaced."""
    is_plain = len(text) <= _PLAIN_CHARACTERS and not any(map(str.isdigit, text))
    return f"`{text}`" if near or is_plain else "(not shown)"
