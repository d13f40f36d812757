"""What keeps a warehouse usable after damage, upgrades and slips: bookkeeping, old releases, advice."""

import contextlib
import hashlib
import json
import random
import shutil
import sqlite3
import subprocess
import sys
import threading
import uuid

import dagster as dg
import pytest
from typer.testing import CliRunner

from orchestration import dagster_instance, ledger, warehouse_lock
from orchestration.cli.app import app
from orchestration.dagster_instance import damaged_files, open_instance
from orchestration.release.read import find_release
from orchestration.settings import Settings
from tests.small_release import publish_deaths

DATABASES = ("history/runs.db", "history/runs/index.db", "schedules/schedules.db")


@dg.op
def nothing():
    pass


@dg.job
def idle():
    nothing()


def _run_idle(settings, said):
    """Run a job as a build does, in what is a new process as far as the bookkeeping goes."""
    dagster_instance._looked_at.clear()
    run_id = str(uuid.uuid4())
    with open_instance(settings, said.append) as instance:
        done = idle.execute_in_process(
            instance=instance,
            run_id=run_id,
            run_config={"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}},
        )
        assert done.success
        assert run_id in {run.run_id for run in instance.get_runs()}
        assert instance.all_logs(run_id)
    return run_id


@pytest.fixture(scope="module")
def recorded(tmp_path_factory):
    """A home in which two runs are recorded."""
    settings = Settings(home=tmp_path_factory.mktemp("recorded") / "home", threads=1)
    said = []
    runs = [_run_idle(settings, said) for _ in range(2)]
    assert said == []
    return settings.home, runs


@pytest.fixture
def settings(recorded, tmp_path):
    shutil.copytree(recorded[0], tmp_path / "home")
    return Settings(home=tmp_path / "home", threads=1)


def _header(content):
    return b"\0" * 100 + content[100:]


def _pages(content):
    at = random.Random(4)
    spoilt = bytearray(content)
    for page in range(4096, len(content), 4096):
        spoilt[page : page + 64] = at.randbytes(64)
    return bytes(spoilt)


def _flip(position):
    return lambda content: content[:position] + bytes([content[position] ^ 0x40]) + content[position + 1 :]


DAMAGES = {
    "header of zeros": _header,
    "first byte flipped": _flip(0),
    "version for writing flipped": _flip(18),
    "version for reading flipped": _flip(19),
    "format of the schema flipped": _flip(47),
    "first page flipped": _flip(105),
    "every page spoilt": _pages,
    "half of it": lambda content: content[: len(content) // 2],
    "a few bytes": lambda content: content[:50],
    "empty": lambda _: b"",
    "random": lambda content: random.Random(1).randbytes(len(content)),
}


@pytest.mark.parametrize(
    ("name", "damage"),
    [("history/runs.db", damage) for damage in DAMAGES]
    + [(name, damage) for name in DATABASES[1:] for damage in ("first byte flipped", "half of it", "empty")],
)
def test_damaged_bookkeeping_is_set_aside_and_dagster_goes_on(settings, name, damage):
    path = settings.dagster_home / name
    path.write_bytes(DAMAGES[damage](path.read_bytes()))
    said = []
    _run_idle(settings, said)
    (sentence,) = said
    assert name in sentence
    assert "set aside" in sentence
    assert (settings.dagster_home / "damaged-1" / name).is_file()
    _run_idle(settings, said)
    assert len(said) == 1


@pytest.mark.parametrize(
    ("name", "table"), [("history/runs.db", "runs"), ("history/runs/index.db", "event_logs")]
)
def test_bookkeeping_that_is_whole_but_unreadable_for_dagster_is_set_aside(settings, name, table):
    with contextlib.closing(sqlite3.connect(settings.dagster_home / name)) as con:
        con.execute(f"drop table {table}")
        con.commit()
    assert damaged_files(settings) == []
    said = []
    _run_idle(settings, said)
    assert name in said[0]


def test_whole_bookkeeping_is_left_alone(settings, recorded):
    assert damaged_files(settings) == []
    said = []
    _run_idle(settings, said)
    assert said == []
    dagster_instance._looked_at.clear()
    with open_instance(settings) as instance:
        assert set(recorded[1]) <= {run.run_id for run in instance.get_runs()}


def test_a_run_whose_own_record_is_damaged_is_set_aside_alone(settings, recorded):
    runs = settings.dagster_home / "history" / "runs"
    (runs / f"{recorded[1][0]}.db").write_bytes(b"x" * 5000)
    said = []
    _run_idle(settings, said)
    assert "history/runs/" in said[0]
    assert not (runs / f"{recorded[1][0]}.db").exists()
    assert (runs / f"{recorded[1][1]}.db").exists()


@pytest.mark.parametrize("suffix", ["-wal", "-shm"])
@pytest.mark.parametrize("name", DATABASES)
def test_spoilt_companions_of_a_database_stop_nothing(settings, name, suffix):
    path = settings.dagster_home / f"{name}{suffix}"
    path.write_bytes(random.Random(2).randbytes(40_000))
    _run_idle(settings, [])


@pytest.fixture
def warehouse(tmp_path):
    return Settings(home=tmp_path / "warehouse", threads=1)


@pytest.fixture
def run(warehouse, monkeypatch):
    """Runs a command on the warehouse; gives its status, what it printed and what it complained of."""
    monkeypatch.setenv("COLUMNS", "200")

    def invoke(*arguments):
        done = CliRunner().invoke(app, [*arguments, "--home", str(warehouse.home)])
        assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
        return done.exit_code, done.stdout, done.stderr

    yield invoke
    ledger.set_command("")


def _age(settings, *folders):
    """Make releases what an earlier version published: manifests that say less, a ledger without a head."""
    hashes = {}
    for folder in folders:
        path = folder / "manifest.json"
        manifest = json.loads(path.read_bytes())
        for name in ("content_hash", "settings", "seeds", "run"):
            manifest.pop(name, None)
        manifest["files"].pop("validation.json")
        for described in manifest["tables"].values():
            del described["columns"], described["key"]
            # Hashed as it was then.
            described["content_hash"] = hashlib.sha256(described["content_hash"].encode()).hexdigest()
        path.chmod(0o644)
        path.write_text(json.dumps(manifest, indent=2))
        hashes[folder.name] = hashlib.sha256(path.read_bytes()).hexdigest()
    entries = ledger.read(settings.ledger)
    for path in settings.ledger.parent.iterdir():
        path.unlink()
    previous = "0" * 64
    for entry in entries:
        old = {name: value for name, value in entry.items() if name not in ("command", "sha256")}
        old["previous_sha256"] = previous
        if old.get("release_id") in hashes:
            old["manifest_sha256"] = hashes[old["release_id"]]
        text = json.dumps(old, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
        previous = hashlib.sha256(text.encode()).hexdigest()
        with settings.ledger.open("a", encoding="utf-8") as file:
            file.write(json.dumps({**old, "sha256": previous}) + "\n")


def test_releases_of_an_earlier_version_are_verified_and_returned_to(run, warehouse):
    first, second = (publish_deaths(warehouse, deaths) for deaths in (1, 2))
    _age(warehouse, first, second)
    status, printed, _ = run("verify", "--all")
    assert status == 0, printed
    assert "made by an earlier version: content hashes of tables not recomputed" in printed
    assert "in Parquet" in printed
    publish_deaths(warehouse, 3)
    assert run("rollback")[0] == 0
    assert find_release(warehouse).folder == second
    assert run("rollback", first.name)[0] == 0
    assert run("releases")[0] == 0


@pytest.mark.parametrize("name", ["cohortmart.duckdb", "report.html", "parquet/survival/curve.parquet"])
def test_damage_of_a_release_of_an_earlier_version_is_found(run, warehouse, name):
    folder = publish_deaths(warehouse, 1)
    _age(warehouse, folder)
    _flip_byte(folder / name)
    status, printed, _ = run("verify")
    assert (status, str(folder / name) in printed) == (1, True)


def _flip_byte(path):
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.chmod(0o644)
    path.write_bytes(content)


def test_a_release_of_an_earlier_version_compares_with_one_of_this(run, warehouse):
    first, same, other = (publish_deaths(warehouse, deaths) for deaths in (2, 2, 3))
    _age(warehouse, first)
    status, printed, complaint = run("diff", first.name, same.name)
    assert (status, complaint) == (0, "")
    assert "Every table says the same" in printed
    for pair in ((first.name, other.name), (other.name, first.name)):
        status, printed, complaint = run("diff", *pair)
        assert (status, complaint) == (1, "")
        assert "is_event" in printed
    _age(warehouse, other)
    assert run("diff", first.name, other.name)[0] == 1


def test_a_damaged_ledger_recommends_a_rollback_only_where_there_is_something_to_return_to(run, warehouse):
    publish_deaths(warehouse, 1)
    damaged = warehouse.ledger.read_text().replace('"sequence":1', '"sequence":7')
    warehouse.ledger.write_text(damaged)
    for status, text in (
        (run("verify")[0], run("verify")[1]),
        (run("sql", "select 1")[0], run("sql", "select 1")[2]),
    ):
        assert status in (1, 2)
        assert "cohortmart build" in text
        assert "cohortmart rollback" not in text


def test_a_damaged_ledger_names_the_release_to_return_to(run, warehouse):
    first, _ = (publish_deaths(warehouse, deaths) for deaths in (1, 2))
    ledger.append(warehouse.ledger, "build", run_id="x")
    text = warehouse.ledger.read_text()
    warehouse.ledger.write_text(text.replace('"run_id":"x"', '"run_id":"y"'))
    complaint = run("sql", "select 1")[2]
    advised = f"cohortmart rollback {first.name}"
    assert complaint.index("cohortmart build") < complaint.index(advised)
    assert advised in run("verify")[1]
    assert run("rollback", first.name)[0] == 0
    assert run("verify")[0] == 0


@pytest.mark.parametrize("how", ["gone", "empty", "gone with the pointer"])
def test_a_ledger_that_is_gone_is_said(run, warehouse, how):
    folder = publish_deaths(warehouse, 1)
    shutil.rmtree(warehouse.ledger.parent)
    if how == "empty":
        warehouse.ledger.parent.mkdir()
        warehouse.ledger.touch()
    if how == "gone with the pointer":
        warehouse.current.unlink()
    for command in (["verify"], ["verify", "--all"], ["verify", folder.name]):
        status, printed, _ = run(*command)
        assert (status, f"{warehouse.ledger} is gone" in printed) == (1, True), command
    for command in (["sql", "select 1"], ["rollback"], ["prune", "--keep", "1"]):
        status, _, complaint = run(*command)
        assert (status, "cohortmart build" in complaint) == (2, True), command
    assert run("sql", "select 1")[2].count("is gone") == 1
    publish_deaths(warehouse, 2)
    assert folder.is_dir() or how == "gone with the pointer"
    assert run("sql", "select 1")[0] == 0


def test_a_rollback_from_a_release_that_does_not_exist_promises_no_way_back(run, warehouse):
    publish_deaths(warehouse, 1)
    warehouse.current.unlink()
    warehouse.current.symlink_to("releases/20200101T000000Z-nowhere")
    status, printed, _ = run("rollback")
    assert (status, "nowhere" in printed) == (0, False)


def test_a_rollback_to_the_current_release_changes_nothing(run, warehouse):
    folder = publish_deaths(warehouse, 1)
    before = warehouse.ledger.read_bytes()
    status, printed, _ = run("rollback", "current")
    assert (status, printed) == (0, f"{folder.name} is the current release already.\n")
    assert warehouse.ledger.read_bytes() == before


@pytest.mark.parametrize("command", ["verify", "rollback"])
@pytest.mark.parametrize("name", ["", " "])
def test_an_empty_name_of_a_release_is_refused(run, warehouse, command, name):
    for deaths in (1, 2):
        publish_deaths(warehouse, deaths)
    current = find_release(warehouse).folder
    status, printed, complaint = run(command, name)
    assert (status, printed) == (2, "")
    assert "empty" in complaint
    assert find_release(warehouse).folder == current


@pytest.mark.parametrize("command", [["lock", "current"], ["unlock", "current", "--reason", "over"]])
def test_who_wants_a_warehouse_that_is_held_is_refused_or_waits(run, warehouse, command):
    folder = publish_deaths(warehouse, 1)
    ledger.append(warehouse.ledger, "lock", release_id=folder.name, reason="interim analysis", inputs={})
    warehouse_lock.acquire(warehouse, "build, run 1f0c")
    try:
        status, _, complaint = run(*command)
        assert (status, "build, run 1f0c" in complaint) == (1, True)
        letting_go = threading.Timer(0.5, warehouse_lock.release, [warehouse])
        letting_go.start()
        assert run(*command, "--wait", "20")[0] == 0
        letting_go.join()
    finally:
        warehouse_lock.release(warehouse)


@pytest.mark.parametrize("cron", ["nightly", "0 2 * *", "99 2 * * *", "0 2 * * * 7 8"])
def test_a_schedule_that_is_none_is_refused_in_a_sentence(run, monkeypatch, cron):
    monkeypatch.setenv("COHORTMART_NIGHTLY_CRON", cron)
    status, _, complaint = run("releases")
    assert status == 2
    assert complaint.startswith(f"COHORTMART_NIGHTLY_CRON: `{cron}` is no schedule; accepted: ")


def test_a_schedule_of_ones_own_is_taken(tmp_path):
    assert Settings(home=tmp_path, nightly_cron="30 1 * * 1-5").nightly_cron == "30 1 * * 1-5"


@pytest.mark.parametrize("has_release", [True, False])
def test_an_interrupt_says_whether_there_is_a_release(tmp_path, has_release):
    current = tmp_path / "current"
    if has_release:
        current.mkdir()
    script = (
        "import os, pathlib, signal, sys\n"
        "from orchestration.cli.interruption import Interruption\n"
        "Interruption().watch(pathlib.Path(sys.argv[1]))\n"
        "os.kill(os.getpid(), signal.SIGINT)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, str(current)], capture_output=True, text=True, check=False, timeout=60
    )
    said = "the current release is as it was" if has_release else "there is no release yet"
    assert (done.returncode, done.stderr) == (130, f"\nThe build was interrupted; {said}.\n")
