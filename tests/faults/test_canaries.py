"""Who somebody is and the key of the pseudonyms never leave the package: sought as canaries, everywhere.

Every identifier of a made-up trial, a column that its descriptor declares to be one, and the key hold a mark
that occurs nowhere else. After each command the mark is sought in what it printed and in every file that it
left: Dagster's history, logs, dbt's and the ledger's files, releases. Only the packages as delivered, what
they landed as, the private build database and the private rows that failed may hold it.
"""

import csv
import re
import sqlite3
import subprocess
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest

from orchestration.privacy.pseudonyms import pseudonym
from schemas.privacy import Privacy
from schemas.records import RECORDS

SOURCE = Path(__file__).parents[1] / "integration" / "data" / "expectations" / "bout-trial"
MARK = "Zq9Kanari"
KEY = f"{MARK}-the-key-of-the-pseudonyms"
# What holds the data themselves, by design.
PRIVATE = ("deliveries/", "landed/", "build/build.duckdb", "build/failing_rows/")
DIRECT = {
    name
    for record in RECORDS.values()
    for name, tag in record.privacy.items()
    if tag is Privacy.DIRECT_IDENTIFIER
}
PARTICIPANTS = 15
Rows = list[dict[str, str]]


def _marked(column: str, identifier: str) -> str:
    return f"{MARK}-{column.removesuffix('_id')}-{identifier}" if identifier else ""


def _read_marked() -> dict[str, Rows]:
    """Read the first participants of the trial with their records, every identifier marked."""
    records = {}
    for path in sorted(SOURCE.glob("*.csv")):
        with path.open(newline="", encoding="utf-8") as file:
            records[path.stem] = list(csv.DictReader(file))
    chosen = {row["participant_id"] for row in records["participants"][:PARTICIPANTS]}
    samples = {row["sample_id"] for row in records["samples"] if row["participant_id"] in chosen}
    for name, rows in records.items():
        kept = [r for r in rows if r.get("participant_id") in chosen or r.get("sample_id") in samples]
        records[name] = [
            {column: _marked(column, text) if column in DIRECT else text for column, text in row.items()}
            for row in kept
        ]
    for row in records["participants"]:
        row["hospital_number"] = f"{row['participant_id']}-hospital"
    return records


