"""Rows that contradict other rows or other records are set aside with every reason, and none is lost."""

import random
from pathlib import Path

import duckdb
import pytest

from orchestration.landing import (
    above_tolerance,
    apply_cross_record_rules,
    create_raw_tables,
    land_record,
    land_study,
)
from schemas.records import RECORDS
from schemas.study import load_study

DESCRIPTOR = """\
study_id: trial
title: A trial of exercise after adjuvant chemotherapy
design: randomised_trial
index_cancer: colon
time_origin: randomisation
data_cutoff: 2019-12-31
arms:
  - {arm_id: EXERCISE, label: Structured exercise, role: experimental}
  - {arm_id: EDUCATION, label: Health education, role: control}
timepoints:
  - {timepoint: pre, role: baseline}
  - {timepoint: post, role: response}
"""
# A sound trial: every test spoils it in one way.
SOUND = {
    "participants": [
        "participant_id,index_date,arm_id,entry_date",
        "P1,2010-01-01,EXERCISE,",
        "P2,2010-06-01,EDUCATION,2010-09-01",
    ],
    "follow_up": [
        "participant_id,followed_on,kind",
        "P1,2009-12-01,alive_contact",
        "P1,2014-01-01,disease_assessment",
        "P1,2014-01-01,alive_contact",
        "P2,2012-01-01,withdrawal",
    ],
    "disease_events": [
        "participant_id,event_on,event_type,organ",
        "P1,2014-06-01,distant_recurrence,liver",
        "P1,2014-06-01,distant_recurrence,lung",
        "P1,2014-06-01,distant_recurrence,",
    ],
    "deaths": ["participant_id,died_on,cause", "P1,2015-01-01,index_cancer"],
    "exercise_bouts": ["bout_id,participant_id,visit,modality", "B1,P1,v1,hiit", "B2,P2,v1,hiit"],
    "samples": ["sample_id,participant_id,visit,bout_id,timepoint", "S1,P1,v1,B1,pre", "S2,P2,v1,,post"],
    "assay_results": [
        "sample_id,analyte_id,replicate,result_text,unit,plate_id",
        "S1,IL6,1,0.8,pg/mL,",
        "S1,IL6,2,0.9,pg/mL,",
        "S1,IL6,1,0.9,pg/mL,PL2",
    ],
    "exercise_sessions": [
        "session_id,participant_id,session_on,modality,attended",
        "X1,P1,2010-01-01,aerobic,true",
        "X2,P1,2016-01-01,aerobic,false",
    ],
    "measurements": [
        "participant_id,measured_on,visit,measure_id,value,unit",
        "P1,2009-12-20,v0,six_minute_walk,533,m",
    ],
    "adverse_events": [
        "participant_id,started_on,ended_on,term,grade",
        "P1,2012,,Headache,1",
        "P1,2012,,Headache,2",
        "P1,2015,,Fatigue,5",
    ],
}


