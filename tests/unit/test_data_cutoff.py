"""An earlier analysis holds what was there on its day: nothing that came later decides anything."""

import datetime as dt
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import duckdb
import pytest

from orchestration.deliveries.deliver import deliver
from orchestration.deliveries.landing_plan import is_cut_short, landing_of, plan_landing
from orchestration.deliveries.late_corrections import find_corrections
from orchestration.landing import (
    above_tolerance,
    apply_cross_record_rules,
    create_raw_tables,
    land_record,
    land_study,
)
from orchestration.landing.data_cutoff import (
    DATED_BY,
    ENDED_BY,
    LeftOut,
    NobodyEnrolledError,
    apply_data_cutoff,
)
from orchestration.landing.kept import keep
from orchestration.release.read import Release
from orchestration.settings import Settings
from schemas.records import RECORDS
from schemas.study import load_study

CUTOFF = dt.date(2010, 12, 31)
DESCRIPTOR = """\
study_id: few
title: A trial of a few
design: randomised_trial
index_cancer: colon
time_origin: randomisation
data_cutoff: 2019-12-31
arms:
  - {arm_id: WALK, label: Walking, role: experimental}
  - {arm_id: USUAL, label: Usual care, role: control}
records:
"""
# Ben was randomised after the cutoff, Cleo came under observation after it; Ada died before it.
PARTICIPANTS = [
    "participant_id,index_date,entry_date,arm_id",
    "ada,2010-01-05,,WALK",
    "ben,2011-06-01,,USUAL",
    "cleo,2010-03-01,2012-02-01,WALK",
    "dora,2010-01-06,,USUAL",
]
# Lines of files; those that begin with `>` are after the cutoff, of Ada and Dora, who were there.
FILES = {
    "follow_up": [
        "participant_id,followed_on,kind,outcome",
        "ada,2010-08-01,disease_assessment,no_evidence_of_disease",
        "> ada,2011-08-01,alive_contact,",
        "dora,2010-12-31,alive_contact,",
        "> dora,2011-01-01,disease_assessment,disease",
        "ben,2012-01-01,alive_contact,",
    ],
    "disease_events": [
        "participant_id,event_on,event_type",
        "dora,2010-12-31,local_recurrence",
        "> dora,2011-01-01,distant_recurrence",
    ],
    "deaths": [
        "participant_id,died_on,cause",
        "ada,2010-10-01,index_cancer",
        "> dora,2015-01-01,other_cancer",
        "cleo,2015-01-01,other_cancer",
    ],
    "anticancer_therapies": [
        "participant_id,started_on,therapy",
        "dora,2010-12-31,capecitabine",
        "> dora,2011-01-01,oxaliplatin",
    ],
    "exercise_bouts": [
        "bout_id,participant_id,visit,modality,started_at,ended_at",
        "B1,dora,baseline,aerobic,2010-12-31T23:30,2011-01-01T00:15",
        "> B2,dora,baseline,aerobic,2011-01-01T00:00,2011-01-01T00:45",
        "> B3,dora,baseline,aerobic,,2011-02-01T00:45",
        "B4,dora,baseline,aerobic,,",
        "B5,dora,baseline,aerobic,2010-12-30T09:00,2010-12-30T10:00",
        "B6,ben,baseline,aerobic,2011-08-01T09:00,2011-08-01T10:00",
    ],
    "samples": [
        "sample_id,participant_id,visit,timepoint,bout_id,collected_at,minutes_from_bout_end",
        "S1,dora,baseline,pre,B1,2010-12-31T23:20,",
        "> S2,dora,baseline,post,B1,2011-01-01T00:16,",
        # Drawn before the cutoff for a bout that had not begun: there was no bout to refer to.
        "> S3,dora,baseline,pre,B2,2010-12-31T23:50,",
        "> S4,dora,baseline,post,B2,,",
        "> S5,dora,baseline,post,B5,,2880",
        "S6,dora,baseline,post,B5,,60",
        "S7,dora,baseline,rest,,,",
        "S8,ben,baseline,post,B6,2011-08-01T10:01,",
    ],
    "assay_results": [
        "sample_id,analyte_id,replicate,result_text,unit,assayed_on",
        "S1,IL-6,1,12.3,pg/mL,2010-12-31",
        "> S1,IL-6,2,12.4,pg/mL,2011-01-01",
        "> S2,IL-6,1,12.3,pg/mL,",
        "> S3,IL-6,1,12.3,pg/mL,2010-12-31",
        "S7,IL-6,1,12.3,pg/mL,",
        "S8,IL-6,1,12.3,pg/mL,",
    ],
    "exercise_sessions": [
        "session_id,participant_id,session_on,modality",
        "E1,dora,2010-12-31,aerobic",
        "> E2,dora,2011-01-01,aerobic",
    ],
    "activity_reports": [
        "participant_id,reported_on,visit,instrument,met_hours_per_week",
        "dora,2010-12-31,baseline,TCOM,10",
        "> dora,2011-01-01,baseline,TCOM,10",
    ],
    "measurements": [
        "participant_id,measured_on,visit,measure_id,value,unit",
        "dora,2010-12-31,baseline,vo2,30,mL",
        "> dora,2011-01-01,baseline,vo2,30,mL",
    ],
    "treatment_adherence": [
        "participant_id,period_start,period_end,therapy,doses_prescribed,doses_taken",
        "dora,2010-12-31,2011-01-30,capecitabine,10,9",
        "> dora,2011-01-01,2011-01-30,capecitabine,10,9",
    ],
    "adverse_events": [
        "participant_id,started_on,ended_on,term,grade",
        "dora,2010,2011-02-01,headache,1",
        "dora,2010-12,2011-02-01,nausea,1",
        "dora,2010-12-31,2010-12-31,fall,2",
        "> dora,2011,2011-02-01,fatigue,1",
        "> dora,2011-01,,vertigo,1",
        "> dora,2011-01-01,,rash,1",
    ],
}

