"""Releases of earlier versions, whose manifests say less: nothing of columns, keys, settings or seeds."""

from dataclasses import replace
from typing import Any

import duckdb

from orchestration.catalogue import PROVENANCE_COLUMNS
from orchestration.release.content_hash import rows_hash
from orchestration.release.read import Release, connect

_NOT_RECORDED = "not recorded"


def is_earlier(release: Release) -> bool:
    """Whether an earlier version made the release; how it hashed the content of tables is not known then."""
    return any("columns" not in described for described in release.manifest["tables"].values())


def as_made_now(release: Release, other: Release) -> Release:
    """Fill in what the manifest of an earlier version does not say, so that it compares with another.

    Columns and content hashes are those of the released database; the key of a table is the other release's,
    where it tells the rows of this one apart; settings and seeds are `not recorded`.

    Args:
        release: any release; one of this version is returned as it is.
        other: what it is to be compared with.

    Raises:
        DamagedReleaseError: the database is not what was published.
    """
    if not is_earlier(release):
        return release
    manifest = dict(release.manifest)
    theirs = other.manifest["tables"]
    with connect(release) as con:
        manifest["tables"] = {
            name: _as_described_now(con, name, described, theirs.get(name, {}))
            for name, described in manifest["tables"].items()
        }
    manifest.setdefault("settings", dict.fromkeys(other.manifest.get("settings", {}), _NOT_RECORDED))
    seeds = {part: other.manifest.get("seeds", {}).get(part, {}) for part in ("reference", "simulations")}
    manifest.setdefault("seeds", {part: dict.fromkeys(names, _NOT_RECORDED) for part, names in seeds.items()})
    return replace(release, manifest=manifest)


def _as_described_now(
    con: duckdb.DuckDBPyConnection, name: str, described: dict[str, Any], theirs: dict[str, Any]
) -> dict[str, Any]:
    """Describe a table as this version does."""
    if "columns" in described:
        return described
    schema, table = name.split(".")
    columns = dict(
        con.execute(
            "select column_name, data_type from duckdb_columns() where schema_name = ? and table_name = ? "
            "order by column_index",
            [schema, table],
        ).fetchall()
    )
    known = [column["name"] for column in theirs.get("columns", []) if column.get("is_provenance")]
    left_out = {*PROVENANCE_COLUMNS, *known}
    rows, content = rows_hash(con, name, columns, left_out)
    key = [column for column in theirs.get("key", []) if column in columns]
    if key != theirs.get("key") or not _tells_apart(con, name, key):
        key = []
    return {
        **described,
        "rows": rows,
        "content_hash": content,
        "key": key,
        "columns": [
            {"name": column, "type": data_type, "is_provenance": column in left_out}
            for column, data_type in columns.items()
        ],
    }


def _tells_apart(con: duckdb.DuckDBPyConnection, name: str, key: list[str]) -> bool:
    if not key:
        return False
    names = ", ".join(f'"{column}"' for column in key)
    found = con.execute(
        f"select (select count(*) from {name}) = (select count(*) from (select distinct {names} from {name}))"
    ).fetchone()
    return bool(found and found[0])
