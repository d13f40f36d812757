"""A package is checked as a whole before anything is built, and the report says what to mend."""

import datetime as dt
import io
import shutil
import time
from pathlib import Path

import pytest
from rich.console import Console

from orchestration.landing import check_package, render_check
from orchestration.landing.text_file import BLOCK_BYTES

LANDERS_RAMOS = Path(__file__).parents[3] / "shared" / "data" / "studies" / "landers-ramos-50km"
DESCRIPTOR = """\
study_id: cohort
title: A survivorship cohort
design: survivorship_cohort
index_cancer: breast
time_origin: diagnosis
data_cutoff: 2019-12-31
records:
  participants: participants.csv
  follow_up: follow_up.csv
"""


@pytest.fixture
def package(tmp_path: Path) -> Path:
    """A sound cohort of three with one contact each."""
    people = "".join(f"P{n},2010-01-01\n" for n in range(3))
    contacts = "".join(f"P{n},2012-01-01,alive_contact\n" for n in range(3))
    (tmp_path / "study.yaml").write_text(DESCRIPTOR, encoding="utf-8")
    (tmp_path / "participants.csv").write_text(f"participant_id,index_date\n{people}", encoding="utf-8")
    (tmp_path / "follow_up.csv").write_text(f"participant_id,followed_on,kind\n{contacts}", encoding="utf-8")
    return tmp_path


def _shown(report, width: int = 100) -> str:
    console = Console(file=io.StringIO(), width=width)
    console.print(render_check(report))
    return console.file.getvalue()


def _append(path: Path, text: str) -> None:
    with path.open("a", encoding="utf-8") as file:
        file.write(text)


def test_the_ultramarathon_package_is_sound(tmp_path):
    if not LANDERS_RAMOS.is_dir():
        pytest.skip("the package landers-ramos-50km is not beside this checkout")
    report = check_package(LANDERS_RAMOS)
    assert (report.exit_status, report.problems) == (0, ())
    counts = {
        file.landing.record: (file.landing.rows_read, file.landing.rows_accepted) for file in report.files
    }
    assert counts == {
        "participants": (11, 11),
        "exercise_bouts": (11, 11),
        "samples": (36, 36),
        "assay_results": (288, 288),
    }


def test_the_ultramarathon_package_is_as_sound_with_its_columns_reordered(tmp_path):
    if not LANDERS_RAMOS.is_dir():
        pytest.skip("the package landers-ramos-50km is not beside this checkout")
    package = tmp_path / "package"
    shutil.copytree(LANDERS_RAMOS, package)
    for path in package.glob("*.csv"):
        path.chmod(0o644)
        rows = [line.split(",") for line in path.read_text("utf-8").splitlines()]
        path.write_text("".join(",".join(row[::-1]) + "\n" for row in rows), encoding="utf-8")
    assert check_package(package).exit_status == 0


def test_a_sound_package_is_reported_with_its_counts(package):
    report = check_package(package)
    assert report.exit_status == 0
    assert "The package is sound" in _shown(report)


def test_a_missing_file_is_named_without_anything_being_read(package):
    (package / "follow_up.csv").unlink()
    report = check_package(package)
    assert report.exit_status == 2
    assert report.files == ()
    assert "the file `follow_up.csv` is not in the package" in report.problems[0]
    assert "follow_up.csv" in _shown(report)


def test_unreadable_files_are_all_named_and_the_others_still_checked(package):
    (package / "participants.csv").write_bytes(b"")
    _append(package / "follow_up.csv", "P1,2012-02-60,alive_contact\n")
    report = check_package(package)
    assert report.exit_status == 2
    assert report.problems == ("participants.csv is empty; accepted: a header line, then one row a line",)
    ((file),) = report.files
    assert [reason.rule for reason in file.reasons] == ["unreadable"]
    assert "2012-02-60" in _shown(report)


def test_a_fault_is_shown_with_file_line_value_and_what_is_accepted(package):
    _append(package / "follow_up.csv", "P1,2012-02-60,alive_contact\nP1,2013-01-01,alive_contct\n")
    report = check_package(package)
    assert report.exit_status == 1
    shown = " ".join(_shown(report).split())
    for words in (
        "follow_up.csv: 2 rows quarantined (40.00%, tolerated 0.00%)",
        "line 5: followed_on `2012-02-60` is not a day of the calendar",
        "accepted: a date written YYYY-MM-DD",
        "line 6: kind `alive_contct` is not an accepted word (did you mean `alive_contact`?)",
        "a build would stop",
    ):
        assert words in shown


