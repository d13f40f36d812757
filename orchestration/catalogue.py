"""What every released table is declared to be: grain, key, columns, types and descriptions.

The declarations stand in the dbt project, beside the models (`transforms/models`): marts that dbt makes
are models, tables that Python makes are sources. This module reads them from dbt's manifest, so that
DDL, comments, Dagster metadata, the release and the documentation all derive from one place.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

# The schemas that analysts read, and so the schemas of a release.
MART_SCHEMAS = ("survival", "recurrence", "myokine", "benchmark")
READER_SCHEMAS = ("reference", "audit", *MART_SCHEMAS)
_WORKING_SCHEMAS = ("raw", "staging", "intermediate")

# Where a row stood in its file is not what it says: content hashes leave these columns out.
PROVENANCE_COLUMNS = ("source_file", "source_line", "file_sha256", "file_bytes", "row_text")


@dataclass(frozen=True)
class Column:
    """One declared column; `data_type` is DuckDB's."""

    name: str
    data_type: str
    description: str
    nullable: bool


@dataclass(frozen=True)
class Table:
    """One declared table. `key` is empty where the grain says why there is none."""

    schema: str
    name: str
    grain: str
    key: tuple[str, ...]
    description: str
    columns: tuple[Column, ...]

    @property
    def full_name(self) -> str:
        """Schema and name, as SQL writes them."""
        return f"{self.schema}.{self.name}"


def _column(declared: Mapping[str, Any]) -> Column:
    meta = {**declared.get("meta", {}), **declared.get("config", {}).get("meta", {})}
    required = any(c["type"] == "not_null" for c in declared.get("constraints", []))
    return Column(
        name=declared["name"],
        data_type=(declared.get("data_type") or "varchar").upper(),
        description=" ".join((declared.get("description") or "").split()),
        nullable=bool(meta.get("nullable", not required)),
    )


def _tables(manifest: Mapping[str, Any]) -> Iterator[Table]:
    nodes = [n for n in manifest["nodes"].values() if n["resource_type"] in ("model", "seed")]
    for node in [*nodes, *manifest["sources"].values()]:
        if node["schema"] in _WORKING_SCHEMAS:
            continue
        if node["schema"] not in READER_SCHEMAS:
            raise ValueError(f"{node['unique_id']}: no reader knows the schema {node['schema']}")
        meta = {**node.get("meta", {}), **node["config"].get("meta", {})}
        yield Table(
            schema=node["schema"],
            name=node["name"],
            grain=meta.get("grain", ""),
            key=tuple(meta.get("key", ())),
            description=" ".join((node.get("description") or "").split()),
            columns=tuple(_column(c) for c in node["columns"].values()),
        )


def read_catalogue(manifest: Mapping[str, Any]) -> dict[str, Table]:
    """Read the declared tables of the reader schemas.

    Args:
        manifest: dbt's manifest.json as parsed.

    Returns:
        Tables by `schema.name`, sorted by it.
    """
    return {t.full_name: t for t in sorted(_tables(manifest), key=lambda t: t.full_name)}


def create_statements(table: Table) -> list[str]:
    """Write the DDL of a declared table: CREATE TABLE and its comments."""
    columns = ", ".join(f'"{c.name}" {c.data_type}{"" if c.nullable else " not null"}' for c in table.columns)
    return [
        f"create schema if not exists {table.schema}",
        f"create table {table.full_name} ({columns})",
        *comment_statements(table),
    ]


def comment_statements(table: Table) -> list[str]:
    """Write the COMMENT statements of a declared table."""
    return [
        f"comment on table {table.full_name} is {_literal(table.description)}",
        *(
            f'comment on column {table.full_name}."{c.name}" is {_literal(c.description)}'
            for c in table.columns
        ),
    ]


def _literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
