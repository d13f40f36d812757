"""Whatever is wrong with a package: a clear error, no traceback, no lost row, no release."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import dagster as dg
import duckdb
import pytest


@pytest.fixture(scope="module")
def home(shared_folder, worker_id) -> Path:
    """A warehouse without a release; its parsed dbt project is kept between the tests of a worker."""
    return shared_folder / f"refused-{worker_id}"


@pytest.fixture
def study(moertel, tmp_path):
    """Makes copies of the Moertel package under other names, each for one fault."""

    def copy(name: str) -> Path:
        package = Path(shutil.copytree(moertel, tmp_path / name))
        descriptor = package / "study.yaml"
        text = descriptor.read_text("utf-8").replace("study_id: moertel-colon", f"study_id: {name}")
        descriptor.write_text(text, "utf-8")
        return package

    return copy


def _refused(cohortmart, home, packages):
    done = cohortmart("build", *(a for p in packages for a in ("--study", p)), home=home)
    output = done.stdout + done.stderr
    assert "Traceback" not in output
    assert "No release was made" in output
    assert not (home / "warehouse" / "current").exists()
    return done.returncode, " ".join(output.split())


def test_packages_that_cannot_be_found_are_all_named(cohortmart, home, study, tmp_path):
    """A missing file, and a folder that is no package."""
    incomplete = study("incomplete")
    (incomplete / "deaths.csv").unlink()
    status, output = _refused(cohortmart, home, [incomplete, tmp_path])
    assert status == 2
    assert "the file `deaths.csv` is not in the package" in output
    assert f"{incomplete}/study.yaml line" in output
    assert f"{tmp_path} has no study.yaml" in output


def test_files_that_cannot_be_read_are_all_named(cohortmart, home, study, edit_csv):
    """A wrong column, a binary file named .csv and an empty file."""
    renamed, binary, empty = study("renamed"), study("binary"), study("empty")
    edit_csv(renamed / "deaths.csv", lambda rows: [["participant_id", "date_died", "cause"], *rows[1:]])
    (binary / "disease_events.csv").write_bytes(bytes(range(256)) * 50)
    (empty / "follow_up.csv").write_bytes(b"")
    status, output = _refused(cohortmart, home, [renamed, binary, empty])
    assert status == 2
    assert "date_died" in output
    assert "died_on" in output
    assert "renamed: deaths.csv: " in output
    assert "binary: disease_events.csv" in output
    assert "empty: follow_up.csv" in output


def test_a_subgroup_of_too_many_levels_stops_the_build_before_anything_is_computed(cohortmart, home, study):
    package = study("ages")
    descriptor = package / "study.yaml"
    descriptor.write_text(
        descriptor.read_text("utf-8").replace("subgroups: [", "subgroups: [age_years, "), "utf-8"
    )
    status, output = _refused(cohortmart, home, [package])
    assert status == 2
    assert (
        "ages: study.yaml line 18: subgroups[1] names the column `age_years`, which has 62 levels" in output
    )
    assert "accepted: at most 50 levels: group it into a column with fewer levels" in output
    with duckdb.connect(home / "build" / "build.duckdb", read_only=True) as con:
        assert con.sql("select * from duckdb_tables() where schema_name = 'staging'").fetchall() == []


def test_rows_that_cannot_be_are_quarantined_with_reasons_and_none_is_lost(cohortmart, home, study, edit_csv):
    """A duplicate key, an impossible date, an unknown arm, and 10,000 bad rows."""

    def cell(row, column, value):
        def change(rows):
            rows[row][rows[0].index(column)] = value
            return rows

        return change

    twice, dated, armed, flooded = study("twice"), study("dated"), study("armed"), study("flooded")
    edit_csv(twice / "participants.csv", lambda rows: [*rows, rows[1]])
    edit_csv(dated / "deaths.csv", cell(7, "died_on", "2020-02-60"))
    edit_csv(armed / "participants.csv", cell(1, "arm_id", "PLACEBO"))
    edit_csv(
        flooded / "follow_up.csv",
        lambda rows: [*rows, *[["MC-0001", "not a date", *["x"] * (len(rows[0]) - 2)]] * 10_000],
    )
    status, output = _refused(cohortmart, home, [twice, dated, armed, flooded])
    assert status == 1
    assert "twice: participants.csv: 2 rows quarantined" in output
    assert "armed: participants.csv: 1 row quarantined" in output
    assert "line 8: died_on `2020-02-60` is not a day of the calendar" in output
    assert "arm_id `PLACEBO` is not an arm of study.yaml, which has OBS, LEV, LEV5FU" in output
    assert "flooded: follow_up.csv: 10,000 rows quarantined" in output
    with duckdb.connect(home / "build" / "build.duckdb", read_only=True) as con:
        files = con.sql(
            "select study_id, record, rows_read, rows_accepted, rows_quarantined from audit.landing"
        ).fetchall()
        assert len(files) == 16
        for study_id, record, read, accepted, quarantined in files:
            in_raw = con.execute(f"select count(*) from raw.{record} where study_id = ?", [study_id])
            assert in_raw.fetchall() == [(accepted,)]
            set_aside = con.execute(
                "select count(distinct (source_file, source_line)) from audit.quarantine "
                "where study_id = ? and record = ?",
                [study_id, record],
            )
            assert set_aside.fetchall() == [(quarantined,)]
            assert read == accepted + quarantined


def test_a_critical_expectation_stops_the_release_where_quarantine_was_tolerated(
    cohortmart, home, study, edit_csv
):
    """The study tolerates that every row is set aside; a warehouse without participants is none."""
    package = study("nobody")

    def unknown_arm(rows):
        column = rows[0].index("arm_id")
        return [rows[0], *([*row[:column], "NONE", *row[column + 1 :]] for row in rows[1:])]

    edit_csv(package / "participants.csv", unknown_arm)
    descriptor = package / "study.yaml"
    descriptor.write_text(descriptor.read_text("utf-8") + "\nquarantine_tolerance: 1\n", "utf-8")
    status, output = _refused(cohortmart, home, [package])
    assert status == 1
    assert "expectations failed" in output
    assert "Every study has participants." in output


def test_a_refused_build_leaves_the_release_that_readers_see(cohortmart, warehouse, moertel, tmp_path):
    home = tmp_path / "home"
    shutil.copytree(warehouse, home, symlinks=True)
    before = (home / "warehouse" / "current").readlink()
    (moertel / "deaths.csv").unlink()
    done = cohortmart("build", "--study", moertel, home=home)
    assert done.returncode == 2
    assert (home / "warehouse" / "current").readlink() == before
    assert [p.name for p in (home / "warehouse" / "releases").iterdir()] == [before.name]
    assert before.name in done.stderr


def test_quarantine_within_the_declared_tolerance_is_released_and_shown(
    cohortmart, home, moertel, edit_csv, tmp_path
):
    def spoil(rows):
        rows[1][rows[0].index("died_on")] = "2020-02-60"
        return rows

    edit_csv(moertel / "deaths.csv", spoil)
    descriptor = moertel / "study.yaml"
    descriptor.write_text(descriptor.read_text("utf-8") + "\nquarantine_tolerance: 0.01\n", "utf-8")
    tolerant = tmp_path / "home"
    shutil.copytree(home / "dbt", tolerant / "dbt") if (home / "dbt").exists() else None
    done = cohortmart("build", "--study", moertel, home=tolerant)
    assert done.returncode == 0, done.stderr
    answer = cohortmart(
        "sql",
        "select source_file, value, reason from audit.quarantine",
        "-f",
        "json",
        home=tolerant,
    )
    (row,) = json.loads(answer.stdout)
    assert (row["source_file"], row["value"]) == ("deaths.csv", "2020-02-60")


# When a build is interrupted: what of it is there to see, and so many seconds later.
MOMENTS = {
    "imports": ("dbt", 1),
    "landing": ("build/run_id", 0),
    "first-step": ("build/run_id", 0.3),
    "dbt": ("build/run_id", 5),
    "validation": ("build/validation", 0.5),
    "release": ("warehouse/releases/.*.partial", 0),
}


@pytest.mark.parametrize("moment", MOMENTS)
def test_an_interrupted_build_says_so_and_leaves_the_release_as_it_was(home, moertel, moment):
    """As a terminal does it: Ctrl-C goes to every process that the build has started."""
    shutil.rmtree(home / "build", ignore_errors=True)
    shutil.rmtree(home / "warehouse" / "releases", ignore_errors=True)
    process = subprocess.Popen(
        [str(Path(sys.executable).with_name("cohortmart")), "build", "--study", moertel, "--home", home],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    pattern, seconds = MOMENTS[moment]
    until = time.monotonic() + 200
    while not list(home.glob(pattern)) and process.poll() is None and time.monotonic() < until:
        time.sleep(0.02)
    time.sleep(seconds)
    os.killpg(process.pid, signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert (process.returncode, out) == (130, "")
    said = ["The build was interrupted; there is no release yet."]
    if moment == "imports":
        said.append("The build was interrupted before it began; nothing was changed.")
    assert err in [f"\n{sentence}\n" for sentence in said]
    assert not (home / "warehouse" / "current").exists()
    if moment != "imports":
        instance = dg.DagsterInstance.from_config(str(home / "dagster"))
        assert instance.get_runs(limit=1)[0].status == dg.DagsterRunStatus.CANCELED
