"""Whatever is wrong with a package: a clear error, no traceback, no lost row, no release."""

import json
import shutil
from pathlib import Path

import duckdb
import pytest


@pytest.fixture(scope="module")
def home(shared_folder, worker_id) -> Path:
    """A warehouse without a release; its parsed dbt project is kept between the tests of a worker."""
    return shared_folder / f"refused-{worker_id}"


def _refused(cohortmart, home, package):
    done = cohortmart("build", "--study", package, home=home)
    output = done.stdout + done.stderr
    assert "Traceback" not in output
    assert done.returncode in (1, 2), output
    assert "No release was made" in output
    assert not (home / "warehouse" / "current").exists()
    return done.returncode, " ".join(output.split())


def test_a_missing_file(cohortmart, home, moertel):
    (moertel / "deaths.csv").unlink()
    status, output = _refused(cohortmart, home, moertel)
    assert status == 2
    assert "deaths.csv" in output


def test_a_column_that_the_contract_does_not_know(cohortmart, home, moertel, edit_csv):
    edit_csv(
        moertel / "deaths.csv",
        lambda rows: [["participant_id", "date_of_death", "cause"], *rows[1:]],
    )
    status, output = _refused(cohortmart, home, moertel)
    assert status == 2
    assert "date_of_death" in output
    assert "died_on" in output


def test_a_binary_file_named_csv(cohortmart, home, moertel):
    (moertel / "deaths.csv").write_bytes(bytes(range(256)) * 50)
    status, output = _refused(cohortmart, home, moertel)
    assert status == 2
    assert "deaths.csv" in output


def test_an_empty_file(cohortmart, home, moertel):
    (moertel / "deaths.csv").write_bytes(b"")
    status, output = _refused(cohortmart, home, moertel)
    assert status == 2
    assert "deaths.csv" in output
    assert "empty" in output


def test_a_folder_that_is_no_package(cohortmart, home, tmp_path):
    status, output = _refused(cohortmart, home, tmp_path)
    assert status == 2
    assert "study.yaml" in output


def test_a_participant_twice(cohortmart, home, moertel, edit_csv):
    edit_csv(moertel / "participants.csv", lambda rows: [*rows, rows[1]])
    status, output = _refused(cohortmart, home, moertel)
    assert status == 1
    assert "participants.csv" in output


def test_an_impossible_date(cohortmart, home, moertel, edit_csv):
    def spoil(rows):
        rows[7][rows[0].index("died_on")] = "2020-02-60"
        return rows

    edit_csv(moertel / "deaths.csv", spoil)
    status, output = _refused(cohortmart, home, moertel)
    assert status == 1
    assert "2020-02-60" in output
    assert "deaths.csv" in output
    assert "8" in output


def test_an_arm_that_the_study_does_not_have(cohortmart, home, moertel, edit_csv):
    def spoil(rows):
        rows[1][rows[0].index("arm_id")] = "PLACEBO"
        return rows

    edit_csv(moertel / "participants.csv", spoil)
    status, output = _refused(cohortmart, home, moertel)
    assert status == 1
    assert "PLACEBO" in output


def test_ten_thousand_bad_rows_are_counted_and_none_is_lost(cohortmart, home, moertel):
    path = moertel / "follow_up.csv"
    header, *rows = path.read_text(encoding="utf-8").splitlines()
    columns = header.split(",")
    bad = ",".join({"participant_id": "MC-0001", "followed_on": "not a date"}.get(c, "x") for c in columns)
    path.write_text("\n".join([header, *rows, *[bad] * 10_000]) + "\n", encoding="utf-8")
    status, output = _refused(cohortmart, home, moertel)
    assert status == 1
    assert "10,000" in output
    with duckdb.connect(home / "build" / "build.duckdb", read_only=True) as con:
        ((read, accepted, quarantined),) = con.sql(
            "select rows_read, rows_accepted, rows_quarantined from audit.landing where record = 'follow_up'"
        ).fetchall()
        assert (read, quarantined) == (len(rows) + 10_000, 10_000)
        assert accepted == con.sql("select count(*) from raw.follow_up").fetchall()[0][0] == len(rows)


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
