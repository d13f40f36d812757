"""The input contract says, column by column, what a record is and what is accepted."""

import datetime as dt

import polars as pl
import pytest

from schemas.records import RECORDS
from schemas.reference import seed_column

# The contract's table; required columns carry a star.
CONTRACT = {
    "participants": "participant_id* index_date* entry_date site_id arm_id age_years sex",
    "follow_up": "participant_id* followed_on* kind* outcome",
    "disease_events": "participant_id* event_on* event_type* organ confirmed_by",
    "deaths": "participant_id* died_on* cause*",
    "anticancer_therapies": "participant_id* started_on* therapy* intent",
    "exercise_bouts": "bout_id* participant_id* visit* modality* started_at ended_at protocol",
    "samples": (
        "sample_id* participant_id* visit* bout_id timepoint* minutes_from_bout_end collected_at matrix"
        " haemoglobin_g_dl haematocrit_pct"
    ),
    "assay_results": (
        "sample_id* analyte_id* replicate* result_text* unit* plate_id well dilution lower_limit"
        " upper_limit kit_lot assayed_on"
    ),
    "exercise_sessions": (
        "session_id* participant_id* session_on* modality* prescribed_minutes completed_minutes"
        " intensity_met supervised attended"
    ),
    "activity_reports": "participant_id* reported_on* visit* instrument* met_hours_per_week*",
    "measurements": "participant_id* measured_on* visit* measure_id* value* unit*",
    "treatment_adherence": (
        "participant_id* period_start* period_end* therapy* doses_prescribed* doses_taken*"
    ),
    "adverse_events": (
        "participant_id* started_on* ended_on term* system_organ_class grade* serious related_to_exercise"
    ),
}
PARTICIPANT = {"participant_id": "P1", "index_date": dt.date(2010, 1, 1)}
SAMPLE = {"sample_id": "S1", "participant_id": "P1", "visit": "v1", "timepoint": "pre"}
RESULT = {"sample_id": "S1", "analyte_id": "IL6", "replicate": 1, "result_text": "12.3", "unit": "pg/mL"}
BOUT = {"bout_id": "B1", "participant_id": "P1", "visit": "v1", "modality": "hiit"}
START = dt.datetime.fromisoformat("2010-01-01T09:30:00")
SESSION = {
    "session_id": "X1",
    "participant_id": "P1",
    "session_on": dt.date(2010, 1, 1),
    "modality": "aerobic",
}
ADHERENCE = {
    "participant_id": "P1",
    "period_start": dt.date(2010, 1, 1),
    "period_end": dt.date(2010, 1, 28),
    "therapy": "letrozole",
    "doses_prescribed": 28,
    "doses_taken": 27,
}
ADVERSE_EVENT = {"participant_id": "P1", "started_on": "2014-03-10", "term": "Arthralgia", "grade": 2}
EVENT = {"participant_id": "P1", "event_on": dt.date(2012, 1, 1), "event_type": "distant_recurrence"}


def _broken(record: str, row: dict[str, object]) -> set[str]:
    """Names of the rules that a row of a record breaks."""
    schema = RECORDS[record].schema
    types = {name: column.dtype for name, column in RECORDS[record].columns.items()}
    return set(schema.filter(pl.DataFrame([row], schema=types))[1].counts())


def test_the_contract_has_the_thirteen_record_types_with_their_columns():
    assert {name: list(record.columns) for name, record in RECORDS.items()} == {
        name: columns.replace("*", "").split() for name, columns in CONTRACT.items()
    }
    assert {name: list(record.required) for name, record in RECORDS.items()} == {
        name: [column[:-1] for column in columns.split() if column.endswith("*")]
        for name, columns in CONTRACT.items()
    }


@pytest.mark.parametrize("record", RECORDS)
def test_every_column_says_what_it_means_and_what_it_accepts(record):
    declared = RECORDS[record]
    assert declared.description
    assert all(declared.descriptions.values())
    assert all(declared.accepted.values())
    assert all(rule.accepted and rule.columns[0] in declared.columns for rule in declared.rules.values())
    for name in declared.columns:
        assert declared.accepted[name].endswith("or empty") == (name not in declared.required)


@pytest.mark.parametrize("record", RECORDS)
def test_every_record_has_a_key_of_its_own_columns(record):
    assert RECORDS[record].key
    assert set(RECORDS[record].key) <= set(RECORDS[record].columns)


def test_an_event_of_unknown_organ_has_a_key():
    assert RECORDS["disease_events"].key == ("participant_id", "event_on", "event_type", "organ")
    assert "organ" not in RECORDS["disease_events"].required


def test_organs_are_those_of_the_seed_table():
    assert _broken("disease_events", EVENT | {"organ": seed_column("organs", "organ_id")[0]}) == set()
    assert _broken("disease_events", EVENT | {"organ": "appendages"}) == {"organ|check__vocabulary"}


