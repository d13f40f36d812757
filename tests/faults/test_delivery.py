"""Packages that come twice, late, changed, at once, or in the wrong order."""

import os
import shutil
import signal
import subprocess
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest

from orchestration import ledger
from orchestration.deliveries import deliver as deliveries
from orchestration.deliveries import package_copy
from orchestration.deliveries.deliver import deliver, last_delivery
from orchestration.landing.check import check_package
from orchestration.settings import Settings
from schemas.errors import StudyPackageError

DESCRIPTOR = """\
study_id: trial-a
title: A small trial
design: survivorship_cohort
index_cancer: colon
time_origin: diagnosis
data_cutoff: 2019-12-31
quarantine_tolerance: 1
records: {participants: [participants.csv, site_b.csv], deaths: deaths.csv}
"""
FILES = {
    "participants.csv": "participant_id,index_date\nP1,2010-01-01\nP2,2010-02-01\n",
    "site_b.csv": "participant_id,index_date\nP3,2010-03-01\nP4,2010-04-01\n",
    "deaths.csv": "participant_id,died_on,cause\nP1,2012-01-01,unknown\n",
}
# Delivers a package when a file appears, so that several begin at once.
LOADER = """
import sys, time, pathlib
from orchestration.deliveries.deliver import deliver
from orchestration.settings import Settings
home, package, start = map(pathlib.Path, sys.argv[1:])
print("ready", flush=True)
while not start.exists():
    time.sleep(0.001)
print(deliver(package, Settings(home=home)).sha256)
"""


@pytest.fixture
def package(tmp_path: Path) -> Path:
    return write(tmp_path / "trial-a")


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(home=tmp_path / "home")


def write(folder: Path, **other: str) -> Path:
    folder.mkdir()
    (folder / "study.yaml").write_text(DESCRIPTOR, encoding="utf-8")
    for name, text in FILES.items():
        (folder / name).write_text(other.get(name.removesuffix(".csv"), text), encoding="utf-8")
    return folder


def entered(settings: Settings, kind: str = "delivery") -> list[dict]:
    return [entry for entry in ledger.read(settings.ledger) if entry["kind"] == kind]


def kept(settings: Settings) -> set[str]:
    """The kept packages; nothing lies beside them but what the ledger's digests of them take."""
    names = {path.name for path in (settings.deliveries / "trial-a").iterdir()}
    packages = {name for name in names if not name.startswith(".")}
    assert names - packages <= {f".{name}.secret" for name in packages}
    return packages


def assert_whole(settings: Settings) -> None:
    """Every kept package is what its name says."""
    for name in kept(settings):
        delivery = deliveries.kept_delivery(settings, ledger.read(settings.ledger), "trial-a", name)
        assert delivery.sha256 == name


def test_a_package_that_is_delivered_twice_is_one_delivery(fault, package, settings):
    with fault("delivery", "the same package twice").trial():
        first, again = deliver(package, settings), deliver(package, settings)
        assert first == again
        assert len(entered(settings)) == 1
        assert kept(settings) == {first.sha256}


def test_rows_that_two_files_of_a_drop_share_are_all_set_aside_and_counted(fault, package):
    overlap = fault("delivery", "overlapping files of one record")
    with overlap.trial():
        (package / "site_b.csv").write_text("participant_id,index_date\nP2,2010-02-01\nP3,2010-03-01\n")
        files = {file.landing.source_file: file.landing for file in check_package(package).files}
        counts = {name: (f.rows_read, f.rows_accepted, f.rows_quarantined) for name, f in files.items()}
        assert counts["participants.csv"] == (2, 1, 1)
        assert counts["site_b.csv"] == (2, 1, 1)


def test_corrections_follow_each_other_and_the_way_back_is_entered_too(fault, package, settings):
    correction = fault("delivery", "late correction, correction of a correction")
    deaths = package / "deaths.csv"
    texts = [FILES["deaths.csv"], "", "cardiovascular", "other", FILES["deaths.csv"]]
    shas = []
    for number, cause in enumerate(texts):
        with correction.trial(f"correction {number}"):
            deaths.write_text(cause if "\n" in cause else FILES["deaths.csv"].replace("unknown", cause))
            shas.append(deliver(package, settings).sha256)
            entry = entered(settings)[-1]
            assert entry["package_sha256"] == shas[-1]
            assert entry["follows"] == (shas[-2] if number else None)
            assert entry["changes"]["changed"] == (["deaths.csv"] if number else [])
            assert_whole(settings)
    assert shas[0] == shas[-1]
    assert len(entered(settings)) == 5
    assert len(kept(settings)) == 4


