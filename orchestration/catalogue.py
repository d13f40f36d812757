"""What every released table is declared to be: grain, key, columns, types and descriptions.

The declarations stand in the dbt project, beside the models (`transforms/models`): marts that dbt makes
are models, tables that Python makes are sources. This module reads them from dbt's manifest, so that
DDL, comments, Dagster metadata, the release and the documentation all derive from one place.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from schemas.privacy import Privacy
from schemas.records import RECORDS

# The schemas that analysts read, and so the schemas of a release.
MART_SCHEMAS = ("survival", "recurrence", "myokine", "study", "benchmark")
READER_SCHEMAS = ("reference", "audit", *MART_SCHEMAS)
_WORKING_SCHEMAS = ("raw", "staging", "intermediate")

# Where a row stood in its file is not what it says: content hashes leave these columns out, and further ones
# whose `meta.names_places` is true.
PROVENANCE_COLUMNS = ("source_file", "source_line", "file_sha256", "file_bytes", "row_text")
# A line leads whoever has the file to one person; the text of a row is the row.
_PROVENANCE_PRIVACY = {
    "source_file": Privacy.NEITHER,
    "source_line": Privacy.QUASI_IDENTIFIER,
    "row_text": Privacy.DIRECT_IDENTIFIER,
}


@dataclass(frozen=True)
class Column:
    """One declared column.

    Attributes:
        name: as SQL writes it.
        data_type: DuckDB's.
        description: what it holds.
        nullable: whether it may be empty.
        privacy: what it tells of who somebody is.
        names_places: whether its text may say where rows stood, which is no content.
    """

    name: str
    data_type: str
    description: str
    nullable: bool
    privacy: Privacy
    names_places: bool = False

    @property
    def is_provenance(self) -> bool:
        """Whether it tells where a row stood, rather than what it says: content hashes leave it out."""
        return self.names_places or self.name in PROVENANCE_COLUMNS


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


@cache
def _contract_privacy() -> dict[str, Privacy]:
    """What the contract says of each column name; where records differ, the strictest."""
    strictest = tuple(Privacy)
    tags = dict(_PROVENANCE_PRIVACY)
    for record in RECORDS.values():
        for name, tag in record.privacy.items():
            tags[name] = min(tags.get(name, tag), tag, key=strictest.index)
    return tags


@cache
def is_direct_identifier(column: str) -> bool:
    """Whether a column of any table, by its name, holds what alone tells who somebody is.

    So do columns that are named after one of the contract, such as baseline_sample_id.
    """
    direct = [name for name, tag in _contract_privacy().items() if tag is Privacy.DIRECT_IDENTIFIER]
    return any(column == name or column.endswith(f"_{name}") for name in direct)


def _privacy(name: str, data_type: str, meta: Mapping[str, Any]) -> Privacy:
    """A column's own `meta.privacy`, or that of the contract's column of its name; a date tells something."""
    if "privacy" in meta:
        return Privacy(meta["privacy"])
    is_date = data_type.startswith(("DATE", "TIMESTAMP"))
    return _contract_privacy().get(name, Privacy.QUASI_IDENTIFIER if is_date else Privacy.NEITHER)


def _column(declared: Mapping[str, Any]) -> Column:
    meta = {**declared.get("meta", {}), **declared.get("config", {}).get("meta", {})}
    required = any(c["type"] == "not_null" for c in declared.get("constraints", []))
    data_type = (declared.get("data_type") or "varchar").upper()
    return Column(
        name=declared["name"],
        data_type=data_type,
        description=" ".join((declared.get("description") or "").split()),
        nullable=bool(meta.get("nullable", not required)),
        privacy=_privacy(declared["name"], data_type, meta),
        names_places=bool(meta.get("names_places")),
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
