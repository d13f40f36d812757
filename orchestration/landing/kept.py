"""What a study landed as, kept by the sha256 of its package and of the code that landed it.

A package that landed before, under the same landing code, lands as the same rows again: they are read
instead. What is kept is derived, and can be thrown away at any time. It holds every row, with the identifiers
as they were delivered: pseudonyms come after it, and what an earlier data cutoff leaves is not kept.
"""

import contextlib
import hashlib
import json
import os
import shutil
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from orchestration.checksums import file_sha256
from orchestration.release.code_version import source_hash
from orchestration.release.durable import make_folder, sync_folder, sync_tree
from schemas.records import RECORDS

INDEX = "index.json"
# What depends on one study only; the tables of its descriptor are made of study.yaml each time.
RAW_TABLES = tuple(f"raw.{record}" for record in RECORDS)
AUDIT_TABLES = ("audit.landing", "audit.quarantine", "raw.quarantined_key", "raw.assay_pairs")
_SOURCES = ("orchestration/landing", "schemas", "seeds/reference")
_PACKAGES = ("dataframely", "duckdb", "polars", "pyarrow")
_CODE_DIGITS = 16
_ROWS_AT_ONCE = 122_880


class DamagedLandingError(Exception):
    """What was kept is not what was written; the message says what is wrong with it."""


@dataclass(frozen=True)
class KeptLanding:
    """What a study landed as: a folder whose files were verified, and the rows of each table."""

    folder: Path
    rows: Mapping[str, int]
    sha256: Mapping[str, str]


@cache
def landing_code() -> str:
    """Name the code that decides what a package lands as: its sources, and the libraries it stands on."""
    versions = " ".join(f"{name} {version(name)}" for name in _PACKAGES)
    return hashlib.sha256(f"{source_hash(*_SOURCES)} {versions}".encode()).hexdigest()[:_CODE_DIGITS]


def kept_folder(landed: Path, study_id: str, package_sha256: str) -> Path:
    """Where the landing of a package under the present code is kept."""
    return landed / study_id / f"{package_sha256}-{landing_code()}"


def keep(con: duckdb.DuckDBPyConnection, study_id: str, folder: Path) -> None:
    """Keep what a study landed as, once the rules across records were applied; all of it at once, or nothing.

    Args:
        con: a database in which the study has landed, not pseudonymised yet.
        study_id: the study.
        folder: where to keep it, see `kept_folder`; what is there already stays.

    Raises:
        OSError: it cannot be written; nothing is left of it.
    """
    if folder.exists():
        return
    make_folder(folder.parent, is_private=True)
    partial = folder.with_name(f".{folder.name}.{os.getpid()}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    try:
        partial.mkdir()
        files = {}
        for table in (*RAW_TABLES, *AUDIT_TABLES):
            if rows := _write(con, table, study_id, partial / _file_name(table)):
                files[table] = {"rows": rows, "sha256": file_sha256(partial / _file_name(table))}
        index = {"study_id": study_id, "files": files}
        (partial / INDEX).write_bytes(_sealed(index))
        sync_tree(partial)
        partial.rename(folder)
        sync_folder(folder.parent)
    except BaseException:
        shutil.rmtree(partial, ignore_errors=True)
        raise


def find_kept(folder: Path) -> KeptLanding | None:
    """Find what is kept in a folder, and verify every file of it.

    Returns:
        None when nothing is kept there.

    Raises:
        DamagedLandingError: a file is gone or is not what was written.
    """
    if not folder.exists():
        return None
    try:
        content = (folder / INDEX).read_bytes()
        index = json.loads(content)
        del index["sha256"]
        if content != _sealed(index):
            raise DamagedLandingError(f"{INDEX} is not what was written")
        for table, file in index["files"].items():
            if file_sha256(folder / _file_name(table)) != file["sha256"]:
                raise DamagedLandingError(f"{_file_name(table)} is not what was written")
    except OSError as error:
        name = Path(error.filename).name if error.filename else folder.name
        raise DamagedLandingError(f"{name} cannot be read ({error.strerror})") from None
    except (ValueError, KeyError, TypeError, AttributeError):
        raise DamagedLandingError(f"{INDEX} cannot be read") from None
    return KeptLanding(
        folder,
        {table: file["rows"] for table, file in index["files"].items()},
        {table: file["sha256"] for table, file in index["files"].items()},
    )


def load(con: duckdb.DuckDBPyConnection, kept: KeptLanding, tables: Iterable[str]) -> int:
    """Append the kept rows of some tables to those of a database, and return how many they are.

    Raises:
        DamagedLandingError: a file changed since it was verified.
    """
    n_rows = 0
    for table in tables:
        if table in kept.rows:
            with _registered(con, kept, table) as rows:
                con.execute(f"insert into {table} by name from {rows}")
            n_rows += kept.rows[table]
    return n_rows


def load_as(con: duckdb.DuckDBPyConnection, kept: KeptLanding, table: str, name: str) -> None:
    """Create a temporary table of the kept rows of a table that has any."""
    with _registered(con, kept, table) as rows:
        con.execute(f"create or replace temp table {name} as from {rows}")


def discard(folder: Path) -> None:
    """Remove what is kept in a folder."""
    shutil.rmtree(folder, ignore_errors=True)


def remove_unneeded(landed: Path, deliveries: Path) -> list[Path]:
    """Remove what no kept delivery lands as under the present code, and what a killed build left.

    Returns:
        The folders that were removed.
    """
    removed = []
    for folder in landed.glob("*/*"):
        package_sha256, _, code = folder.name.partition("-")
        delivery = deliveries / folder.parent.name / package_sha256
        if folder.name.startswith(".") or code != landing_code() or not delivery.is_dir():
            discard(folder)
            removed.append(folder)
    return removed


@contextlib.contextmanager
def _registered(con: duckdb.DuckDBPyConnection, kept: KeptLanding, table: str) -> Any:
    """Let a database read a kept file by a name; pyarrow verifies the checksum of every page."""
    name = _file_name(table)
    try:
        with pq.ParquetFile(kept.folder / name, page_checksum_verification=True) as file:
            batches = file.iter_batches(_ROWS_AT_ONCE)
            con.register("kept_rows", pa.RecordBatchReader.from_batches(file.schema_arrow, batches))
            try:
                yield "kept_rows"
            finally:
                con.unregister("kept_rows")
    except (OSError, pa.ArrowException, duckdb.InvalidInputException):
        # Of what the database says, the last is what went wrong while it was given rows.
        raise DamagedLandingError(f"{kept.folder / name} changed while it was read") from None


def _write(con: duckdb.DuckDBPyConnection, table: str, study_id: str, path: Path) -> int:
    """Write a study's rows of a table, as they lie there; no file when there are none."""
    rows = con.execute(f"from {table} where study_id = ?", [study_id]).to_arrow_reader(_ROWS_AT_ONCE)
    writer, n_rows = None, 0
    try:
        for batch in rows:
            # Without checksums of pages, a flipped byte would read as data.
            writer = writer or pq.ParquetWriter(
                path, rows.schema, compression="zstd", write_page_checksum=True
            )
            writer.write_batch(batch)
            n_rows += batch.num_rows
    finally:
        if writer:
            writer.close()
    return n_rows


def _file_name(table: str) -> str:
    return f"{table}.parquet"


def _sealed(index: dict[str, Any]) -> bytes:
    """Write an index with the sha256 of what it says."""
    digest = hashlib.sha256(json.dumps(index, sort_keys=True).encode()).hexdigest()
    return json.dumps({**index, "sha256": digest}, sort_keys=True).encode()
