"""Every column of the contract says what it tells of who somebody is; what alone tells it stays behind."""

import itertools

import duckdb
import polars as pl
import pytest

from orchestration.catalogue import is_direct_identifier
from orchestration.landing import apply_cross_record_rules, create_raw_tables, land_record, land_study
from schemas.errors import StudyPackageError
from schemas.privacy import Privacy, direct_identifier_named
from schemas.records import RECORDS
from schemas.study import load_study

# HIPAA's "any other unique identifying number, characteristic, or code" (45 CFR 164.514(b)(2)(i)(R)).
DIRECT = {"participant_id", "sample_id", "bout_id", "session_id"}
# Places, ages, sex, wells that a laboratory's own books resolve, free text; and every date.
QUASI = {
    "site_id",
    "age_years",
    "sex",
    "plate_id",
    "well",
    "protocol",
    "therapy",
    "term",
    "system_organ_class",
}
# What was done, found and measured, in numbers and words of a vocabulary; and what the study calls its parts.
NEITHER = {
    *("arm_id", "visit", "timepoint", "analyte_id", "measure_id", "instrument", "unit", "kit_lot"),
    *("kind", "outcome", "event_type", "organ", "confirmed_by", "cause", "intent", "modality", "matrix"),
    *("minutes_from_bout_end", "haemoglobin_g_dl", "haematocrit_pct", "replicate", "result_text", "dilution"),
    *("lower_limit", "upper_limit", "prescribed_minutes", "completed_minutes", "intensity_met", "supervised"),
    *("attended", "met_hours_per_week", "value", "doses_prescribed", "doses_taken", "grade", "serious"),
    "related_to_exercise",
}
COLUMNS = [(record.name, column) for record in RECORDS.values() for column in record.columns]


def _is_date(record: str, column: str) -> bool:
    declared = RECORDS[record].columns[column]
    return isinstance(declared.dtype, pl.Date | pl.Datetime) or (declared.metadata or {})["partial_date"]


@pytest.mark.parametrize(("record", "column"), COLUMNS)
def test_every_column_is_tagged_as_was_decided(record, column):
    tag = RECORDS[record].privacy[column]
    decided = {
        Privacy.DIRECT_IDENTIFIER: column in DIRECT,
        Privacy.QUASI_IDENTIFIER: column in QUASI or (column != "result_text" and _is_date(record, column)),
        Privacy.NEITHER: column in NEITHER,
    }
    assert [name for name, is_so in decided.items() if is_so] == [tag]


def test_no_rule_over_one_row_would_name_an_identifier():
    rules = itertools.chain.from_iterable(record.rules.values() for record in RECORDS.values())
    assert not [rule for rule in rules if DIRECT & set(rule.columns)]


def test_a_column_named_after_an_identifier_is_one():
    assert is_direct_identifier("baseline_sample_id")
    assert is_direct_identifier("participant_id")
    assert not is_direct_identifier("study_id")
    assert not is_direct_identifier("n_samples")


@pytest.mark.parametrize(
    "name",
    [
        *("name", "Surname", "first_name", "Patient Name", "initials", "e-mail", "EmailAddress", "phone"),
        *(
            "mobile_no",
            "home_address",
            "street",
            "MRN",
            "nhs_number",
            "NHS No.",
            "ssn",
            "date_of_birth",
            "DOB",
        ),
        *(
            "birthDate",
            "hospital_number",
            "record_id",
            "subject_id",
            "patient_no",
            "id",
            "\uff4d\uff52\uff4e",
        ),
    ],
)
def test_a_plain_name_of_an_identifier_is_known_however_it_is_written(name):
    assert direct_identifier_named(name)


@pytest.mark.parametrize(
    "name",
    [
        *("node4", "extent", "stage", "centre", "hospital", "country", "age", "sex_at_birth", "mobile"),
        *("number_of_nodes", "named_lesion", "time", "bmi", "study_phase", "birth_weight", "street_drugs"),
    ],
)
def test_what_a_participant_was_like_is_no_identifier(name):
    assert not direct_identifier_named(name)


STUDY = """\
study_id: cohort
title: A survivorship cohort
design: survivorship_cohort
index_cancer: colon
time_origin: diagnosis
data_cutoff: 2019-12-31
{more}
records: {{participants: participants.csv, deaths: deaths.csv}}
"""