@pytest.mark.parametrize(
    ("record", "row", "column", "inside", "outside"),
    [
        ("participants", PARTICIPANT, "age_years", [0.0, 61.5, 120.0], [-0.1, 120.1]),
        ("samples", SAMPLE, "haematocrit_pct", [10.0, 44.0, 70.0], [0.44, 9.9, 70.1]),
        ("samples", SAMPLE, "haemoglobin_g_dl", [3.0, 14.7, 25.0], [2.9, 147.0]),
        ("assay_results", RESULT, "dilution", [0.5, 1.0, 2.0], [0.0, -2.0]),
        ("assay_results", RESULT, "replicate", [1, 2], [0, 101]),
        ("exercise_sessions", SESSION, "intensity_met", [0.9, 8.0, 25.0], [0.8, 26.0]),
        ("exercise_sessions", SESSION, "prescribed_minutes", [0.0, 45.0, 1440.0], [-1.0, 1441.0]),
        ("adverse_events", ADVERSE_EVENT, "grade", [1, 5], [0, 6]),
        ("adverse_events", ADVERSE_EVENT, "started_on", ["1900", "2014", "2100-12-31"], ["1899", "2101-01"]),
        (
            "deaths",
            {"participant_id": "P1", "cause": "other"},
            "died_on",
            [dt.date(2010, 1, 1)],
            [dt.date(9999, 12, 31)],
        ),
    ],
)
def test_a_value_outside_plausible_bounds_is_refused(record, row, column, inside, outside):
    for value in inside:
        assert _broken(record, row | {column: value}) == set()
    for value in outside:
        assert {rule.split("|")[0] for rule in _broken(record, row | {column: value})} == {column}


@pytest.mark.parametrize(
    "text", ["12.3", "0", "-0.4", "1e-3", "<0.17", "> 500", "<LOD", "<llod", ">ULOQ", "OOR <", "not run"]
)
def test_a_result_is_a_number_a_limit_or_a_reason(text):
    assert _broken("assay_results", RESULT | {"result_text": text}) == set()


@pytest.mark.parametrize("word", seed_column("result_words", "result_word"))
def test_every_word_for_a_result_is_accepted_in_any_case(word):
    for text in (word, word.lower(), word.capitalize()):
        assert _broken("assay_results", RESULT | {"result_text": text}) == set()


@pytest.mark.parametrize(
    ("text", "check"),
    [(text, "check__vocabulary") for text in ("NaN", "NA", "NULL", "inf", "REF", "ca. 12", "ND", "QNSX")]
    + [(text, "check__range") for text in ("1e400", "-1e400", "<1e400", "1e-400")]
    + [
        (text, "regex")
        for text in (
            *("12,3", "<0,17", "1,234", "1_000", "007", "<007", "1.", ".5", "+5", "1 000", "12.3*", "0x1A"),
            *("<", "<-1", "< LOD?", "<=5", "≤5", "<<5", "<ULOQ", ">LOD", "#REF!", "-", "%"),
        )
    ],
)
def test_what_is_no_result_is_refused(text, check):
    assert _broken("assay_results", RESULT | {"result_text": text}) == {f"result_text|{check}"}


def test_the_contract_says_that_results_are_those_of_the_undiluted_sample():
    descriptions = RECORDS["assay_results"].descriptions
    for column in ("result_text", "lower_limit", "upper_limit"):
        assert "undiluted sample, after dilution" in descriptions[column]
    assert "not applied again" in descriptions["dilution"]


@pytest.mark.parametrize(
    ("record", "row", "rule"),
    [
        ("participants", PARTICIPANT | {"entry_date": dt.date(2009, 12, 31)}, "entry_on_or_after_index"),
        (
            "exercise_bouts",
            BOUT | {"started_at": START, "ended_at": START},
            "ended_after_start",
        ),
        (
            "exercise_bouts",
            BOUT | {"started_at": START, "ended_at": START + dt.timedelta(days=8)},
            "ended_within_a_week",
        ),
        ("assay_results", RESULT | {"lower_limit": 5.0, "upper_limit": 5.0}, "upper_limit_above_lower"),
        (
            "exercise_sessions",
            SESSION | {"attended": False, "completed_minutes": 30.0},
            "minutes_only_when_attended",
        ),
        ("treatment_adherence", ADHERENCE | {"doses_taken": 29}, "taken_at_most_prescribed"),
        (
            "treatment_adherence",
            ADHERENCE | {"period_end": dt.date(2009, 12, 31)},
            "period_end_on_or_after_start",
        ),
        ("adverse_events", ADVERSE_EVENT | {"ended_on": dt.date(2014, 3, 9)}, "ended_on_or_after_start"),
        (
            "adverse_events",
            ADVERSE_EVENT | {"started_on": "2014-03", "ended_on": dt.date(2014, 2, 28)},
            "ended_on_or_after_start",
        ),
    ],
)
def test_columns_that_contradict_each_other_are_refused(record, row, rule):
    assert _broken(record, row) == {rule}


@pytest.mark.parametrize(
    ("record", "row"),
    [
        ("participants", PARTICIPANT | {"entry_date": dt.date(2010, 1, 1)}),
        ("exercise_bouts", BOUT | {"ended_at": START}),
        ("exercise_sessions", SESSION | {"attended": False, "completed_minutes": 0.0}),
        ("exercise_sessions", SESSION | {"completed_minutes": 30.0}),
        ("treatment_adherence", ADHERENCE | {"doses_taken": 28}),
        ("adverse_events", ADVERSE_EVENT | {"started_on": "2014", "ended_on": dt.date(2014, 1, 1)}),
        ("adverse_events", ADVERSE_EVENT | {"ended_on": dt.date(2014, 3, 10)}),
    ],
)
def test_a_missing_or_equal_part_contradicts_nothing(record, row):
    assert _broken(record, row) == set()
