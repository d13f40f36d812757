"""The folder of an export: Parquet with page checksums, a manifest, a README; whole or not there at all."""

import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from orchestration.checksums import file_sha256
from orchestration.release.durable import sync_folder, sync_tree

ROWS_PER_GROUP = 122_880


class UnwritableExportError(Exception):
    """The export cannot be written there; the message says why and what to do."""


@dataclass
class ExportedTable:
    """What the manifest says of one table: what was changed or left out, by column."""

    rows: int
    changed: dict[str, str] = field(default_factory=dict)
    left_out: dict[str, str] = field(default_factory=dict)
    more: dict[str, Any] = field(default_factory=dict)


@contextmanager
def new_folder(output: Path) -> Iterator[Path]:
    """Give a folder beside `output` to write into; it takes its place when the block has been left.

    Raises:
        UnwritableExportError: `output` holds something already, or is no folder.
    """
    output = output.expanduser().absolute()
    if output.is_symlink() or (output.exists() and (not output.is_dir() or any(output.iterdir()))):
        raise UnwritableExportError(f"{output} is not an empty folder: name another with --output.")
    partial = output.with_name(f".{output.name}.{os.getpid()}.partial")
    output.parent.mkdir(parents=True, exist_ok=True)
    _remove_what_killed_exports_left(output)
    partial.mkdir()
    try:
        yield partial
        sync_tree(partial)
        # An empty folder is replaced in one step; one that has filled meanwhile makes this fail.
        partial.rename(output)
        sync_folder(output.parent)
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def _remove_what_killed_exports_left(output: Path) -> None:
    for leftover in output.parent.iterdir():
        name, _, process = leftover.name.removesuffix(".partial").rpartition(".")
        is_ours = name == f".{output.name}" and leftover.name.endswith(".partial") and process.isdecimal()
        if is_ours and (int(process) == os.getpid() or not _is_alive(int(process))):
            shutil.rmtree(leftover, ignore_errors=True)


def _is_alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except (PermissionError, OverflowError):
        return True
    return True


def write_parquet(folder: Path, table: str, batches: pa.RecordBatchReader | pa.Table) -> int:
    """Write a table as `<schema>/<table>.parquet`, with page checksums and no metadata; count its rows."""
    path = parquet_path(folder, table)
    path.parent.mkdir(exist_ok=True)
    reader = batches.to_reader(ROWS_PER_GROUP) if isinstance(batches, pa.Table) else batches
    schema = reader.schema.remove_metadata()
    rows = 0
    with pq.ParquetWriter(
        path, schema, compression="zstd", write_page_checksum=True, store_schema=False
    ) as writer:
        for batch in reader:
            writer.write_batch(batch.replace_schema_metadata(None))
            rows += batch.num_rows
    return rows


def parquet_path(folder: Path, table: str) -> Path:
    """Where a table named `schema.name` lies in an export."""
    schema, _, name = table.partition(".")
    return folder / schema / f"{name}.parquet"


def write_manifest(
    folder: Path, about: dict[str, Any], tables: dict[str, ExportedTable], readme: str
) -> None:
    """Write README.txt, and manifest.json with the sha256 of every other file."""
    (folder / "README.txt").write_text(readme, encoding="utf-8")
    described = {
        name: {
            "parquet": str(parquet_path(folder, name).relative_to(folder)),
            "sha256": file_sha256(parquet_path(folder, name)),
            "bytes": parquet_path(folder, name).stat().st_size,
            "rows": table.rows,
            "changed": table.changed,
            "left_out": table.left_out,
            **table.more,
        }
        for name, table in sorted(tables.items())
    }
    manifest = {
        **about,
        "tables": described,
        "files": {"README.txt": {"sha256": file_sha256(folder / "README.txt")}},
    }
    text = json.dumps(manifest, indent=2, ensure_ascii=False) + "\n"
    (folder / "manifest.json").write_text(text, encoding="utf-8")