Connection = duckdb.DuckDBPyConnection


@pytest.fixture
def package(tmp_path: Path) -> Callable[..., Path]:
    """Writes a package of the few, with other lines in some files."""
    return lambda **other: _write(tmp_path / "few", **other)


def _write(folder: Path, **other: list[str]) -> Path:
    """Write a package; the marks of later lines are taken off."""
    folder.mkdir(exist_ok=True)
    files = {"participants": PARTICIPANTS, **FILES, **other}
    records = "".join(f"  {record}: {record}.csv\n" for record in files)
    (folder / "study.yaml").write_text(DESCRIPTOR + records, encoding="utf-8")
    for record, lines in files.items():
        text = "\n".join(line.removeprefix("> ") for line in lines)
        (folder / f"{record}.csv").write_text(text + "\n", encoding="utf-8")
    return folder


@pytest.fixture
def con() -> Iterator[Connection]:
    with duckdb.connect() as opened:
        create_raw_tables(opened)
        yield opened


def _land(con: Connection, package: Path, cutoff: dt.date | None = CUTOFF) -> dict[str, LeftOut]:
    study = load_study(package)
    land_study(con, study)
    for record in study.records:
        land_record(con, study, record)
    left_out = apply_data_cutoff(con, cutoff) if cutoff else {}
    apply_cross_record_rules(con, [study])
    return left_out


@pytest.fixture(scope="module")
def cut(tmp_path_factory) -> Iterator[Connection]:
    """The few as of the cutoff, for reading."""
    with duckdb.connect() as opened:
        create_raw_tables(opened)
        said = _land(opened, _write(tmp_path_factory.mktemp("cut") / "few"))
        assert said == {"few": LeftOut(2, sum(line.startswith(">") for f in FILES.values() for line in f))}
        yield opened


def _lines(con: Connection, record: str) -> list[int]:
    found = con.sql(f"select source_line from raw.{record} order by source_line").fetchall()
    return [line for (line,) in found]


def _books(con: Connection) -> dict[str, tuple[int, int, int]]:
    found = con.sql(
        "select record, rows_read, rows_not_yet_enrolled, rows_after_cutoff from audit.landing"
        " where rows_read = rows_accepted + rows_quarantined"
    ).fetchall()
    return {record: tuple(counts) for record, *counts in found}