def start_loaders(tmp_path: Path, settings: Settings, packages: list[Path]) -> list[subprocess.Popen[str]]:
    start = tmp_path / "start"
    loaders = [
        subprocess.Popen(
            [sys.executable, "-c", LOADER, str(settings.home), str(package), str(start)],
            stdout=subprocess.PIPE,
            text=True,
        )
        for package in packages
    ]
    for loader in loaders:
        assert loader.stdout.readline() == "ready\n"
    start.touch()
    return loaders


def test_two_loaders_at_once_take_turns(fault, package, settings, tmp_path):
    at_once = fault("delivery", "two loaders at once")
    same = [package, Path(shutil.copytree(package, tmp_path / "copy"))]
    other = write(tmp_path / "other", deaths="participant_id,died_on,cause\n")
    with at_once.trial("the same package, and another"):
        loaders = start_loaders(tmp_path, settings, [*same, other])
        answers = [loader.communicate(timeout=60)[0].strip() for loader in loaders]
        assert [loader.returncode for loader in loaders] == [0, 0, 0]
        assert answers[0] == answers[1] != answers[2]
        assert kept(settings) == set(answers)
        assert {entry["package_sha256"] for entry in entered(settings)} == set(answers)
        assert last_delivery(ledger.read(settings.ledger), "trial-a").sha256 in answers
        assert_whole(settings)


def test_a_loader_that_died_leaves_nothing_in_the_way(fault, package, settings, tmp_path, monkeypatch):
    died = fault("delivery", "loader killed while it keeps a package")
    # What is left by a kill just before the entry, just after it, and just after the rename.
    for step in ("append", "put_in_place", "Delivery"):
        with died.trial(step):
            home = Settings(home=tmp_path / step)
            script = (
                "import os, signal, sys, pathlib\n"
                "from orchestration import ledger\n"
                "from orchestration.deliveries import deliver as deliveries\n"
                "from orchestration.settings import Settings\n"
                "def die(*_, **__): os.kill(os.getpid(), signal.SIGKILL)\n"
                f"setattr(deliveries if {step!r} != 'append' else ledger, {step!r}, die)\n"
                "deliveries.deliver(pathlib.Path(sys.argv[1]), Settings(home=pathlib.Path(sys.argv[2])))\n"
            )
            done = subprocess.run([sys.executable, "-c", script, str(package), str(home.home)], check=False)
            assert done.returncode == -signal.SIGKILL
            sha256 = deliver(package, home).sha256
            assert kept(home) == {sha256}
            assert [entry["package_sha256"] for entry in entered(home)] == [sha256]


def test_a_kept_package_that_the_ledger_lost_is_entered_again(fault, package, settings):
    with fault("delivery", "kept package without its ledger entry").trial():
        sha256 = deliver(package, settings).sha256
        shutil.rmtree(settings.ledger.parent)
        assert deliver(package, settings).sha256 == sha256
        assert [entry["package_sha256"] for entry in entered(settings)] == [sha256]


def test_a_clock_that_goes_backwards_does_not_change_what_came_last(fault, package, settings, monkeypatch):
    class Yesterday(datetime):
        @classmethod
        def now(cls, _tz=None):
            return datetime(2001, 1, 1, tzinfo=UTC)

    backwards = fault("delivery", "clock going backwards")
    with backwards.trial():
        deliver(package, settings)
        monkeypatch.setattr(ledger, "datetime", Yesterday)
        (package / "deaths.csv").write_text("participant_id,died_on,cause\n")
        corrected = deliver(package, settings)
        entries = entered(settings)
        assert entries[-1]["clock_at"].startswith("2001")
        assert entries[0]["at"] <= entries[-1]["at"]
        assert last_delivery(entries, "trial-a").sha256 == corrected.sha256


def test_old_and_new_schema_in_one_drop_are_refused_by_file_and_column(fault, package):
    renamed = fault("delivery", "old and new schema in one drop")
    for header in (
        "participant,index_date",
        "participant_id,randomised_on",
        "participant_id,index_date,index_date",
    ):
        with renamed.trial(header):
            (package / "site_b.csv").write_text(f"{header}\nP3,2010-03-01\n")
            report = check_package(package)
            assert report.exit_status == 2
            assert all(problem.startswith("site_b.csv: ") for problem in report.problems)
            assert not report.is_buildable


