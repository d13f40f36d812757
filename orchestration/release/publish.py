"""Publish a build: a new immutable folder first, the pointer last."""

import hashlib
import json
import shutil
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb
import pyarrow.parquet as pq

from orchestration import ledger
from orchestration.catalogue import Table, create_statements
from orchestration.release.code_version import code_version, package_versions
from orchestration.release.content_hash import content_hash
from orchestration.release.durable import sync_folder, sync_tree
from orchestration.release.pointer import MOVING, point
from orchestration.settings import Settings

ROWS_PER_GROUP = 122_880


def publish(
    build: Path,
    tables: Mapping[str, Table],
    settings: Settings,
    *,
    run_id: str,
    inputs: list[dict[str, Any]],
    validation: dict[str, Any],
    write_report: Callable[[duckdb.DuckDBPyConnection, Path, str, dict[str, Any]], None],
    on_table: Callable[[int, int, str], None],
) -> Path:
    """Copy what readers may see of a build into a release and move the pointer to it.

    Args:
        build: the build's DuckDB file, closed.
        tables: the declared tables by full name; the release holds exactly these.
        settings: where releases and the ledger are.
        run_id: the run that made the build; part of the release's name.
        inputs: the delivered packages, for the manifest.
        validation: results of the expectation suites.
        write_report: writes the report into the folder, reading the released database.
        on_table: called as tables are finished, with done, total and a name.

    Returns:
        The folder of the release.
    """
    created_at = datetime.now(UTC)
    release_id = f"{created_at:%Y%m%dT%H%M%SZ}-{run_id[:8]}"
    settings.releases.mkdir(parents=True, exist_ok=True)
    # One build at a time: what is partial now was left by one that was killed.
    for leftover in settings.releases.glob(".*.partial"):
        shutil.rmtree(leftover)
    partial = settings.releases / f".{release_id}.partial"
    partial.mkdir()

    database = partial / "cohortmart.duckdb"
    _copy_database(build, database, tables)
    con = duckdb.connect(database, read_only=True)
    try:
        described = {}
        for done, (name, table) in enumerate(tables.items(), start=1):
            described[name] = _release_table(con, table, partial)
            on_table(done, len(tables), name)
        write_report(con, partial, release_id, validation)
    finally:
        con.close()
    manifest = {
        "release_id": release_id,
        "created_at": created_at.isoformat(timespec="seconds"),
        "code_version": code_version(),
        "package_versions": package_versions(),
        "inputs": inputs,
        "tables": described,
        "files": {
            name: {"sha256": _sha256(partial / name), "bytes": (partial / name).stat().st_size}
            for name in ("cohortmart.duckdb", "report.html")
        },
        "validation": validation["statistics"],
    }
    _write_json(partial / "validation.json", validation)
    _write_json(partial / "manifest.json", manifest)

    release = settings.releases / release_id
    sync_tree(partial)
    partial.rename(release)
    sync_folder(settings.releases)
    with MOVING:
        # Remembered first: a ledger that cannot be written must leave readers where they are.
        ledger.append(
            settings.ledger,
            "publication",
            release_id=release_id,
            manifest_sha256=_sha256(release / "manifest.json"),
        )
        point(settings.current, release)
    return release


def _copy_database(build: Path, database: Path, tables: Mapping[str, Table]) -> None:
    """Write the released database: the declared tables in key order, with their comments."""
    con = duckdb.connect()
    try:
        con.execute(f"attach {_literal(build)} as build (read_only)")
        # The oldest storage version, so that BI tools with an older DuckDB can open the file.
        con.execute(f"attach {_literal(database)} as release (storage_version 'v1.0.0')")
        con.execute("use release")
        for table in tables.values():
            columns = ", ".join(f'"{c.name}"' for c in table.columns)
            order = ", ".join(f'"{name}"' for name in table.key) or "all"
            for statement in create_statements(table):
                con.execute(statement)
            con.execute(
                f"insert into {table.full_name} "
                f"select {columns} from build.{table.full_name} order by {order}"
            )
    finally:
        con.close()


def _release_table(con: duckdb.DuckDBPyConnection, table: Table, folder: Path) -> dict[str, Any]:
    """Write one table as Parquet and describe it for the manifest."""
    path = folder / "parquet" / table.schema / f"{table.name}.parquet"
    path.parent.mkdir(parents=True, exist_ok=True)
    batches = con.execute(f"from {table.full_name}").to_arrow_reader(ROWS_PER_GROUP)
    # DuckDB's and Polars' writers make no page checksums: a flipped byte would read as data.
    with pq.ParquetWriter(path, batches.schema, compression="zstd", write_page_checksum=True) as writer:
        for batch in batches:
            writer.write_batch(batch)
    rows, digest = content_hash(con, table)
    return {
        "rows": rows,
        "content_hash": digest,
        "parquet": str(path.relative_to(folder)),
        "parquet_sha256": _sha256(path),
        "parquet_bytes": path.stat().st_size,
    }


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _write_json(path: Path, content: dict[str, Any]) -> None:
    path.write_text(json.dumps(content, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def _literal(path: Path) -> str:
    return "'" + str(path).replace("'", "''") + "'"
