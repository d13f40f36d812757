"""A participant who withdrew is taken out of a package, and nobody else's row moves or changes."""

import hashlib
import stat
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from orchestration.consent.redaction import find, redact
from orchestration.landing.check import check_package
from schemas.errors import StudyPackageError
from schemas.study import load_study

DESCRIPTOR = """\
study_id: trial-a
title: A small trial
design: survivorship_cohort
index_cancer: colon
time_origin: diagnosis
data_cutoff: 2019-12-31
timepoints: [{timepoint: pre, role: baseline}]
records:
  participants: [participants.csv]
  adverse_events: events.csv
  samples: samples.csv
  assay_results: assays.csv
"""
FILES = {
    "participants.csv": (
        "participant_id,index_date,note\nP1,2010-01-01,\nP2,2010-02-01,P1's sister\nP3,2010-03-01,\n"
    ),
    "events.csv": (
        'participant_id,started_on,term,grade\nP1,2011,"pain, of\nthe back ""low""",2\r\n'
        'P2,2011,"nausea\nand P1",1\r\n"P1",2012,fever,1\r\nP3,2012,fever,1'
    ),
    "samples.csv": "sample_id,participant_id,visit,timepoint\nS1,P1,v1,pre\nS2,P2,v1,pre\nS3,P1,v2,pre\n",
    "assays.csv": (
        "sample_id,analyte_id,replicate,result_text,unit\n"
        "S1,il6,1,1.5,pg/mL\nS2,il6,1,2.5,pg/mL\nS3,il6,1,3.5,pg/mL\nS1,il6,2,1.6,pg/mL\n"
    ),
}


@pytest.fixture
def package(tmp_path: Path) -> Path:
    """A package of three participants, one of whom has a row over several lines and two samples."""
    folder = tmp_path / "trial-a"
    folder.mkdir()
    (folder / "study.yaml").write_text(DESCRIPTOR, encoding="utf-8")
    for name, text in FILES.items():
        (folder / name).write_bytes(text.encode())
    return folder


def forget(package: Path, *participants: str, samples: tuple[str, ...] = ()):
    study = load_study(package)
    found = find(package, study, lambda name: name.strip() in participants, lambda name: name in samples)
    redact(package, study, found)
    return found


def test_rows_become_empty_lines_so_that_everybody_elses_lines_stay(package):
    found = forget(package, "P1")
    assert (package / "participants.csv").read_text().split("\n") == [
        "participant_id,index_date,note",
        "",
        "P2,2010-02-01,P1's sister",
        "P3,2010-03-01,",
        "",
    ]
    # The row over two lines leaves two, each with the line end it had; the last line had none.
    assert (package / "events.csv").read_bytes() == (
        b'participant_id,started_on,term,grade\n\n\r\nP2,2011,"nausea\nand P1",1\r\n\r\nP3,2012,fever,1'
    )
    assert found.n_rows == 8
    assert found.participants == {"P1"}


def test_results_of_their_samples_go_with_them(package):
    forget(package, "P1")
    assert (package / "assays.csv").read_text().split("\n")[1:] == ["", "S2,il6,1,2.5,pg/mL", "", "", ""]


def test_a_sample_that_was_theirs_is_recognised_where_nobody_says_so_any_more(package):
    (package / "samples.csv").write_text("sample_id,participant_id,visit,timepoint\nS2,P2,v1,pre\n")
    found = forget(package, "P1", samples=("S1", "S3"))
    assert len(found.spans["assays.csv"]) == 3


def test_rows_read_are_still_rows_accepted_and_quarantined(package):
    before = {f.landing.source_file: f.landing.rows_read for f in check_package(package).files}
    found = forget(package, "P1")
    report = check_package(package)
    assert report.problems == ()
    for file in report.files:
        landing = file.landing
        assert landing.rows_read == before[landing.source_file] - len(found.spans[landing.source_file])
        assert landing.rows_read == landing.rows_accepted + landing.rows_quarantined


@pytest.mark.parametrize(
    "row",
    [
        '"P1",2010-01-01,',
        " P1 ,2010-01-01,",
        "P1,2010-01-01",
        'P1,"2010-01-01',
        "P1,2010-13-45,",
        "P1,a,b,c,d",
    ],
)
def test_rows_that_would_be_quarantined_are_theirs_too(package, row):
    path = package / "participants.csv"
    path.write_text(path.read_text() + row + "\nP4,2010-04-01,\n")
    forget(package, "P1")
    assert path.read_text().split("\n")[4:] == ["", "P4,2010-04-01,", ""]


def test_a_file_whose_other_rows_would_read_differently_is_refused(package):
    # P2's quote is closed by nothing now; without P1's row it would be closed by P3's, and swallow P4.
    (package / "participants.csv").write_text(
        'participant_id,index_date,note\nP2,2010-02-01,"open\nP1,2010-01-01,"x"\nP4,2010-04-01,\nP3,2010-03-01,"\n'
    )
    with pytest.raises(
        StudyPackageError, match="a quote that is not closed makes other rows depend on theirs"
    ):
        forget(package, "P1")


def test_files_stay_read_only_and_those_without_them_are_not_touched(package):
    for path in package.iterdir():
        path.chmod(0o444)
    before = {
        path.name: (path.stat().st_ino, hashlib.sha256(path.read_bytes())) for path in package.iterdir()
    }
    forget(package, "P3")
    assert all(stat.S_IMODE(path.stat().st_mode) == 0o444 for path in package.iterdir())
    assert (package / "samples.csv").stat().st_ino == before["samples.csv"][0]
    assert {path.name for path in package.iterdir()} == {*FILES, "study.yaml"}


def test_a_parquet_file_holds_nothing_of_them_anywhere(package):
    ids = [f"P{n}" for n in range(1, 2000)]
    table = pa.table(
        {
            "participant_id": pa.array(ids).dictionary_encode(),
            "index_date": ["2010-01-01"] * len(ids),
            "note": pa.array(["P2's"] * len(ids)),
        }
    ).replace_schema_metadata({"who": "begins with P1"})
    pq.write_table(table, package / "participants.csv")
    found = forget(package, "P1", "P1000")
    redacted = pq.read_table(package / "participants.csv", page_checksum_verification=True)
    assert redacted["participant_id"].to_pylist() == [name for name in ids if name not in ("P1", "P1000")]
    assert found.spans["participants.csv"][1].line == 1000
    content = (package / "participants.csv").read_bytes()
    assert b"begins with" not in content
    column = pq.ParquetFile(package / "participants.csv").metadata.row_group(0).column(0)
    assert column.statistics.min == "P10"


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"participant,index_date\nP1,2010-01-01\n", "`participant_id` must be there once"),
        (b"participant_id,participant_id\nP1,P1\n", "`participant_id` must be there once"),
        (b"participant_id,index_date\nP1,\xff\n", "not UTF-8"),
        (b"PAR1 nothing else PAR1", "damaged Parquet"),
    ],
)
def test_a_file_in_which_nobody_can_say_whose_its_rows_are_is_refused(package, content, words):
    (package / "participants.csv").write_bytes(content)
    with pytest.raises(StudyPackageError, match=words):
        forget(package, "P1")