def test_faults_within_the_declared_tolerance_do_not_stop_a_build(package):
    _append(package / "study.yaml", "quarantine_tolerance: 0.25\n")
    _append(package / "follow_up.csv", "P1,2012-02-60,alive_contact\n")
    report = check_package(package)
    assert report.is_buildable
    assert report.exit_status == 1
    assert report.files[1].landing.rows_quarantined == 1
    assert "2012-02-60" in _shown(report)


def test_a_participant_that_is_listed_twice_takes_his_contacts_along(package):
    _append(package / "participants.csv", "P1,2010-01-01\n")
    participants, follow_up = check_package(package).files
    assert participants.landing.rows_quarantined == 2
    assert follow_up.landing.rows_quarantined == 1
    assert "(participants.csv line 3)" in follow_up.reasons[0].examples[0].reason


def test_ten_thousand_bad_rows_are_counted_within_seconds_and_summarised(package):
    _append(package / "follow_up.csv", "P1,not a date,alive_contct\n" * 10_000)
    started = time.monotonic()
    report = check_package(package)
    assert time.monotonic() - started < 20
    file = report.files[1]
    assert (file.landing.rows_read, file.landing.rows_accepted, file.landing.rows_quarantined) == (
        10_003,
        3,
        10_000,
    )
    assert [(reason.rule, reason.n_rows, len(reason.examples)) for reason in file.reasons] == [
        ("unreadable", 10_000, 3),
        ("vocabulary", 10_000, 3),
    ]
    shown = _shown(report)
    assert "and 9,997 more" in shown
    assert len(shown.splitlines()) < 30


def test_a_duplicate_at_the_far_ends_of_a_large_file_is_found(package):
    first = dt.date(1950, 1, 1)
    days = [first + dt.timedelta(days=n) for n in range(25_000)]
    contacts = [
        f"P{n},{day},{kind}\n"
        for n in range(12)
        for day in days
        for kind in ("alive_contact", "disease_assessment")
    ]
    _append(package / "participants.csv", "".join(f"P{n},2010-01-01\n" for n in range(3, 12)))
    header = "participant_id,followed_on,kind\n"
    (package / "follow_up.csv").write_text(header + "".join([*contacts, contacts[0]]), encoding="utf-8")
    # More than one batch is read of such a file.
    assert (package / "follow_up.csv").stat().st_size > BLOCK_BYTES
    ((reason),) = check_package(package).files[1].reasons
    assert [example.line for example in reason.examples] == [2, len(contacts) + 2]
    assert [example.row_text + "\n" for example in reason.examples] == [contacts[0]] * 2


def test_groups_of_too_many_levels_are_a_problem_of_the_package(package):
    people = "".join(f"P{n},2010-01-01,{n % 51}\n" for n in range(600))
    (package / "participants.csv").write_text(
        f"participant_id,index_date,village\n{people}", encoding="utf-8"
    )
    _append(package / "study.yaml", "subgroups: [village]\n")
    report = check_package(package)
    assert report.exit_status == 2
    assert "`village`, which has 51 levels; accepted: at most 50 levels" in report.problems[0]


def test_the_number_of_threads_changes_nothing_that_is_found(package):
    _append(package / "participants.csv", "P1,2010-01-01\n")
    assert check_package(package, threads=1) == check_package(package, threads=3)


def test_nothing_is_left_behind(package, tmp_path_factory, monkeypatch):
    scratch = tmp_path_factory.mktemp("scratch")
    monkeypatch.setattr("tempfile.tempdir", str(scratch))
    before = {path: path.read_bytes() for path in package.iterdir()}
    check_package(package)
    assert list(scratch.iterdir()) == []
    assert {path: path.read_bytes() for path in package.iterdir()} == before


def test_a_value_cannot_steer_the_terminal(package):
    header = (package / "follow_up.csv").read_text("utf-8").splitlines()[0]
    (package / "follow_up.csv").write_text(f"{header},\x1b[31m[bold]2012\n", "utf-8")
    shown = _shown(check_package(package))
    assert "\x1b" not in shown
    assert "\\x1b[31m[bold]2012" in shown


def test_progress_ends_with_every_byte_of_every_file(package):
    seen = {}
    check_package(package, lambda file, done, total: seen.update({file: (done, total)}))
    sizes = {name: (package / name).stat().st_size for name in ("participants.csv", "follow_up.csv")}
    assert seen == {name: (size, size) for name, size in sizes.items()}
