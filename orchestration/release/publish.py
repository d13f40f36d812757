"""Publish a build: a new immutable folder first, the ledger next, the pointer last.

Killed at any instant, it leaves readers the release they had: a folder that was not renamed is hidden, one
that the ledger does not name is no release, and one that the ledger names is whole, pointed to or not. What
such a kill leaves behind is cleared by the next build.
"""

import errno
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
from orchestration.checksums import file_sha256
from orchestration.release.code_version import code_version, package_versions
from orchestration.release.content_hash import content_hash, release_hash
from orchestration.release.durable import make_folder, make_read_only, sync_folder, sync_tree
from orchestration.release.leftovers import PARTIAL, clear_leftovers
from orchestration.release.pointer import MOVING, point
from orchestration.release.read import DATABASE, MANIFEST
from orchestration.release.seeds import seeds_of
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

    The caller holds the lock of the warehouse.

    Args:
        build: the build's DuckDB file, closed.
        tables: the declared tables by full name; the release holds exactly these.
        settings: where releases and the ledger are, and what the manifest says of the build.
        run_id: the run that made the build; part of the release's name.
        inputs: the delivered packages, for the manifest.
        validation: results of the expectation suites.
        write_report: writes the report into the folder, reading the released database.
        on_table: called as tables are finished, with done, total and a name.

    Returns:
        The folder of the release.
    """
    make_folder(settings.releases)
    clear_leftovers(settings)
    created_at = datetime.now(UTC)
    release_id = _new_id(settings, created_at, run_id)
    partial = settings.releases / f".{release_id}{PARTIAL}"
    partial.mkdir()
    try:
        _copy_database(build, partial / DATABASE, tables)
        con = duckdb.connect(partial / DATABASE, read_only=True)
        try:
            described = {}
            for done, (name, table) in enumerate(tables.items(), start=1):
                described[name] = _release_table(con, table, partial)
                on_table(done, len(tables), name)
            write_report(con, partial, release_id, validation)
        finally:
            con.close()
        _write_json(partial / "validation.json", validation)
        manifest = {
            "release_id": release_id,
            "created_at": created_at.isoformat(timespec="seconds"),
            "run": {"run_id": run_id},
            **_made_of(settings, inputs),
            "content_hash": release_hash({name: d["content_hash"] for name, d in described.items()}),
            "tables": described,
            "files": {
                name: {"sha256": file_sha256(partial / name), "bytes": (partial / name).stat().st_size}
                for name in (DATABASE, "report.html", "validation.json")
            },
            "validation": _in_short(validation),
        }
        _write_json(partial / MANIFEST, manifest)
        make_read_only(partial)
        sync_tree(partial)
    except BaseException:
        # Above all on a full disk: what cannot become a release gives its space back.
        shutil.rmtree(partial, ignore_errors=True)
        raise
    return _release(partial, settings, release_id, run_id)


def _new_id(settings: Settings, created_at: datetime, run_id: str) -> str:
    """Name a release by its time and run; a name is never given twice, whatever the clock says."""
    given = {e["release_id"] for e in _known_entries(settings) if e["kind"] == "publication"}
    wanted = f"{created_at:%Y%m%dT%H%M%SZ}-{run_id[:8]}"
    names = [wanted, *(f"{wanted}-{number}" for number in range(2, 10_000))]
    return next(name for name in names if name not in given and not (settings.releases / name).exists())


def _known_entries(settings: Settings) -> list[ledger.Entry]:
    try:
        return ledger.read(settings.ledger)
    except ValueError:
        return []  # the next entry mends it


def _made_of(settings: Settings, inputs: list[dict[str, Any]]) -> dict[str, Any]:
    """What determines the content of a release, for its manifest."""
    return {
        "code_version": code_version(),
        "package_versions": package_versions(),
        "settings": {
            "threads": settings.threads,
            "data_cutoff": settings.data_cutoff.isoformat() if settings.data_cutoff else None,
            "is_pseudonymised": settings.pseudonym_key is not None,
        },
        "seeds": seeds_of(inputs),
        "inputs": inputs,
    }


def _in_short(validation: dict[str, Any]) -> dict[str, Any]:
    """Validation results without the values they show, which may be people's."""
    return {
        "statistics": validation["statistics"],
        "tables": {
            table: [{name: o[name] for name in ("expectation", "severity", "success")} for o in outcomes]
            for table, outcomes in validation["tables"].items()
        },
    }


def _release(partial: Path, settings: Settings, release_id: str, run_id: str) -> Path:
    """Make a finished folder a release, and the release the current one."""
    release = settings.releases / release_id
    partial.rename(release)
    sync_folder(settings.releases)
    with MOVING:
        # Remembered first: a ledger that cannot be written must leave readers where they are.
        ledger.append(
            settings.ledger,
            "publication",
            release_id=release_id,
            run_id=run_id,
            manifest_sha256=file_sha256(release / MANIFEST),
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
        con.execute("begin")
        for table in tables.values():
            columns = ", ".join(f'"{c.name}"' for c in table.columns)
            order = ", ".join(f'"{name}"' for name in table.key) or "all"
            for statement in create_statements(table):
                con.execute(statement)
            con.execute(
                f"insert into {table.full_name} "
                f"select {columns} from build.{table.full_name} order by {order}"
            )
        con.execute("commit")
        # Closing would do it too, and would be silent about a disk that is full or fails.
        con.execute("checkpoint release")
    finally:
        con.close()
    if (log := database.with_name(f"{database.name}.wal")).exists():
        raise OSError(errno.EIO, "the database of the release could not be completed", str(log))


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
        "key": list(table.key),
        "columns": [
            {
                "name": c.name,
                "type": c.data_type,
                "privacy": str(c.privacy),
                "is_provenance": c.is_provenance,
            }
            for c in table.columns
        ],
        "parquet": str(path.relative_to(folder)),
        "parquet_sha256": file_sha256(path),
        "parquet_bytes": path.stat().st_size,
    }


def _write_json(path: Path, content: dict[str, Any]) -> None:
    path.write_text(json.dumps(content, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def _literal(path: Path) -> str:
    return "'" + str(path).replace("'", "''") + "'"
