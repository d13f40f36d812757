"""One warehouse has one build at a time, and a failed one does not keep the next from starting."""

import fcntl

import dagster as dg
import pytest

from orchestration.build_database import BuildDatabase


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
        with pytest.raises(dg.Failure, match="under way") as refused:
            database.create("second")
        assert "run first, process 42" in str(refused.value.description)


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
