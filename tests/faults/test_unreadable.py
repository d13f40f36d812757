"""A file that the system will not read is named, with what the system says of it."""

import os
from pathlib import Path

import pytest

from orchestration.landing import check_package
from orchestration.landing.source_file import open_inside

DESCRIPTOR = """\
study_id: cohort
title: A survivorship cohort
design: survivorship_cohort
index_cancer: colon
time_origin: diagnosis
data_cutoff: 2019-12-31
records: {participants: participants.csv}
"""


@pytest.fixture
def package(tmp_path: Path) -> Path:
    """A sound package."""
    (tmp_path / "study.yaml").write_text(DESCRIPTOR, "utf-8")
    (tmp_path / "participants.csv").write_text("participant_id,index_date\nP1,2010-01-01\n", "utf-8")
    return tmp_path


class _DiskError:
    """A file whose disk fails at the first read."""

    def __init__(self, file) -> None:
        self.file = file

    def __enter__(self):
        return self

    def __exit__(self, *_) -> None:
        self.file.close()

    def __getattr__(self, name):
        return getattr(self.file, name)

    def read(self, *_):
        raise OSError(5, "Input/output error")

    readline = readinto = read


def test_an_error_of_the_disk_names_the_file(package, fault, monkeypatch):
    def fails(folder, name):
        file = open_inside(folder, name)
        return _DiskError(file) if name == "participants.csv" else file

    monkeypatch.setattr("orchestration.landing.source_file.open_inside", fails)
    with fault("hostile", "a disk that reports errors").trial():
        report = check_package(package, threads=1)
        assert report.exit_status == 2
        assert report.problems[0].startswith(
            "participants.csv cannot be read: Input/output error; its disk reports an error"
        )


def test_a_file_that_must_not_be_read_is_named(package, fault, monkeypatch):
    opens = os.open

    def refuses(path, *arguments, **options):
        if path == "participants.csv":
            raise PermissionError(13, "Permission denied")
        return opens(path, *arguments, **options)

    monkeypatch.setattr(os, "open", refuses)
    with fault("hostile", "a file without permission").trial():
        report = check_package(package, threads=1)
        assert report.exit_status == 2
        assert (
            "participants.csv cannot be read: Permission denied; let the user who runs cohortmart"
            in report.problems[0]
        )