def test_a_package_that_changes_while_it_is_copied_is_refused(fault, package, tmp_path, monkeypatch):
    copy, victim = package_copy._copy, package / "participants.csv"
    changing = fault("delivery", "package changing while it is copied")
    other = FILES["participants.csv"].replace("P1", "P7")

    def disturbed_by(when):
        def disturbed(source, file, copied):
            if when == "while it is read" and file.path == "participants.csv":
                victim.write_text(other)
            elif when == "while a later file is copied" and file.path == "site_b.csv":
                # As long as before: only the system's own notes of the file tell.
                victim.write_text(other)
            elif when == "and grows without end" and file.path == "participants.csv":
                with victim.open("ab") as out:
                    out.write(b"P9,2010-01-01\n" * 100_000)
            return copy(source, file, copied)

        return disturbed

    for number, when in enumerate(
        ("while it is read", "while a later file is copied", "and grows without end")
    ):
        with changing.trial(when):
            victim.write_text(FILES["participants.csv"])
            settings = Settings(home=tmp_path / f"home-{number}")
            monkeypatch.setattr(package_copy, "_copy", disturbed_by(when))
            with pytest.raises(StudyPackageError, match=r"participants\.csv changed while it was copied"):
                deliver(package, settings)
            assert kept(settings) == set()
            assert ledger.read(settings.ledger) == []
            monkeypatch.setattr(package_copy, "_copy", copy)
            victim.write_text(FILES["participants.csv"])
            assert deliver(package, settings).sha256 in kept(settings)


def test_a_damaged_kept_package_is_replaced_by_the_same_one(fault, package, settings):
    damaged = fault("delivery", "damaged kept package delivered again")
    whole = deliver(package, settings)
    victim = whole.folder / "site_b.csv"
    content = bytearray(victim.read_bytes())
    content[-3] ^= 1
    for damage in ("a flipped byte", "cut", "gone", "a link", "a folder"):
        with damaged.trial(damage):
            victim.chmod(0o644)
            if damage in ("a flipped byte", "cut"):
                victim.write_bytes(content if damage == "a flipped byte" else content[:-10])
            else:
                victim.unlink()
            if damage == "a link":
                victim.symlink_to(package / "site_b.csv")
            elif damage == "a folder":
                victim.mkdir()
            again = deliver(package, settings)
            assert again == whole
            assert "was damaged" in again.notices[0]
            assert_whole(settings)


def test_a_damaged_kept_package_that_is_needed_is_named_with_what_to_do(fault, package, settings):
    needed = fault("delivery", "damaged kept package needed and not given")
    whole = deliver(package, settings)
    victim = whole.folder / "site_b.csv"
    victim.chmod(0o644)
    for what in ("altered", "gone", "all gone"):
        with needed.trial(what):
            if what == "altered":
                victim.write_text(FILES["site_b.csv"].replace("P3", "P8"))
            elif what == "gone":
                victim.unlink()
            else:
                shutil.rmtree(whole.folder)
            with pytest.raises(StudyPackageError) as error:
                deliveries.kept_delivery(settings, ledger.read(settings.ledger), "trial-a", whole.sha256)
            (problem,) = error.value.problems
            assert str(whole.folder) in problem
            assert what == "all gone" or "site_b.csv" in problem
            assert "deliver the package of trial-a again" in problem


def test_a_pipe_or_link_in_the_place_of_a_file_is_refused_at_once(fault, package, settings, tmp_path):
    hostile = fault("delivery", "link, pipe or device in a package")
    victim = package / "deaths.csv"
    outside = tmp_path / "passwd"
    outside.write_text(FILES["deaths.csv"])
    for what in ("link", "pipe", "device"):
        with hostile.trial(what):
            victim.unlink()
            if what == "pipe":
                os.mkfifo(victim)
            else:
                victim.symlink_to(outside if what == "link" else "/dev/zero")
            started = time.monotonic()
            with pytest.raises(StudyPackageError, match=r"deaths\.csv"):
                deliver(package, settings)
            with pytest.raises(StudyPackageError, match=r"deaths\.csv"):
                package_copy.describe(package, ["deaths.csv"])
            assert time.monotonic() - started < 5
            assert not settings.deliveries.exists()
