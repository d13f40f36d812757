"""What goes wrong with the files of a study: each fault is named with its place, and no row is lost.

Cells that cannot be what their column holds stand in one trial, a line for each; whole files that are
damaged are checked one by one.
"""

import codecs
import datetime as dt
from collections.abc import Callable
from pathlib import Path

import pytest

from orchestration.landing import CheckReport, check_package

DESCRIPTOR = """\
study_id: trial
title: Exercise after adjuvant chemotherapy
design: randomised_trial
index_cancer: colon
time_origin: randomisation
data_cutoff: 2019-12-31
quarantine_tolerance: 1
arms:
  - {arm_id: EXERCISE, label: Structured exercise, role: experimental}
  - {arm_id: EDUCATION, label: Health education, role: control}
adjustment: [{covariate: nodes, kind: continuous}]
records:
"""
SOUND = {
    "participants": [
        "participant_id,index_date,arm_id,age_years,sex,nodes,stage",
        "P1,2010-01-01,EXERCISE,61,female,2,III",
        "P2,2010-06-01,EDUCATION,58.5,male,,II",
        "P3,2010-07-01,EXERCISE,70,male,5,III",
    ],
    "follow_up": [
        "participant_id,followed_on,kind,outcome",
        "P1,2014-01-01,disease_assessment,no_evidence_of_disease",
        "P2,2015-01-01,alive_contact,",
        "P3,2013-01-01,alive_contact,",
    ],
    "disease_events": ["participant_id,event_on,event_type", "P1,2014-06-01,distant_recurrence"],
    "deaths": ["participant_id,died_on,cause", "P1,2016-01-01,index_cancer"],
    "samples": ["sample_id,participant_id,visit,timepoint,collected_at", "S1,P1,v1,pre,2010-02-01 08:00"],
    "exercise_sessions": ["session_id,participant_id,session_on,modality,attended"],
    "adverse_events": ["participant_id,started_on,term,grade", "P1,2012,Headache,1"],
}
DESCRIPTOR = DESCRIPTOR.replace("records:", "timepoints: [{timepoint: pre, role: baseline}]\nrecords:")


def _write(folder: Path, files: dict[str, list[str]]) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    names = "".join(f"  {record}: {record}.csv\n" for record in files)
    (folder / "study.yaml").write_text(DESCRIPTOR + names, "utf-8")
    for record, lines in files.items():
        (folder / f"{record}.csv").write_text("\n".join(lines) + "\n", "utf-8")
    return folder


def _counts(report: CheckReport, record: str) -> tuple[int, int, int]:
    """Rows read, accepted and quarantined of a record; what is read is one or the other, everywhere."""
    for file in report.files:
        landing = file.landing
        assert landing.rows_read == landing.rows_accepted + landing.rows_quarantined, landing.source_file
    (landing,) = (file.landing for file in report.files if file.landing.record == record)
    return landing.rows_read, landing.rows_accepted, landing.rows_quarantined


