"""The tables of a release as an export needs them: their columns, and what those tell of who somebody is."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import duckdb
import pyarrow as pa

from orchestration.release.read import Release
from schemas.privacy import Privacy
from schemas.records import RECORDS

# Rows as they were delivered, with file and line: nothing of it leaves.
UNEXPORTED_SCHEMAS = ("audit",)


@dataclass(frozen=True)
class ReleasedColumn:
    """A column of a released table; `data_type` is DuckDB's."""

    name: str
    data_type: str
    privacy: Privacy

    @property
    def is_date(self) -> bool:
        """Whether it holds a day or a time of day."""
        return self.data_type.startswith(("DATE", "TIME"))

    @property
    def is_text(self) -> bool:
        """Whether it holds text."""
        return self.data_type.startswith("VARCHAR")


@dataclass(frozen=True)
class ReleasedTable:
    """A released table; `key` is empty when the release does not say."""

    name: str
    columns: tuple[ReleasedColumn, ...]
    key: tuple[str, ...] = ()

    def has(self, *names: str) -> bool:
        """Whether it has all of some columns."""
        return set(names) <= {column.name for column in self.columns}

    @property
    def is_of_participants(self) -> bool:
        """Whether rows are about one participant, sample or bout each."""
        return any(column.privacy is Privacy.DIRECT_IDENTIFIER for column in self.columns)


def read_tables(release: Release, con: duckdb.DuckDBPyConnection) -> dict[str, ReleasedTable]:
    """Read the tables of a release by `schema.name`: what is in the database, as the manifest tags it.

    A column that the manifest does not tag (a release of an older version) is what the contract calls its
    name; a date is a quasi-identifier at least.
    """
    found: dict[str, list[tuple[str, str]]] = {}
    for table, name, data_type in con.execute(
        "select schema_name || '.' || table_name, column_name, data_type from duckdb_columns() "
        "where not internal and database_name = current_database() order by 1, column_index"
    ).fetchall():
        found.setdefault(table, []).append((name, data_type))
    declared = release.manifest["tables"]
    return {
        table: ReleasedTable(
            name=table,
            columns=tuple(
                ReleasedColumn(name, data_type, _privacy(name, data_type, declared.get(table, {})))
                for name, data_type in columns
            ),
            key=tuple(declared.get(table, {}).get("key", ())),
        )
        for table, columns in found.items()
    }


def _privacy(name: str, data_type: str, declared: Mapping[str, Any]) -> Privacy:
    strictest = tuple(Privacy)
    tags = [
        Privacy(c["privacy"]) for c in declared.get("columns", ()) if c["name"] == name and "privacy" in c
    ]
    # The contract's own tags count too: they may have become stricter since the release was made.
    tags += [record.privacy[name] for record in RECORDS.values() if name in record.privacy]
    if data_type.startswith(("DATE", "TIME")):
        tags.append(Privacy.QUASI_IDENTIFIER)
    return min(tags, key=strictest.index, default=Privacy.NEITHER)


def choose_studies(con: duckdb.DuckDBPyConnection, study_ids: Iterable[str]) -> None:
    """Make temp.chosen_study, of the studies that an export is of."""
    con.execute("create or replace temp table chosen_study (study_id varchar)")
    con.executemany("insert into chosen_study values (?)", [[study_id] for study_id in study_ids])


def known_identifiers(
    con: duckdb.DuckDBPyConnection, identifier: str, tables: Iterable[ReleasedTable]
) -> pa.Table:
    """Read the identifiers of a kind in the chosen studies, each once, from every table that has them.

    Returns:
        Columns study_id and the identifier's.
    """
    # Without `all`: who stands in one table only is one all the same.
    everywhere = " union ".join(
        f"select study_id, {identifier} from {table.name}"
        for table in tables
        if table.has("study_id", identifier)
    )
    return con.execute(
        f"select distinct study_id, {identifier} from ({everywhere}) "
        f"where {identifier} <> '' and study_id in (from chosen_study)"
    ).to_arrow_table()
