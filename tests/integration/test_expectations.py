"""Every expectation blocks what it is there to block: its fault, seeded into valid tables, fails it alone.

The valid tables are those of three made-up studies in `data/expectations`, landed, transformed and estimated
as in a build: a trial of two arms in strata, a cohort without arms whose participants joined late, and a
trial that drew blood around a bout of exercise and at rest. The first two hold relapses in two organs and a
second primary on one day, competing events, withdrawals, new lines of therapy, late deaths, follow-up,
relapse and death after the data cutoff, participants who were never at risk, a curve that ends at 0, a
landmark after the end of follow-up, endpoints of the studies' own, a study that is analysed under some
policies only, unknown strata and covariates, a level that holds a bar and has nobody in one arm; the cohort
drew blood for one analyte. The third holds what laboratories deliver: results below and above a limit, wells
that were not measured, single replicates and replicates far apart, a plate in another unit, samples on two
plates, an analyte that was never found, a sample without haematocrit, bouts without a baseline or without
times, blood drawn soon after a session, and events before the blood. The faults are in `faults.yaml` and
`faults_*.yaml`.
"""

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import pytest
import yaml
from filelock import FileLock

from orchestration.assets.estimates import _estimators
from orchestration.dbt_project import PROJECT, dbt_environment, dbt_executable
from orchestration.landing import (
    above_tolerance,
    apply_cross_record_rules,
    create_raw_tables,
    land_record,
    land_study,
)
from orchestration.settings import Settings
from orchestration.trace.derivation import derive, disagreements
from orchestration.validation import Outcome, read_suite, suites, validate
from schemas.records import RECORDS
from schemas.study import load_study

# What faults are written with, so that a wrong estimate comes with the interval and the P value that belong
# to it: limits of a probability p with error e on the three scales, and the P value of a normal deviate
# (Abramowitz and Stegun 7.1.26).
MACROS = """
create temp macro log_low(p, e) as p / exp(1.959963984540054 * e / p);
create temp macro log_high(p, e) as least(p * exp(1.959963984540054 * e / p), 1);
create temp macro log_log_low(p, e) as pow(p, exp(1.959963984540054 * e / (p * abs(ln(p)))));
create temp macro log_log_high(p, e) as pow(p, exp(-1.959963984540054 * e / (p * abs(ln(p)))));
create temp macro plain_low(p, e) as greatest(p - 1.959963984540054 * e, 0);
create temp macro plain_high(p, e) as least(p + 1.959963984540054 * e, 1);
create temp macro normal_tail(z, t) as exp(-z * z / 2) * (
    0.254829592 * t - 0.284496736 * pow(t, 2) + 1.421413741 * pow(t, 3) - 1.453152027 * pow(t, 4)
    + 1.061405429 * pow(t, 5)
);
create temp macro normal_p(z) as normal_tail(abs(z), 1 / (1 + 0.3275911 * abs(z) / sqrt(2)));
"""

# Great Expectations wants the schema in the connection, of which there is one for all schemas.
pytestmark = pytest.mark.filterwarnings("ignore:`schema_name` is deprecated:DeprecationWarning")

DATA = Path(__file__).with_name("data") / "expectations"
STUDIES = ("walking-trial", "survivor-cohort", "bout-trial")
# Warnings that the valid tables raise: nothing is wrong with them, but a laboratory should look.
NOTICED = {
    "myokine.result": {"replicates-agree"},
    "myokine.plate_quality": {"plates-pass"},
    "myokine.resting_change": {"blood-was-drawn-at-rest"},
}
FAULTS: dict[str, dict[str, list[dict[str, Any]]]] = {
    table: by_expectation
    for path in sorted(DATA.glob("faults*.yaml"))
    for table, by_expectation in (yaml.safe_load(path.read_text(encoding="utf-8")) or {}).items()
}
SEEDED = [
    pytest.param(table, expectation, fault, id=f"{table}-{expectation}-{fault['fault']}")
    for table, by_expectation in FAULTS.items()
    for expectation, faults in by_expectation.items()
    for fault in faults
]


def _land(con: duckdb.DuckDBPyConnection) -> None:
    studies = [load_study(DATA / name) for name in STUDIES]
    create_raw_tables(con)
    for study in studies:
        land_study(con, study)
        for record in RECORDS:
            land_record(con, study, record)
    apply_cross_record_rules(con, studies)
    assert not above_tolerance(con)