# Fault: record, row, column that is blamed, what the reason says besides the value. A blank column: the row.
CELLS = {
    "007 where a number is expected": (
        "participants", "P4,2010-01-01,EXERCISE,007,male,1,II", "age_years", "has leading zeros"),
    "12.7 for a whole number": ("adverse_events", "P1,2012,Headache,2.7", "grade", "has decimals"),
    "1_000": ("participants", "P5,2010-01-01,EXERCISE,1_000,male,1,II", "age_years", "has an underscore"),
    "1e400": ("participants", "P6,2010-01-01,EXERCISE,50,male,1e400,II", "nodes", "too large or too small"),
    "NaN": ("participants", "P7,2010-01-01,EXERCISE,NaN,male,1,II", "age_years", "missing value"),
    "inf": ("participants", "P8,2010-01-01,EXERCISE,inf,male,1,II", "age_years", "is not finite"),
    "0x1A": ("participants", "P9,2010-01-01,EXERCISE,0x1A,male,1,II", "age_years", "could not be read"),
    "decimal comma": ("participants", 'P10,2010-01-01,EXERCISE,"61,5",male,1,II', "age_years", "has a comma"),
    "thousands separator": (
        "participants", 'P11,2010-01-01,EXERCISE,50,male,"1,000",II', "nodes", "has a comma"),
    "30 February": ("deaths", "P2,2015-02-30,other", "died_on", "is not a day of the calendar"),
    "day before month": ("deaths", "P2,25/12/2015,other", "died_on", "does not begin with the year"),
    "a spreadsheet's number for a day": ("deaths", "P2,43831,other", "died_on", "could not be read"),
    "a time of day in a date": ("deaths", "P2,2015-01-01 10:00:00,other", "died_on", "has a time of day"),
    "year 0001": ("deaths", "P2,0001-01-01,other", "died_on", "is below 1900-01-01"),
    "year 9999": ("deaths", "P2,9999-12-31,other", "died_on", "is above 2100-12-31"),
    "a leap second": (
        "samples", "S2,P1,v1,pre,2016-12-31 23:59:60", "collected_at", "could not be read"),
    "a time zone": ("samples", "S3,P1,v1,pre,2016-12-31T08:00Z", "collected_at", "has a time zone"),
    "yes for true": ("exercise_sessions", "X1,P1,2011-01-01,aerobic,yes", "attended", "could not be read"),
    "a word in capitals": ("disease_events", "P2,2014-01-01,LOCAL_RECURRENCE", "event_type", "accepted word"),
    "negative time": ("disease_events", "P3,2009-01-01,local_recurrence", "event_on", "before"),
    "death before last contact": ("deaths", "P3,2011-01-01,other", "died_on", "last seen alive"),
    "a blank-padded category": ("participants", "P12,2010-01-01,EXERCISE,50,male,1, II", "stage", "a blank"),
    "an invisible character": (
        "participants", "P13,2010-01-01,EXERCISE,50,male,1,I\u200bI", "stage", "invisible character"),
    "a replacement character": (
        "participants", "P14,2010-01-01,EXERCISE,50,male,1,I\ufffdI", "stage", "damaged character"),
    "a formula": ("participants", "P15,2010-01-01,EXERCISE,50,male,1,=1+1", "stage", "spreadsheet"),
    "too few values": ("deaths", "P2,2015-01-01", "", "2 values where the header has 3 columns"),
    "too many values": ("deaths", "P2,2015-01-01,other,x", "", "4 values where the header has 3 columns"),
    "an unclosed quote": ("follow_up", 'P2,"2012-01-01,alive_contact,', "", "quote"),
    "a required cell without a value": ("deaths", "P2,,other", "died_on", "died_on is missing"),
}  # fmt: skip

# Of these the value tells who somebody is: the reason names file, line and column only.
IDENTIFIERS = {
    "a blank-padded id": ("participants", " P16,2010-01-01,EXERCISE,50,male,1,II", "participant_id"),
    "an id that differs in case only": ("deaths", "p2,2015-01-01,other", "participant_id"),
    "an id that differs in Unicode form only": (
        "deaths", "Jos\u00e92,2015-01-01,other", "participant_id"),
    "a duplicate participant": ("participants", "P2,2010-06-01,EDUCATION,58.5,male,,II", "participant_id"),
    "a participant nobody enrolled": ("follow_up", "P99,2012-01-01,alive_contact,", "participant_id"),
}  # fmt: skip


@pytest.fixture(scope="module")
def spoilt(tmp_path_factory: pytest.TempPathFactory) -> tuple[CheckReport, dict[str, tuple[str, int]]]:
    """The trial with every wrong cell in a row of its own, checked; where each of them stands."""
    files = {record: list(lines) for record, lines in SOUND.items()}
    files["participants"].append("Jose\u03012,2010-01-01,EXERCISE,50,male,1,II")
    places = {}
    for name, (record, row, *_) in (CELLS | IDENTIFIERS).items():
        # The row with an open quote comes last: what follows would be read for its end.
        files[record].append(row)
        places[name] = (f"{record}.csv", len(files[record]))
    with pytest.MonkeyPatch.context() as every_row:
        every_row.setattr("orchestration.landing.tolerance._EXAMPLES", 1000)
        report = check_package(_write(tmp_path_factory.mktemp("spoilt"), files))
    assert report.problems == ()
    for record, lines in files.items():
        assert _counts(report, record)[0] == len(lines) - 1
    return report, places