@pytest.fixture
def land(tmp_path):
    """Lands participants and one death under a descriptor; returns the database."""
    con = duckdb.connect()

    def land_rows(*rows: str, more: str = "") -> duckdb.DuckDBPyConnection:
        (tmp_path / "participants.csv").write_text("\n".join(rows) + "\n", encoding="utf-8")
        (tmp_path / "deaths.csv").write_text("participant_id,died_on,cause\nP1,2015-01-01,other\n")
        (tmp_path / "study.yaml").write_text(STUDY.format(more=more), encoding="utf-8")
        study = load_study(tmp_path)
        create_raw_tables(con)
        land_study(con, study)
        for record in study.records:
            land_record(con, study, record)
        apply_cross_record_rules(con, [study])
        return con

    yield land_rows
    con.close()


def test_a_declared_identifier_does_not_land_in_rows_nor_in_quarantine(land):
    con = land(
        "participant_id,index_date,mrn,stage",
        "P1,2010-01-01,SECRET-1,II",
        "P1,2010-01-01,SECRET-2,II",
        "P2,2010-02-30,SECRET-3,III",
        "P3,2010-01-01,SECRET-4,II,SECRET-5",
        "P4,2010-01-01,SECRET-6,IV",
        more="direct_identifiers: [mrn]\nsubgroups: [stage]",
    )
    assert con.sql("select participant_id, covariates from raw.participants").fetchall() == [
        ("P4", [{"name": "stage", "value": "IV"}])
    ]
    quarantined = con.sql("select source_line, rule from audit.quarantine where record = 'participants'")
    assert sorted(quarantined.fetchall()) == [
        (2, "duplicate_key"),
        (3, "duplicate_key"),
        (4, "unreadable"),
        (5, "field_count"),
    ]
    tables = con.sql("select schema_name || '.' || table_name from duckdb_tables()").fetchall()
    for (table,) in tables:
        assert "SECRET" not in str(con.sql(f"from {table}").fetchall()), table


def test_other_files_of_the_study_keep_the_text_of_their_rows(land):
    con = land("participant_id,index_date,mrn", "P2,2010-01-01,SECRET", more="direct_identifiers: [mrn]")
    assert con.sql("select row_text, reason from audit.quarantine").fetchall() == [
        ("P1,2015-01-01,other", "participant_id (not shown) is not among the accepted participants")
    ]


def _problems(land, *rows: str, more: str = "") -> list[str]:
    with pytest.raises(StudyPackageError) as error:
        land(*rows, more=more)
    return error.value.problems


def test_an_identifier_that_is_not_declared_is_refused_with_both_ways_out(land):
    (problem,) = _problems(land, "participant_id,index_date,Date of birth", "P1,2010-01-01,1950-02-03")
    assert problem == (
        "participants.csv: the column `Date of birth` is called as a day of birth is, which would stand in"
        " every release; accepted: a file without it, or `direct_identifiers: [Date of birth]` in study.yaml,"
        " which leaves the column in the file"
    )


def test_a_declared_identifier_that_is_missing_is_a_slip_in_its_name(land):
    declared = "direct_identifiers: [hospital_nr]"
    (problem,) = _problems(land, "participant_id,index_date,hospital_nrs", "P1,2010-01-01,7", more=declared)
    assert (
        "study.yaml line 7: direct_identifiers[1] names the column `hospital_nr`, which is missing" in problem
    )
    assert "did you mean `hospital_nrs`?" in problem


@pytest.mark.parametrize(
    ("use", "key"),
    [
        ("subgroups: [mrn]", "subgroups"),
        ("stratification: [mrn]", "stratification"),
        ("adjustment: [{covariate: mrn, kind: continuous}]", "adjustment"),
    ],
)
def test_a_declared_identifier_is_no_covariate_of_any_model(land, use, key):
    (problem,) = _problems(
        land,
        "participant_id,index_date,mrn",
        "P1,2010-01-01,7",
        more=f"direct_identifiers: [mrn]\n{use}",
    )
    assert f"{key} names `mrn`, which direct_identifiers leaves in the file" in problem


def test_columns_of_the_contract_are_not_for_the_study_to_declare(land):
    (problem,) = _problems(
        land, "participant_id,index_date", "P1,2010-01-01", more="direct_identifiers: [participant_id]"
    )
    assert "`participant_id` is a column of the contract" in problem


def test_a_file_that_begins_with_a_row_is_refused_without_showing_it(land):
    (problem,) = _problems(land, "SECRET-1,2010-01-01", "SECRET-2,2010-01-01")
    assert problem.startswith("participants.csv line 1 names no required column of participants")
    assert "SECRET" not in problem
