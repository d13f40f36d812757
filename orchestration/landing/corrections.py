"""What a corrected delivery changes: the rows of each record, by its key. Counts only, no participant."""

from dataclasses import dataclass

import duckdb

from orchestration.landing.kept import KeptLanding, load_as
from schemas.records import RECORDS, RecordType


@dataclass(frozen=True)
class RowChanges:
    """How many accepted rows of a record a delivery adds, removes and changes against the one before."""

    record: str
    added: int
    removed: int
    changed: int

    def __str__(self) -> str:
        """Say what changes in a record, as `deaths 1 added, 2 changed`."""
        parts = [f"{n:,} {word}" for word in ("added", "removed", "changed") if (n := getattr(self, word))]
        return f"{self.record} {', '.join(parts)}"


def compare(before: KeptLanding, after: KeptLanding) -> list[RowChanges]:
    """Compare two landings of a study record by record; a row is the same one when its key is.

    Returns:
        The records of which any row differs, in the order of the contract. Where a row stood in its file is
        no difference.
    """
    changes = []
    with duckdb.connect() as con:
        for name, record in RECORDS.items():
            table = f"raw.{name}"
            was, is_now = before.rows.get(table, 0), after.rows.get(table, 0)
            if before.sha256.get(table) == after.sha256.get(table):
                continue
            if was and is_now:
                load_as(con, before, table, "was")
                load_as(con, after, table, "is_now")
                found = RowChanges(name, *_differences(con, record))
            else:
                found = RowChanges(name, added=is_now, removed=was, changed=0)
            if found.added or found.removed or found.changed:
                changes.append(found)
    return changes


def _differences(con: duckdb.DuckDBPyConnection, record: RecordType) -> tuple[int, int, int]:
    """Count the rows added, removed and changed between the tables `was` and `is_now`."""
    same_key = " and ".join(f"was.{column} is not distinct from is_now.{column}" for column in record.key)
    columns = [column for column in record.columns if column not in record.key]
    if record.name == "participants":
        columns.append("covariates")
    differs = " or ".join(f"was.{column} is distinct from is_now.{column}" for column in columns) or "false"
    row = con.execute(
        f"""
        select
            count(*) filter (where was.source_line is null),
            count(*) filter (where is_now.source_line is null),
            count(*) filter (
                where was.source_line is not null and is_now.source_line is not null and ({differs})
            )
        from was full join is_now on {same_key}
        """
    ).fetchall()[0]
    return row[0], row[1], row[2]