def _reasons(report: CheckReport, file: str, line: int) -> list[tuple[str, str]]:
    return [
        (reason.column, example.reason)
        for each in report.files
        if each.landing.source_file == file
        for reason in each.reasons
        for example in reason.examples
        if example.line == line
    ]


@pytest.mark.parametrize("name", CELLS)
def test_a_wrong_cell_sets_its_row_aside_and_is_named_with_its_place(spoilt, fault, name):
    report, places = spoilt
    *_, column, words = CELLS[name]
    with fault("input", name).trial():
        found = _reasons(report, *places[name])
        assert any(blamed == column and words in reason for blamed, reason in found), found
        value = {"a blank-padded category": "(not shown)", "1_000": "`1_000`", "30 February": "`2015-02-30`"}
        assert not value.get(name) or any(value[name] in reason for _, reason in found), found


@pytest.mark.parametrize("name", IDENTIFIERS)
def test_a_wrong_identifier_sets_its_row_aside_and_is_named_by_file_line_and_column(spoilt, fault, name):
    report, places = spoilt
    with fault("input", name).trial():
        found = _reasons(report, *places[name])
        assert {column for column, _ in found} >= {IDENTIFIERS[name][2]}, found


def test_the_rows_beside_a_wrong_cell_are_accepted(spoilt, fault):
    report, _ = spoilt
    with fault("input", "sound rows beside the wrong ones").trial():
        read, accepted, quarantined = _counts(report, "participants")
        spoilt_here = [
            name for name, (record, *_) in (CELLS | IDENTIFIERS).items() if record == "participants"
        ]
        # A duplicate takes the row it doubles along.
        assert (accepted, quarantined) == (read - len(spoilt_here) - 1, len(spoilt_here) + 1)


FOLLOW_UP = ("\n".join(SOUND["follow_up"]) + "\n").encode()


def _cells(change: Callable[[list[str]], list[str]]) -> bytes:
    rows = [line.split(",") for line in SOUND["follow_up"]]
    return "".join(",".join(change(row)) + "\n" for row in rows).encode()


# Fault: what the file holds, rows read and quarantined where it can be read, else what the problem says.
FILES: dict[str, tuple[bytes, tuple[int, int] | str]] = {
    "the last line cut": (FOLLOW_UP[:-12], (3, 1)),
    "the last line without its end": (FOLLOW_UP[:-1], (3, 0)),
    "columns reordered": (_cells(lambda row: row[::-1]), (3, 0)),
    "a column renamed": (
        FOLLOW_UP.replace(b"followed_on", b"date"),
        "required column `followed_on` is missing",
    ),
    "a column missing": (_cells(lambda row: [row[0], *row[2:]]), "required column `followed_on` is missing"),
    "a column more": (_cells(lambda row: [*row, "x"]), "the column `x` is unknown"),
    "a column twice": (_cells(lambda row: [*row, row[1]]), "`followed_on` is there more than once"),
    "a column twice but for case": (
        FOLLOW_UP.replace(b"outcome", b"Kind"),
        "`Kind` is `kind` but for case",
    ),
    "an optional column left out": (_cells(lambda row: row[:3]), (3, 0)),
    "a byte order mark": (codecs.BOM_UTF8 + FOLLOW_UP, (3, 0)),
    "Latin-1": (FOLLOW_UP.replace(b"P2", b"P\xe9"), "byte 0xE9 on line 3 is not UTF-8"),
    "UTF-16": (FOLLOW_UP.decode().encode("utf-16"), "UTF-16"),
    "UTF-16 without its mark": (FOLLOW_UP.decode().encode("utf-16-le"), "line 1 holds a NUL byte"),
    "a NUL byte": (FOLLOW_UP.replace(b"P2", b"P\x00"), "line 3 holds a NUL byte"),
    "a header only": (FOLLOW_UP.splitlines(keepends=True)[0], (0, 0)),
    "an empty file": (b"", "follow_up.csv is empty"),
    "blank lines only": (b"\n\n\n", "line 1 is empty"),
    "mixed line ends": (FOLLOW_UP.replace(b"\n", b"\r\n", 2), (3, 0)),
    "line ends of old Macs": (FOLLOW_UP.replace(b"\n", b"\r"), "lone carriage return"),
    "semicolons for commas": (FOLLOW_UP.replace(b",", b";"), "semicolons"),
    "an unclosed quote in the header": (b'"' + FOLLOW_UP, "quotes of the header"),
    "a row twice": (FOLLOW_UP + FOLLOW_UP.splitlines(keepends=True)[1], (4, 2)),
    "a preamble above the header": (
        b"Exported 2020-01-01\n" + FOLLOW_UP,
        "line 1 names no required column of follow_up",
    ),
    "a page of HTML": (b"<!DOCTYPE html>\n<html></html>\n", "line 1 names no required column of follow_up"),
    "a merge conflict": (b"<<<<<<< HEAD\n" + FOLLOW_UP, "line 1 names no required column of follow_up"),
}