def _write(folder: Path, records: dict[str, Rows], tolerance: float) -> Path:
    folder.mkdir()
    for name, rows in records.items():
        with (folder / f"{name}.csv").open("w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, list(rows[0]), lineterminator="\n")
            writer.writeheader()
            writer.writerows(rows)
    text = (SOURCE / "study.yaml").read_text("utf-8")
    declared = f"direct_identifiers: [hospital_number]\nquarantine_tolerance: {tolerance}\nrecords:"
    (folder / "study.yaml").write_text(text.replace("records:", declared), "utf-8")
    return folder


def _spoilt() -> dict[str, Rows]:
    """The trial with a row for every rule whose sentence could name somebody."""
    records = _read_marked()
    people, follow_up, samples = (records[name] for name in ("participants", "follow_up", "samples"))
    wells, bouts = records["assay_results"], records["exercise_bouts"]
    stranger = {"participant_id": f"{MARK}-nobody"}
    people += [people[0], {**people[1], "participant_id": f"{MARK}-new ", "arm_id": "PLACEBO"}]
    people += [{**people[2], "participant_id": f"{MARK}-third", "index_date": "2010-02-30"}]
    people += [{**people[2], "participant_id": f"{MARK}-fourth", "arm_id": "PLACEBO"}]
    follow_up += [follow_up[0], follow_up[0] | stranger, follow_up[0] | {"participant_id": MARK * 20}]
    follow_up += [{**follow_up[0], "kind": "withdrawal", "followed_on": "2000-01-01"}]
    records["deaths"] += [records["deaths"][0]]
    records["deaths"][1]["died_on"] = "2000-01-01"
    bouts += [bouts[0] | {"bout_id": f"{MARK}-bout-x", "ended_at": bouts[0]["started_at"]}]
    samples += [samples[0] | {"sample_id": f"{MARK}-s1", "bout_id": f"{MARK}-nowhere"}]
    samples += [samples[0] | {"sample_id": f"{MARK}-s2", "bout_id": bouts[1]["bout_id"]}]
    samples += [samples[0] | {"sample_id": f"{MARK}-s3", "bout_id": f"{MARK}-bout-x"}, samples[1]]
    samples += [samples[0] | {"sample_id": f"{MARK}-s4", "timepoint": "later"}]
    wells += [wells[-1] | {"sample_id": f"{MARK}-none"}, wells[-1] | {"analyte_id": "unheard-of"}]
    wells += [wells[-1], wells[0] | {"analyte_id": "IL6"}, wells[4] | {"analyte_id": "interleukin 6"}]
    records["exercise_sessions"] += [records["exercise_sessions"][0]]
    _swap_columns(records)
    return records


def _swap_columns(records: dict[str, Rows]) -> None:
    """Add rows whose identifier stands in another column, and what belongs there in its own."""
    people, samples, wells = (records[name] for name in ("participants", "samples", "assay_results"))
    for column in ("index_date", "arm_id", "age_years", "sex"):
        people.insert(0, {**people[3], "participant_id": people[3][column], column: f"{MARK}-{column}"})
    for column in ("timepoint", "visit", "collected_at"):
        samples.insert(0, {**samples[3], "sample_id": samples[3][column], column: f"{MARK}-{column}"})
    for column in ("analyte_id", "unit", "result_text"):
        wells.insert(0, {**wells[3], "sample_id": wells[3][column], column: f"{MARK}-{column}"})


@pytest.fixture(scope="module")
def spoilt(tmp_path_factory) -> Path:
    """The trial with rows that are set aside, one of them of too many values."""
    package = _write(tmp_path_factory.mktemp("trial") / "spoilt", _spoilt(), tolerance=0)
    with (package / "participants.csv").open("a", encoding="utf-8") as file:
        file.write(f"{MARK}-fifth,2010-01-01,,EXERCISE,60,female,{MARK}-number,one,too many\n")
    return package


def _in_files(home: Path, *, private: bool = False) -> Iterator[str]:
    """Yield the files that hold the mark, by their bytes; a table of Dagster's by its rows."""
    mark = MARK.lower().encode()
    for path in sorted(p for p in home.rglob("*") if p.is_file()):
        name = path.relative_to(home).as_posix()
        if name.startswith(PRIVATE) != private:
            continue
        if mark in path.read_bytes().lower() or MARK.lower() in name.lower():
            yield name
        if path.suffix == ".db":
            with sqlite3.connect(f"file:{path}?mode=ro", uri=True) as con:
                if any(MARK.lower() in line.lower() for line in con.iterdump()):
                    yield f"{name} (rows)"


def _in_release(home: Path) -> Iterator[str]:
    """Yield the tables of the current release that hold the mark: compressed, bytes would not show it."""
    current = home / "warehouse" / "current"
    with duckdb.connect(current / "cohortmart.duckdb", read_only=True) as con:
        tables = con.sql("select schema_name || '.' || table_name from duckdb_tables()").fetchall()
        sources = [table for (table,) in tables]
        sources += [f"'{path}'" for path in sorted(current.rglob("*.parquet"))]
        assert len(sources) > 20
        for source in sources:
            query = f"select count(*) from {source} as t where contains(lower(cast(t as varchar)), ?)"
            if con.execute(query, [MARK.lower()]).fetchall() != [(0,)]:
                yield source


def _assert_unmarked(done: subprocess.CompletedProcess[str], home: Path) -> None:
    printed = [line for line in (done.stdout + done.stderr).splitlines() if MARK.lower() in line.lower()]
    assert not printed, f"printed: {printed[:5]}"
    found = list(_in_files(home))
    assert not found, f"left in {found}"


@pytest.fixture(scope="module")
def home(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("canaries") / "home"


@pytest.mark.xdist_group("canaries")
def test_a_check_says_what_is_wrong_without_saying_with_whom(cohortmart, fault, spoilt, home):
    checked = cohortmart("check", spoilt, home=home, COHORTMART_PSEUDONYM_KEY=KEY)
    with fault("leak", "identifiers in what a check says").trial():
        assert checked.returncode == 1
        assert "participant_id (not shown)" in checked.stdout
        _assert_unmarked(checked, home)


@pytest.mark.xdist_group("canaries")
def test_a_column_called_as_an_identifier_is_refused_without_its_values(cohortmart, fault, home, tmp_path):
    package = _write(tmp_path / "undeclared", _read_marked(), tolerance=0)
    descriptor = package / "study.yaml"
    descriptor.write_text(descriptor.read_text("utf-8").replace("[hospital_number]", "[]"), "utf-8")
    checked = cohortmart("check", package, home=home)
    with fault("leak", "an identifier that nobody declared").trial():
        assert checked.returncode == 2
        said = " ".join(checked.stdout.split())
        assert "the column `hospital_number` is called as a number that only one person has" in said
        assert "accepted: a file without it, or `direct_identifiers: [hospital_number]` in study.yaml" in said
        _assert_unmarked(checked, home)


@pytest.mark.xdist_group("canaries")
@pytest.mark.parametrize("command", ["check", "build"])
def test_a_file_without_a_header_is_refused_without_its_first_row(cohortmart, fault, home, tmp_path, command):
    package = _write(tmp_path / "headerless", _read_marked(), tolerance=0)
    descriptor = package / "study.yaml"
    text = descriptor.read_text("utf-8").replace("records:", "stratification: [node4]\nrecords:", 1)
    descriptor.write_text(text, "utf-8")
    people = package / "participants.csv"
    row = f"{MARK}-first,2013-08-04,{MARK}-S3,EX,80.7,female,{MARK}-number\n"
    people.write_text(row + people.read_text("utf-8").partition("\n")[2], "utf-8")
    arguments = (package,) if command == "check" else ("--study", package)
    refused = cohortmart(command, *arguments, home=home)
    with fault("leak", f"the first row of a file without a header ({command})").trial():
        assert refused.returncode
        said = " ".join((refused.stdout + refused.stderr).split())
        assert "participants.csv line 1 names no required column of participants" in said
        assert "80.7" not in said
        _assert_unmarked(refused, home)
        ledger = home / "ledger" / "ledger.jsonl"
        assert command == "check" or "accepted:" not in ledger.read_text("utf-8")


@pytest.mark.xdist_group("canaries")
def test_a_build_that_sets_rows_aside_is_refused_without_identifiers(cohortmart, fault, spoilt, home):
    refused = cohortmart("build", "--study", spoilt, home=home, COHORTMART_PSEUDONYM_KEY=KEY)
    with fault("leak", "identifiers of a build that is refused").trial():
        assert refused.returncode == 1, refused.stderr
        # The key was set: not even values that have the form of their column are left.
        said = " ".join(refused.stderr.split())
        assert "breaks the rule duplicate key (value not shown)" in said
        _assert_unmarked(refused, home)


@pytest.mark.xdist_group("canaries")
def test_a_failed_expectation_shows_rows_without_identifiers(cohortmart, fault, home, tmp_path):
    """Blood of one person in another unit; without a key, so that the rows at fault hold identifiers."""
    records = _read_marked()
    for well in records["assay_results"]:
        if well["analyte_id"] == "IL-6" and well["sample_id"].endswith("B01-E0"):
            well["unit"] = "ng/mL"
    failed = cohortmart("build", "--study", _write(tmp_path / "swapped", records, 0), home=home)
    rows = re.search(r"Whose rows they are:\s+(\S+)", failed.stderr)
    with fault("leak", "identifiers of rows against an expectation").trial():
        assert failed.returncode == 1, failed.stderr
        _assert_unmarked(failed, home)
    with fault("leak", "whole rows at fault for the owner of the build alone").trial():
        assert rows, failed.stderr
        assert MARK in Path(rows[1]).read_text("utf-8")
        assert Path(rows[1]).stat().st_mode & 0o077 == 0


@pytest.mark.xdist_group("canaries")
def test_a_release_under_a_key_holds_pseudonyms_and_no_identifier(cohortmart, fault, spoilt, home):
    descriptor = spoilt / "study.yaml"
    text = descriptor.read_text("utf-8")
    descriptor.write_text(text.replace("quarantine_tolerance: 0", "quarantine_tolerance: 1"), "utf-8")
    built = cohortmart("build", "--study", spoilt, home=home, COHORTMART_PSEUDONYM_KEY=KEY)
    with fault("leak", "identifiers in a release under a key").trial():
        assert built.returncode == 0, built.stdout + built.stderr
        _assert_unmarked(built, home)
        assert not (found := list(_in_release(home))), found
        assert any(name.startswith("deliveries/") for name in _in_files(home, private=True)), "sought in vain"
    query = (
        "select participant_id from survival.time_to_event union select '(' || row_text from audit.quarantine"
    )
    told = cohortmart("sql", query, "--format", "csv", home=home).stdout
    with fault("leak", "pseudonyms that only the key gives").trial():
        known = [row["participant_id"] for row in _read_marked()["participants"]]
        assert pseudonym(KEY, "bout-trial", known[3]) in told
        assert len(re.findall("^P[A-Z2-7]{16}$", told, re.MULTILINE)) == len(known) - 1
        assert "((withheld)" in told
