"""Rows of a participant that were set aside: no evidence, but what a statistician would miss."""

import csv
from collections.abc import Callable, Iterable
from typing import Any

import duckdb

from orchestration.trace.kept import KeptFile, KeptRow, read_rows
from schemas.errors import StudyPackageError
from schemas.records import RECORDS

# How a row is written is withheld in a release with pseudonyms, and where a study leaves columns in its file.
_CANDIDATES = """
select record, source_file, source_line, any_value(row_text) as row_text,
    list(distinct reason order by reason) as reasons, list(distinct accepted order by accepted) as accepted
from audit.quarantine
where study_id = $study_id and list_contains($records, record)
    and (row_text[1] = '(' or list_bool_or([contains(row_text, known) for known in $ids]))
group by all
order by record, source_file, source_line
"""


def find_set_aside(
    con: duckdb.DuckDBPyConnection,
    study_id: str,
    ids: list[str],
    released_as: Callable[[str], str],
    kept: Callable[[str], KeptFile | None],
) -> list[dict[str, Any]]:
    """Find the quarantined rows of a participant.

    Args:
        con: a release.
        study_id: the study.
        ids: the ids that the participant goes by: in the release, and as it was asked for.
        released_as: what the release calls the participant of a delivered id.
        kept: the kept file of that name, which knows the columns; None when there is none.

    Returns:
        record, source_file, source_line, reasons and accepted of each row, by record, file and line. Of a
        file that is no longer kept, the rows with a value that is one of `ids`.
    """
    records = [name for name, record in RECORDS.items() if "participant_id" in record.columns]
    answer = con.execute(_CANDIDATES, {"study_id": study_id, "records": records, "ids": ids})
    names = [column[0] for column in answer.description or ()]
    candidates = [dict(zip(names, row, strict=True)) for row in answer.fetchall()]
    found = []
    for place in dict.fromkeys((row["record"], row["source_file"]) for row in candidates):
        of_file = [row for row in candidates if (row["record"], row["source_file"]) == place]
        rows = _kept_rows(kept(place[1]), place[0], [row["source_line"] for row in of_file])
        found += [row for row in of_file if _is_of(rows.get(row["source_line"]), row, ids, released_as)]
    return [{name: value for name, value in row.items() if name != "row_text"} for row in found]


def _kept_rows(file: KeptFile | None, record: str, lines: Iterable[int]) -> dict[int, KeptRow]:
    if file is None:
        return {}
    try:
        return read_rows(file, record, lines)
    except StudyPackageError:
        return {}  # said where the deciding line is shown; the quarantine has its own text of the row


def _is_of(
    kept: KeptRow | None, row: dict[str, Any], ids: list[str], released_as: Callable[[str], str]
) -> bool:
    if kept is not None and "participant_id" in kept.values:
        delivered = kept.values["participant_id"]
        return delivered in ids or released_as(delivered) in ids
    values = next(csv.reader([kept.text if kept else row["row_text"]]), [])
    return any(value in ids for value in values)
