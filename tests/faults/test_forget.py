"""A participant of a built warehouse withdraws consent: not a byte of the home holds them afterwards."""

import json
import re
import shutil
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import duckdb

from orchestration import ledger
from orchestration.deliveries.deliver import deliver
from orchestration.settings import Settings
from seeds.studies import SHIPPED

STUDY, CANARY = "challenge-sim", "CH-0000017"


def cells_with(canary: str, path: Path) -> int:
    """Count the values of a database or Parquet file that hold a text, whatever they are compressed with."""
    if path.suffix == ".parquet":
        con = duckdb.connect()
        tables = [f"read_parquet('{glob_free(path)}')"]
    else:
        con = duckdb.connect(path, read_only=True)
        named = con.sql("select schema_name, table_name from duckdb_tables()").fetchall()
        tables = [f'"{schema}"."{table}"' for schema, table in named]
    with con:
        return sum(
            len(con.execute(f"select 1 from {table} as t where contains(t::varchar, ?)", [canary]).fetchall())
            for table in tables
        )


def glob_free(path: Path) -> str:
    return re.sub(r"([*?\[])", r"[\1]", str(path)).replace("'", "''")


def traces_of(canary: str, home: Path) -> tuple[list[str], int]:
    """Look through every byte of every file, and through every value of those that are compressed."""
    found, n_bytes = [], 0
    for path in (path for path in home.rglob("*") if path.is_file() and not path.is_symlink()):
        content = path.read_bytes()
        n_bytes += len(content)
        is_compressed = path.suffix in (".duckdb", ".parquet")
        if canary.encode() in content or (is_compressed and cells_with(canary, path)):
            found.append(str(path.relative_to(home)))
    return found, n_bytes


def test_a_withdrawal_leaves_nothing_of_them_in_the_home(
    fault: Callable,
    cohortmart: Callable[..., subprocess.CompletedProcess[str]],
    warehouse: Path,
    tmp_path: Path,
    record_property: Callable[[str, object], None],
):
    home = tmp_path / "home"
    shutil.copytree(warehouse, home, symlinks=True)
    settings = Settings(home=home)
    before, _ = traces_of(CANARY, home)
    assert {path.partition("/")[0] for path in before} >= {"deliveries", "warehouse"}
    was = settings.current.readlink().name

    forget = fault("delivery", "withdrawal of consent, and a late delivery that still holds them")
    with forget.trial("forget"):
        started = time.perf_counter()
        done = cohortmart("forget", STUDY, CANARY, home=home)
        seconds = time.perf_counter() - started
        assert done.returncode == 0, done.stdout + done.stderr
        assert CANARY not in done.stdout + done.stderr
        left, n_bytes = traces_of(CANARY, home)
        assert left == []
        assert settings.current.readlink().name != was
        assert [path.name for path in settings.releases.iterdir()] == [settings.current.readlink().name]
        entries = ledger.read(settings.ledger)
        (redacted,) = [entry for entry in entries if entry.get("step") == "redacted"]
        record_property("forget", f"{redacted['n_rows']} rows, {n_bytes:,} bytes read, {seconds:.0f} s")

    with forget.trial("the release without them is whole"):
        answer = cohortmart(
            "sql",
            "select study_id, count(distinct participant_id) as n from survival.time_to_event group by all",
            "--format",
            "json",
            home=home,
        )
        n_left = {row["study_id"]: row["n"] for row in json.loads(answer.stdout)}
        package = SHIPPED[STUDY](tmp_path / STUDY)
        assert n_left[STUDY] == len((package / "participants.csv").read_text().splitlines()) - 2
        manifest = json.loads((settings.current / "manifest.json").read_text())
        assert {i["study_id"]: i["n_withdrawn"] for i in manifest["inputs"]}[STUDY] == 1
        unbalanced = cohortmart(
            "sql",
            "select count(*) as n from audit.landing where rows_read <> rows_accepted + rows_quarantined",
            "--format",
            "json",
            home=home,
        )
        assert json.loads(unbalanced.stdout) == [{"n": 0}]

    with forget.trial("a late delivery that still holds them"):
        assert CANARY in (package / "participants.csv").read_text()
        late = deliver(package, settings)
        assert late.n_withdrawn == 1
        assert traces_of(CANARY, home)[0] == []

    for name, status in ((CANARY, 0), ("NOBODY-9", 2)):
        with forget.trial(f"forget again: status {status}"):
            again = cohortmart("forget", STUDY, name, home=home)
            assert again.returncode == status, again.stdout + again.stderr
            assert name not in again.stdout + again.stderr


def test_without_a_warehouse_nothing_is_made(fault, cohortmart, tmp_path):
    nothing = fault("delivery", "forget, lock and unlock without a warehouse")
    for command in (
        ("forget", "../x", "P1"),
        ("forget", "trial-a", "P1"),
        ("lock", "current"),
        ("unlock", "current", "--reason", "none"),
    ):
        with nothing.trial(" ".join(command)):
            done = cohortmart(*command, home=tmp_path / "none")
            assert done.returncode == 2
            assert done.stderr
            assert "Traceback" not in done.stderr
            assert not (tmp_path / "none").exists()