def _transform(settings: Settings) -> None:
    done = subprocess.run(
        [dbt_executable(), "--quiet", "build", "--resource-type", "model", "--resource-type", "seed"],
        env=dbt_environment(settings),
        cwd=PROJECT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def _estimate(con: duckdb.DuckDBPyConnection) -> None:
    con.execute("delete from reference.published_results")
    con.read_csv(DATA / "published_results.csv").create_view("figures")
    keys = ("endpoint_id", "arm_id", "experimental", "control", "kind", "analyte_id", "visit", "timepoint")
    filled = ", ".join(f"coalesce({key}, '') as {key}" for key in keys)
    con.execute(f"insert into reference.published_results by name select * replace ({filled}) from figures")
    con.execute("drop view figures")
    con.execute("create schema benchmark; create schema if not exists myokine")
    for table, frame in _estimators(con):
        con.register("estimated", frame.to_arrow())
        con.execute(f"create table {table} as from estimated")
        con.unregister("estimated")


@pytest.fixture(scope="session")
def valid_database(shared_folder: Path) -> Path:
    """A build database of the made-up studies, for copying: it is never opened, so nobody locks it."""
    settings = Settings(home=shared_folder / "made-up-studies")
    finished = settings.home / "valid.duckdb"
    with FileLock(shared_folder / "made-up-studies.lock"):
        if not finished.exists():
            settings.build.mkdir(parents=True)
            with duckdb.connect(settings.build_database) as con:
                _land(con)
            _transform(settings)
            with duckdb.connect(settings.build_database) as con:
                _estimate(con)
            settings.build_database.rename(finished)
    return finished


@pytest.fixture
def copy(valid_database: Path, tmp_path: Path) -> Iterator[Path]:
    """A copy that a test may spoil; hundreds of them would fill the disk."""
    spoiled = tmp_path / "spoiled.duckdb"
    shutil.copyfile(valid_database, spoiled)
    yield spoiled
    spoiled.unlink()


def _failed(database: Path, table: str) -> dict[str, Outcome]:
    return {o.expectation: o for o in validate(database, table) if not o.success}


@pytest.mark.parametrize("table", suites())
def test_valid_tables_meet_every_expectation(copy, table):
    failed = _failed(copy, table)
    assert set(failed) == NOTICED.get(table, set())
    assert not any(outcome.is_blocking for outcome in failed.values())


@pytest.mark.parametrize("table", suites())
def test_every_expectation_has_a_fault_and_every_fault_its_expectation(table):
    expected = [e["meta"]["id"] for e in read_suite(table)["expectations"]]
    assert list(FAULTS[table]) == expected
    assert all(faults for faults in FAULTS[table].values())


def test_every_table_with_faults_has_a_suite():
    assert sorted(FAULTS) == suites()


@pytest.mark.parametrize(("table", "expectation", "fault"), SEEDED)
def test_a_fault_fails_the_expectation_that_it_breaks_and_no_other(copy, table, expectation, fault):
    noticed = NOTICED.get(table, set())
    before = _failed(copy, table) if expectation in noticed else {}
    with duckdb.connect(copy) as con:
        con.execute(MACROS)
        con.execute(fault["sql"])
    failed = _failed(copy, table)
    assert sorted(set(failed) - noticed) == sorted({expectation, *fault.get("also", {})} - noticed)
    shown = failed[expectation]
    for outcome in before.values():
        assert int(shown.observed) > int(outcome.observed), "the fault adds nothing to what was noticed"
    assert shown.unexpected, "the offending rows are not shown"
    assert shown.is_blocking == (shown.severity == "critical")


def test_a_table_that_is_empty_meets_what_is_said_of_its_rows(copy):
    with duckdb.connect(copy) as con:
        con.execute("delete from benchmark.published_result; delete from reference.published_results")
    assert _failed(copy, "benchmark.published_result") == {}


def test_a_rule_that_cannot_be_evaluated_is_an_error_and_no_success(copy):
    with duckdb.connect(copy) as con:
        con.execute("drop table survival.curve")
    with pytest.raises(RuntimeError, match=r"^every-landmark-of-every-arm: .*curve does not exist"):
        validate(copy, "survival.landmark")


def test_the_number_of_offending_rows_is_told_up_to_two_hundred(copy):
    with duckdb.connect(copy) as con:
        con.execute("update survival.curve set n_censored = n_censored + 1")
        ((rows,),) = con.sql("select count(*) from survival.curve").fetchall()
    assert rows > 200
    failed = _failed(copy, "survival.curve")
    assert failed["counts-of-the-risk-table"].observed == "200 or more"
    assert len(failed["counts-of-the-risk-table"].unexpected) == 5


# Which policies a study is analysed under is released with its outcomes only; and twice the same is no other.
UNTRACEABLE = {
    "a participant stands twice",
    "a policy of the study is not analysed",
    "a policy is analysed that the study leaves out",
}


def test_outcomes_derived_again_from_the_evidence_are_the_valid_ones(copy):
    with duckdb.connect(copy, read_only=True) as con:
        ((outcomes,),) = con.sql("select count(*) from survival.time_to_event").fetchall()
        assert len(derive(con)) == outcomes
        assert list(disagreements(con)) == []


def test_every_wrong_outcome_differs_from_the_one_derived_again(copy):
    unnoticed = set()
    with duckdb.connect(copy) as con:
        con.execute(MACROS)
        for fault in (f for faults in FAULTS["survival.time_to_event"].values() for f in faults):
            con.begin()
            con.execute(fault["sql"])
            if not list(disagreements(con)):
                unnoticed.add(fault["fault"])
            con.rollback()
    assert unnoticed == UNTRACEABLE