class Trial:
    """A package in a folder and the database it lands in."""

    def __init__(self, folder: Path, con: duckdb.DuckDBPyConnection) -> None:
        self.folder, self.con = folder, con
        self.files = {record: list(lines) for record, lines in SOUND.items()}
        self.descriptor = DESCRIPTOR

    def add(self, record: str, *rows: str) -> None:
        self.files[record] += rows

    def land(self) -> list[tuple[str, int, str, str]]:
        """Land everything; return (record, line, rule, reason) of every reason for quarantine."""
        names = "".join(f"  {record}: {record}.csv\n" for record in self.files)
        (self.folder / "study.yaml").write_text(f"{self.descriptor}records:\n{names}", encoding="utf-8")
        for record, lines in self.files.items():
            (self.folder / f"{record}.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
        study = load_study(self.folder)
        create_raw_tables(self.con)
        land_study(self.con, study)
        for record in self.files:
            land_record(self.con, study, record)
        apply_cross_record_rules(self.con, [study])
        return self.con.sql(
            "select record, source_line, rule, reason from audit.quarantine order by all"
        ).fetchall()

    def rules(self) -> set[tuple[str, int, str]]:
        return {(record, line, rule) for record, line, rule, _ in self.land()}


@pytest.fixture
def trial(tmp_path):
    with duckdb.connect() as con:
        yield Trial(tmp_path, con)


def test_a_sound_trial_lands_whole(trial):
    assert trial.land() == []
    for record, lines in SOUND.items():
        assert trial.con.sql(f"select count(*) from raw.{record}").fetchall() == [(len(lines) - 1,)]
    assert above_tolerance(trial.con) == []


def test_every_table_of_the_contract_exists_even_where_a_study_lacks_the_record(trial):
    trial.land()
    tables = {
        name
        for (name,) in trial.con.sql(
            "select table_name from duckdb_tables() where schema_name = 'raw'"
        ).fetchall()
    }
    assert set(RECORDS) <= tables


@pytest.mark.parametrize(
    ("record", "row", "rules"),
    [
        ("participants", "P3,2010-01-01,PLACEBO,", {"unknown_arm"}),
        ("participants", "P3,2010-01-01,,", {"missing_arm"}),
        ("participants", "P3,2020-01-01,EXERCISE,", {"index_after_cutoff"}),
        ("participants", "P3,2020-01-01,PLACEBO,", {"index_after_cutoff", "unknown_arm"}),
        ("participants", "P3,2010-01-01,EXERCISE,2009-01-01", {"entry_on_or_after_index"}),
        ("follow_up", "P9,2012-01-01,alive_contact", {"unknown_participant"}),
        ("follow_up", "P1,2009-12-31,withdrawal", {"before_index"}),
        ("follow_up", "P1,2015-01-02,withdrawal", {"after_death"}),
        ("disease_events", "P9,2012-01-01,local_recurrence,", {"unknown_participant"}),
        ("disease_events", "P1,2009-12-31,local_recurrence,", {"before_index"}),
        ("disease_events", "P1,2015-01-02,local_recurrence,", {"after_death"}),
        ("deaths", "P2,2010-08-31,other", {"death_before_entry"}),
        ("deaths", "P2,2010-05-01,other", {"death_before_entry"}),
        ("deaths", "P9,2012-01-01,other", {"unknown_participant"}),
        ("exercise_bouts", "B9,P9,v1,hiit", {"unknown_participant"}),
        ("samples", "S9,P1,v1,B9,pre", {"unknown_bout"}),
        ("samples", "S9,P1,v1,B2,pre", {"bout_of_another_participant"}),
        ("samples", "S9,P1,v1,B1,post_30min", {"unknown_timepoint"}),
        ("samples", "S9,P9,v1,B9,lap", {"unknown_participant", "unknown_bout", "unknown_timepoint"}),
        ("assay_results", "S9,IL6,1,0.8,pg/mL,", {"unknown_sample"}),
        ("exercise_sessions", "X9,P1,2009-12-31,aerobic,true", {"before_index"}),
        ("exercise_sessions", "X9,P1,2015-01-02,aerobic,true", {"after_death"}),
        ("exercise_sessions", "X9,P1,2015-01-02,aerobic,", {"after_death"}),
        ("adverse_events", "P1,2015-01-02,,Fatigue,1", {"after_death"}),
        ("adverse_events", "P1,2015-02,,Fatigue,1", {"after_death"}),
        ("adverse_events", "P1,2014,2015-02-01,Fatigue,1", {"after_death"}),
    ],
)  # fmt: skip
def test_a_row_that_contradicts_the_rest_of_the_trial_is_set_aside(trial, record, row, rules):
    trial.add(record, row)
    line = len(trial.files[record])
    assert trial.rules() == {(record, line, rule) for rule in rules}
    (text,) = trial.con.sql("select distinct row_text from audit.quarantine").fetchall()
    assert text == (row,)


@pytest.mark.parametrize(
    ("record", "row"),
    [
        ("follow_up", "P1,2015-01-01,alive_contact"),
        ("follow_up", "P1,2010-01-01,withdrawal"),
        ("disease_events", "P1,2010-01-01,local_recurrence,"),
        ("disease_events", "P1,2015-01-01,local_recurrence,"),
        ("deaths", "P2,2012-01-01,other"),
        ("deaths", "P2,2022-01-01,other"),
        ("adverse_events", "P1,2015-01,,Fatigue,1"),
    ],
)
def test_the_day_of_the_other_event_itself_contradicts_nothing(trial, record, row):
    trial.add(record, row)
    assert trial.land() == []


@pytest.mark.parametrize(
    ("record", "row"),
    [
        ("follow_up", "P1,2015-03-01,alive_contact"),
        ("follow_up", "P1,2015-03-01,disease_assessment"),
        ("measurements", "P1,2015-03-01,v9,six_minute_walk,500,m"),
    ],
)
def test_a_death_before_the_participant_was_last_seen_alive_is_set_aside(trial, record, row):
    trial.add(record, row)
    ((found, line, rule, reason),) = trial.land()
    assert (found, line, rule) == ("deaths", 2, "alive_after_death")
    assert reason == (
        "died_on `2015-01-01` is before the participant was last seen alive on `2015-03-01`"
        f" ({record}.csv line {len(trial.files[record])})"
    )


def test_rows_of_a_quarantined_participant_say_where_his_own_row_is(trial):
    trial.files["participants"][2] = "P2,2010-13-01,EDUCATION,"
    reasons = {(record, line): reason for record, line, _, reason in trial.land()}
    assert reasons["participants", 3] == "index_date `2010-13-01` is not a day of the calendar"
    assert reasons["follow_up", 5] == (
        "participant_id (not shown) is not among the accepted participants;"
        " its own row is quarantined (participants.csv line 3)"
    )
    assert reasons["samples", 3].endswith("its own row is quarantined (participants.csv line 3)")


def test_what_hangs_on_a_sample_of_an_unknown_participant_goes_with_it(trial):
    trial.files["participants"][1] = "P7,2010-01-01,EXERCISE,"
    rules = trial.rules()
    assert ("samples", 2, "unknown_participant") in rules
    assert ("samples", 2, "unknown_bout") in rules
    assert {line for record, line, rule in rules if record == "assay_results"} == {2, 3, 4}


@pytest.mark.parametrize(
    ("record", "copies"),
    [
        ("participants", ["P1,2010-01-01,EXERCISE,"]),
        ("participants", ["P1,2011-01-01,EDUCATION,"] * 3),
        ("disease_events", ["P1,2014-06-01,distant_recurrence,liver"]),
        ("disease_events", ["P1,2014-06-01,distant_recurrence,"]),
        ("assay_results", ["S1,IL6,2,0.7,pg/mL,"]),
        ("deaths", ["P1,2015-06-01,other"]),
    ],
)
def test_all_copies_of_a_key_are_set_aside_even_when_a_part_of_it_is_missing(trial, record, copies):
    trial.add(record, *copies)
    doubles = {line for found, line, rule, _ in trial.land() if (found, rule) == (record, "duplicate_key")}
    first = len(SOUND[record]) + 1
    assert doubles > set(range(first, first + len(copies)))
    assert len(doubles) == len(copies) + 1


def test_a_key_that_occurs_in_two_files_is_set_aside_in_both(trial, tmp_path):
    (tmp_path / "late.csv").write_text(
        "participant_id,died_on,cause\nP1,2015-01-01,other\n", encoding="utf-8"
    )
    trial.land()
    study = tmp_path / "study.yaml"
    study.write_text(
        study.read_text("utf-8").replace("deaths.csv", "[deaths.csv, late.csv]"), encoding="utf-8"
    )
    study = load_study(tmp_path)
    land_record(trial.con, study, "deaths")
    apply_cross_record_rules(trial.con, [study])
    assert trial.con.sql(
        "select source_file, source_line, reason from audit.quarantine order by all"
    ).fetchall() == [
        (file, 2, "participant_id (not shown) occurs 2 times, first in deaths.csv line 2 and late.csv line 2")
        for file in ("deaths.csv", "late.csv")
    ]


def test_two_studies_may_use_the_same_participant_ids(trial, tmp_path_factory):
    trial.land()
    other = Trial(tmp_path_factory.mktemp("other"), trial.con)
    other.descriptor = DESCRIPTOR.replace("study_id: trial", "study_id: other")
    assert other.land() == []


def test_a_study_without_arms_accepts_no_arm(trial):
    cohort = DESCRIPTOR.replace("randomised_trial", "survivorship_cohort")
    trial.descriptor = cohort[: cohort.index("arms:")]
    assert ("participants", 2, "unknown_arm") in trial.rules()
    trial.files["participants"] = ["participant_id,index_date", "P1,2010-01-01", "P2,2010-06-01"]
    assert trial.land() == []


def test_every_reason_of_a_row_is_recorded_with_value_and_what_is_accepted(trial):
    trial.files["participants"][0] += ",age_years,sex"
    trial.files["participants"][1:] = [
        "P1,2010-01-01,EXERCISE,,161,femal",
        "P2,01/06/2010,EDUCATION,,1_000,",
    ]
    trial.files = {"participants": trial.files["participants"]}
    trial.land()
    accepted = RECORDS["participants"].accepted
    not_a_word = "sex `femal` is not an accepted word (did you mean `female`?)"
    no_year_first = "index_date `01/06/2010` does not begin with the year"
    assert trial.con.sql(
        """
        select source_line, rule, column_name, value, reason, accepted
        from audit.quarantine order by source_line, column_name
        """
    ).fetchall() == [
        (2, "range", "age_years", "161", "age_years `161` is above 120", accepted["age_years"]),
        (2, "vocabulary", "sex", "femal", not_a_word, accepted["sex"]),
        (3, "unreadable", "age_years", "1_000", "age_years `1_000` has an underscore", accepted["age_years"]),
        (3, "unreadable", "index_date", "01/06/2010", no_year_first, accepted["index_date"]),
    ]


def test_what_could_not_be_read_is_not_called_missing(trial):
    trial.add("deaths", "P2,2010-02-60,other", "P2,,other")
    assert [(line, rule) for _, line, rule, _ in trial.land()] == [(3, "unreadable"), (4, "missing")]


def test_rows_read_are_rows_accepted_and_quarantined_for_every_file(trial):
    trial.add(
        "follow_up", "P9,2012-01-01,alive_contact", "P1,2012-13-01,alive_contact", "P1,2012", 'P1,"2012,x'
    )
    trial.add("deaths", "P1,2016-01-01,other")
    trial.land()
    for record, lines in trial.files.items():
        ((read, accepted, quarantined),) = trial.con.execute(
            "select rows_read, rows_accepted, rows_quarantined from audit.landing where record = ?", [record]
        ).fetchall()
        assert read == len(lines) - 1 == accepted + quarantined
        assert trial.con.sql(f"select count(*) from raw.{record}").fetchall() == [(accepted,)]


def test_the_order_of_rows_decides_nothing(trial, tmp_path_factory):
    trial.add("participants", "P1,2011-01-01,EDUCATION,", "P3,2010-01-01,EXERCISE,")
    trial.add("follow_up", "P3,2013-01-01,alive_contact", "P3,2012-01-01,alive_contact")
    trial.add("deaths", "P3,2011-01-01,other", "P2,2015-01-01,other", "P2,2016-01-01,other")
    texts = "select record, row_text, rule, column_name from audit.quarantine order by all"
    trial.land()
    expected = trial.con.sql(texts).fetchall()
    assert len(expected) > 10
    with duckdb.connect() as con:
        shuffled = Trial(tmp_path_factory.mktemp("shuffled"), con)
        shuffler = random.Random(20100101)
        shuffled.files = {
            record: [lines[0], *shuffler.sample(lines[1:], len(lines) - 1)]
            for record, lines in trial.files.items()
        }
        shuffled.land()
        assert con.sql(texts).fetchall() == expected


@pytest.mark.parametrize(
    ("tolerance", "is_breached"), [("0", True), ("0.2", True), ("0.25", False), ("1", False)]
)
def test_a_file_may_lose_as_large_a_share_of_rows_as_its_study_tolerates(trial, tolerance, is_breached):
    trial.descriptor += f"quarantine_tolerance: {tolerance}\n"
    trial.files = {"participants": trial.files["participants"]}
    trial.add("participants", "P3,2010-01-01,EXERCISE,", "P4,2010-01-01,PLACEBO,")
    trial.land()
    breaches = above_tolerance(trial.con)
    assert bool(breaches) == is_breached
    for breach in breaches:
        assert (breach.rows_quarantined, breach.rows_read, breach.share) == (1, 4, 0.25)
        for words in ("1 of 4 rows of participants.csv", "line 5: arm_id `PLACEBO`", "EXERCISE, EDUCATION"):
            assert words in str(breach)