@pytest.mark.parametrize("record", FILES)
def test_rows_dated_after_the_cutoff_are_left_out_and_nothing_that_was_there_is(cut, record):
    """Of every record type the file says, line by line, what was there on the day."""
    at_the_time = [
        n
        for n, line in enumerate(FILES[record][1:], start=2)
        if not line.startswith(">") and not re.search(r"\b(ben|cleo|S8)\b", line)
    ]
    assert _lines(cut, record) == at_the_time
    lines = FILES[record][1:]
    n_after = sum(line.startswith(">") for line in lines)
    n_of_later = len(lines) - len(at_the_time) - n_after
    assert _books(cut)[record] == (len(lines), n_of_later, n_after)
    assert cut.sql("from audit.quarantine").fetchall() == []
    assert above_tolerance(cut) == []


def test_who_enrolled_after_the_cutoff_is_left_out_and_counted_as_not_yet_enrolled(cut):
    assert cut.sql("select participant_id from raw.participants order by all").fetchall() == [
        ("ada",),
        ("dora",),
    ]
    assert _books(cut)["participants"] == (4, 2, 0)
    assert cut.sql("select data_cutoff from raw.study").fetchall() == [(CUTOFF,)]


def test_a_contact_after_the_cutoff_does_not_speak_against_a_death_before_it(package, con):
    """As of the study's own cutoff Ada's death contradicts that she was seen; on the day it did not."""
    folder = package()
    _land(con, folder, cutoff=None)
    died = "select participant_id from raw.deaths order by all"
    assert ("ada",) not in con.sql(died).fetchall()
    _land(con, folder)
    assert con.sql(died).fetchall() == [("ada",)]


def test_an_end_after_the_cutoff_was_not_known_and_is_blank_unless_the_contract_requires_it(cut):
    assert cut.sql("select bout_id, ended_at::varchar from raw.exercise_bouts order by all").fetchall() == [
        ("B1", None),
        ("B4", None),
        ("B5", "2010-12-30 10:00:00"),
    ]
    assert cut.sql("select term, ended_on from raw.adverse_events order by all").fetchall() == [
        ("fall", dt.date(2010, 12, 31)),
        ("headache", None),
        ("nausea", None),
    ]
    assert cut.sql("select period_end from raw.treatment_adherence").fetchall() == [(dt.date(2011, 1, 30),)]


def test_two_events_that_only_their_later_ends_tell_apart_are_no_duplicates(package, con):
    """Both began in 2010 by a partial date; without their ends both would be set aside."""
    header = FILES["adverse_events"][0]
    ends = ["dora,2010,2011-02-01,headache,1", "dora,2010,2011-05-01,headache,1"]
    _land(con, package(adverse_events=[header, *ends]))
    assert con.sql("select ended_on from raw.adverse_events order by all").fetchall() == [
        (dt.date(2011, 2, 1),),
        (dt.date(2011, 5, 1),),
    ]


def test_of_two_rows_with_one_key_the_one_that_was_there_is_no_duplicate_and_keeps_its_results(package, con):
    header = FILES["samples"][0]
    twins = ["S7,dora,baseline,rest,,2010-05-01T08:00,", "> S7,dora,baseline,rest,,2011-05-01T08:00,"]
    results = [FILES["assay_results"][0], "S7,IL-6,1,12.3,pg/mL,"]
    _land(con, package(samples=[header, *twins], assay_results=results))
    assert _lines(con, "samples") == [2]
    assert _lines(con, "assay_results") == [2]
    assert con.sql("from audit.quarantine").fetchall() == []


def test_what_is_wrong_with_rows_that_were_there_is_still_found(package, con):
    _land(con, package(deaths=[FILES["deaths"][0], "nobody,2010-10-01,other", "nobody,2011-10-01,other"]))
    found = con.sql("select record, rule, source_line from audit.quarantine").fetchall()
    assert found == [("deaths", "unknown_participant", 2)]
    assert _books(con)["deaths"] == (2, 0, 1)


