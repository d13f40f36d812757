"""Readers of a warehouse, each a process of its own: `python -m tests.faults.readers KIND HOME LOG`.

A reader reads until a file beside LOG says stop, and appends to LOG a line for every read: the release it
read, how long that took, and what was wrong, empty if nothing was.
"""

import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import pyarrow.parquet as pq

from orchestration.cli.sql import run_sql
from orchestration.release.content_hash import rows_hash
from orchestration.release.read import DATABASE, find_release
from orchestration.settings import Settings

_SECONDS_BETWEEN_READS = 0.05

# The number of deaths as two tables say it: another in each would be half a release.
_DEATHS = (
    "select (select count(*) from audit.quarantine) as of_one, "
    "(select max(n_event) from survival.curve) as of_other"
)


def _opened(home: Path) -> tuple[Path, dict[str, Any]]:
    """The folder of the current release, by following the pointer once, and its manifest."""
    release = (home / "warehouse" / "current").resolve(strict=True)
    return release, json.loads((release / "manifest.json").read_text(encoding="utf-8"))


def read_duckdb(home: Path) -> str:
    """Read every table in DuckDB, as any tool would, and compare it with the manifest."""
    release, manifest = _opened(home)
    with duckdb.connect(release / DATABASE, read_only=True) as con:
        for name, table in manifest["tables"].items():
            columns = {c["name"]: c["type"] for c in table["columns"]}
            found = rows_hash(con, name, columns)
            assert found == (table["rows"], table["content_hash"]), f"{name} in {release.name}: {found}"
    return release.name


def read_parquet(home: Path) -> str:
    """Read every table in Parquet."""
    release, manifest = _opened(home)
    deaths = set()
    for name, table in manifest["tables"].items():
        rows = pq.read_table(release / table["parquet"], page_checksum_verification=True)
        assert rows.num_rows == table["rows"], f"{name} in {release.name}: {rows.num_rows} rows"
        if name == "survival.curve":
            deaths |= set(rows["n_event"].to_pylist())
        if name == "audit.quarantine":
            deaths.add(rows.num_rows)
    assert len(deaths) == 1, f"{release.name}: {deaths}"
    return release.name


def read_sql(home: Path) -> str:
    """Ask what `cohortmart sql` asks."""
    answer = home.parent / "answer.json"
    assert run_sql(Settings(home=home), _DEATHS, "json", answer) == 0
    (row,) = json.loads(answer.read_text(encoding="utf-8"))
    assert row["of_one"] == row["of_other"], row
    return str(row["of_one"])


def held(home: Path) -> Callable[[Path], str]:
    """Open the current release once and ask it again and again."""
    release = find_release(Settings(home=home))
    con = duckdb.connect(release.folder / DATABASE, read_only=True)
    first = con.sql(_DEATHS).fetchall()

    def read(_home: Path) -> str:
        assert con.sql(_DEATHS).fetchall() == first
        assert con.sql("select count(*) from survival.time_to_event").fetchall() == [(10,)]
        return release.release_id

    return read


READERS: dict[str, Callable[[Path], str]] = {
    "duckdb": read_duckdb,
    "parquet": read_parquet,
    "sql": read_sql,
}


def main(kind: str, home: Path, log: Path) -> None:
    """Read until told to stop."""
    read = held(home) if kind == "held" else READERS[kind]
    with log.open("a", encoding="utf-8", buffering=1) as file:
        while not log.with_suffix(".stop").exists():
            started = time.perf_counter()
            release, problem = "", ""
            try:
                release = read(home)
            except Exception as error:
                problem = f"{type(error).__name__}: {error}"
            line = {"release": release, "seconds": time.perf_counter() - started, "problem": problem}
            file.write(json.dumps(line) + "\n")
            time.sleep(_SECONDS_BETWEEN_READS)


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3]))
