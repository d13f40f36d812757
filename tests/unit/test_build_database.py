"""One warehouse has one build at a time, and a failed one does not keep the next from starting."""

import fcntl
import threading
import time

import dagster as dg
import pytest

from orchestration import ledger
from orchestration.build_database import BuildDatabase
from orchestration.settings import Settings
from orchestration.warehouse_lock import hold


@pytest.fixture
def database(tmp_path):
    made = BuildDatabase(home=str(tmp_path), studies=[])
    yield made
    made.release_lock()


def test_a_second_build_is_told_who_holds_the_warehouse(database, tmp_path):
    with (tmp_path / "build.lock").open("w") as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        other.write("run first, process 42")
        other.flush()
        with pytest.raises(dg.Failure, match="being changed") as refused:
            database.create("second")
        assert "run first, process 42" in str(refused.value.description)


def test_a_build_waits_as_long_as_it_is_told(tmp_path):
    settings = Settings(home=tmp_path)
    waiting = BuildDatabase(home=str(tmp_path), studies=[], wait_seconds=30)
    is_held, done = threading.Event(), []

    def prune():
        with hold(settings, "prune"):
            is_held.set()
            time.sleep(0.3)
            done.append("pruned")

    other = threading.Thread(target=prune)
    other.start()
    assert is_held.wait(10)
    waiting.create("run")
    assert done == ["pruned"]
    waiting.release_lock()
    other.join()


def test_what_a_build_was_given_goes_before_the_environment(tmp_path, monkeypatch):
    monkeypatch.setenv("COHORTMART_DATA_CUTOFF", "2001-01-01")
    given = BuildDatabase(home=str(tmp_path), studies=[], data_cutoff="2009-12-31", inputs_of="current")
    assert given.settings.data_cutoff.isoformat() == "2009-12-31"
    assert given.settings.inputs_of == "current"
    assert BuildDatabase(home=str(tmp_path), studies=[]).settings.data_cutoff.isoformat() == "2001-01-01"


def test_a_run_of_dagster_is_what_the_ledger_is_told_of_it(database):
    ledger.set_command("")
    try:
        for run_id in ("first", "second"):
            database.create(run_id)
            assert ledger.command() == f"dagster run {run_id}"
        ledger.set_command("cohortmart build")
        database.create("third")
        assert ledger.command() == "cohortmart build"
    finally:
        ledger.set_command("")


def test_a_run_that_failed_in_this_process_does_not_block_the_next(database):
    database.create("failed")
    database.create("next")
    with database.connect("next") as con:
        assert con.sql("select 1").fetchall() == [(1,)]


def test_a_run_that_did_not_start_with_deliveries_has_no_database(database):
    database.create("whole")
    with pytest.raises(dg.Failure) as refused, database.connect("part"):
        pass
    assert "materialize all assets together" in str(refused.value.description)


def test_the_database_is_closed_when_a_step_raises(database):
    database.create("run")
    with pytest.raises(ZeroDivisionError), database.connect("run"):
        raise ZeroDivisionError
    with database.connect("run", read_only=True) as con:
        assert con.sql("select 1").fetchall() == [(1,)]