def test_a_study_whose_own_cutoff_is_not_later_keeps_it_and_every_row(package, con):
    folder = package()
    _land(con, folder, cutoff=None)
    whole = {record: _lines(con, record) for record in RECORDS}
    for own in (dt.date(2019, 12, 31), dt.date(2030, 1, 1)):
        assert _land(con, folder, cutoff=own) == {}
        assert con.sql("select data_cutoff from raw.study").fetchall() == [(dt.date(2019, 12, 31),)]
        assert {record: _lines(con, record) for record in RECORDS} == whole
        left_out = "sum(rows_not_yet_enrolled + rows_after_cutoff)"
        assert con.sql(f"select {left_out} from audit.landing").fetchall() == [(0,)]


def test_a_data_cutoff_before_anybody_was_enrolled_is_refused_and_changes_nothing(package, con):
    folder = package()
    _land(con, folder, cutoff=None)
    whole = {record: _lines(con, record) for record in RECORDS}
    with pytest.raises(NobodyEnrolledError, match="nobody had been enrolled by the data cutoff") as refused:
        apply_data_cutoff(con, dt.date(2009, 12, 31))
    assert "the first participant was enrolled in `2010`" in str(refused.value)
    assert {record: _lines(con, record) for record in RECORDS} == whole
    assert con.sql("select data_cutoff from raw.study").fetchall() == [(dt.date(2019, 12, 31),)]


def test_every_date_of_the_contract_says_when_a_row_began_or_ended():
    """A record type, or a date of one, that is added later is not forgotten."""
    assert set(DATED_BY) == set(RECORDS)
    for name, record in RECORDS.items():
        dates = {
            column
            for column, declared in record.columns.items()
            if declared.dtype.is_temporal() or (declared.metadata or {}).get("partial_date")
        }
        named = set(re.findall(r"\br\.(\w+)", DATED_BY[name])) | {ENDED_BY.get(name)}
        assert dates <= named, name
    assert {name for name, record in RECORDS.items() if "participant_id" not in record.columns} == {
        "assay_results"
    }


@pytest.mark.parametrize(
    ("left_out", "said"),
    [
        (LeftOut(0, 0), "nobody was enrolled later; no other row is dated after it"),
        (LeftOut(1, 1), "1 participant enrolled later is left out; 1 other row dated after it is left out"),
        (
            LeftOut(16, 1200),
            "16 participants enrolled later are left out; 1,200 other rows dated after it are left out",
        ),
    ],
)
def test_what_is_left_out_is_said_in_words(left_out, said):
    assert str(left_out) == said


def test_what_a_cutoff_concerns_is_neither_read_from_nor_kept_for_other_builds(package, con, tmp_path):
    """What is kept has been held against the rules across records with the rows that came later."""
    settings = Settings(home=tmp_path / "home")
    delivery = deliver(package(), settings)
    _land(con, delivery.folder, cutoff=None)
    keep(con, "few", landing_of(settings, delivery))
    assert set(plan_landing(settings, [delivery]).kept) == {"few"}
    earlier, same = (settings.model_copy(update={"data_cutoff": d}) for d in (CUTOFF, dt.date(2019, 12, 31)))
    assert plan_landing(earlier, [delivery]).kept == {}
    assert plan_landing(earlier, [delivery]).new([delivery]) == [delivery]
    assert is_cut_short(earlier, delivery)
    assert set(plan_landing(same, [delivery]).kept) == {"few"}
    assert not is_cut_short(same, delivery)
    assert not is_cut_short(settings, delivery)


def test_a_correction_of_a_study_that_a_cutoff_concerns_is_told_of_all_its_rows(
    package, tmp_path, monkeypatch
):
    """Neither delivery was kept as landed: both are landed whole, apart from the build."""
    settings = Settings(home=tmp_path / "home", data_cutoff=CUTOFF)
    before = deliver(package(), settings)
    after = deliver(package(deaths=FILES["deaths"][:-1]), settings)
    release = Release("r1", tmp_path, {"inputs": [before.as_input()]}, {})
    monkeypatch.setattr("orchestration.deliveries.late_corrections.find_release", lambda _: release)
    assert [str(correction) for correction in find_corrections(settings, [after])] == [
        "few: corrected since release r1 (deaths.csv changed): accepted rows of deaths 1 removed."
    ]