@pytest.mark.parametrize("name", FILES)
def test_a_damaged_file_is_read_as_it_is_or_refused_by_its_cause(tmp_path, fault, name):
    content, outcome = FILES[name]
    package = _write(tmp_path, SOUND)
    (package / "follow_up.csv").write_bytes(content)
    with fault("input", name).trial():
        report = check_package(package, threads=1)
        if isinstance(outcome, str):
            problem = next((p for p in report.problems if outcome in p), "")
            assert problem.startswith("follow_up.csv"), report.problems
            assert report.exit_status == 2
        else:
            read, quarantined = outcome
            assert report.problems == ()
            assert _counts(report, "follow_up") == (read, read - quarantined, quarantined)


def test_a_further_column_of_participants_is_a_covariate(tmp_path, fault):
    files = dict(SOUND)
    files["participants"] = [
        f"{line},{'village' if n == 0 else 'x'}" for n, line in enumerate(SOUND["participants"])
    ]
    with fault("input", "a column more of participants").trial():
        report = check_package(_write(tmp_path, files), threads=1)
        assert (report.exit_status, _counts(report, "participants")) == (0, (3, 3, 0))


def test_a_trial_without_anybody_is_refused(tmp_path, fault):
    files = {**SOUND, "participants": SOUND["participants"][:1]}
    with fault("input", "nobody").trial():
        report = check_package(_write(tmp_path, files), threads=1)
        assert "participants.csv: there are no participants; accepted: one or more" in report.problems


def test_the_real_command_says_the_same_without_a_traceback(tmp_path, cohortmart, fault):
    files = {record: list(lines) for record, lines in SOUND.items()}
    files["deaths"].append("P2,2015-02-30,other")
    cut, latin = _write(tmp_path / "cut", files), _write(tmp_path / "latin", SOUND)
    (latin / "follow_up.csv").write_bytes(FILES["Latin-1"][0])
    tried = fault("input", "the real command on faulty packages")
    for package, status, words in ((cut, 1, "line 3: died_on `2015-02-30`"), (latin, 2, "byte 0xE9")):
        with tried.trial(package.name):
            done = cohortmart("check", package, home=tmp_path / "home", timeout=120)
            assert done.returncode == status
            assert words in " ".join(done.stdout.split())
            assert "Traceback" not in done.stdout + done.stderr
            assert not (tmp_path / "home").exists()


@pytest.mark.parametrize("day", [dt.date(1900, 1, 1), dt.date(2100, 12, 31)])
def test_the_first_and_last_day_of_the_contract_are_days(tmp_path, fault, day):
    """A birth in 1900 is one; what a registry writes for never is not."""
    files = {**SOUND, "adverse_events": ["participant_id,started_on,term,grade", f"P1,{day},Fatigue,1"]}
    with fault("input", f"the day {day}").trial():
        report = check_package(_write(tmp_path, files), threads=1)
        read, accepted, quarantined = _counts(report, "adverse_events")
        reasons = _reasons(report, "adverse_events.csv", 2)
        # 2100 comes after the death of this participant, which is another matter.
        assert read == accepted + quarantined
        assert all("above" not in reason and "below" not in reason for _, reason in reasons), reasons
