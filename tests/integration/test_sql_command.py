"""`cohortmart sql` reads the current release in every format and can change nothing."""

import csv
import io
import json

import polars as pl
import pytest

LANDMARKS = (
    "select arm_id, landmark_years, survival from survival.landmark where study_id = 'moertel-colon' "
    "and endpoint_id = 'OS' order by all"
)


def test_csv_json_and_parquet_say_the_same(cohortmart, warehouse, tmp_path):
    from_csv = csv.DictReader(io.StringIO(cohortmart("sql", LANDMARKS, "-f", "csv", home=warehouse).stdout))
    from_json = json.loads(cohortmart("sql", LANDMARKS, "-f", "json", home=warehouse).stdout)
    target = tmp_path / "landmarks.parquet"
    written = cohortmart("sql", LANDMARKS, "-f", "parquet", "-o", target, home=warehouse)
    assert written.returncode == 0, written.stderr
    rows = pl.read_parquet(target).to_dicts()
    assert len(rows) == 9
    assert from_json == rows
    assert [{**row, "survival": repr(row["survival"])} for row in rows] == [
        {**row, "landmark_years": float(row["landmark_years"])} for row in from_csv
    ]


def test_the_table_is_for_people_and_says_when_rows_are_left_out(cohortmart, warehouse):
    printed = cohortmart("sql", "select * from survival.time_to_event", home=warehouse).stdout
    assert "participant_id" in printed.splitlines()[0]
    assert "200 of 16,362 rows shown" in printed


@pytest.mark.parametrize(
    ("query", "named"),
    [
        ("select * from survival.curves", "curve"),
        ("selekt 1", "selekt"),
        ("drop table survival.curve", "read-only"),
        ("create table reference.mine as select 1", "read-only"),
        ("copy survival.curve to '/tmp/stolen.csv'", "disabled"),
        ("select * from read_csv('/etc/passwd')", "disabled"),
        ("select 1 as a, 2 as a", "rename one"),
        ("", "0 statements"),
        ("select 1; select 2", "2 statements"),
    ],
)
def test_a_query_that_cannot_be_run_is_refused_in_words(cohortmart, warehouse, query, named):
    done = cohortmart("sql", query, home=warehouse)
    assert done.returncode == 2
    assert named in done.stderr
    assert "Traceback" not in done.stderr


def test_a_sum_of_counts_is_a_number(cohortmart, warehouse):
    done = cohortmart("sql", "select sum(n_event) as n from survival.curve", "-f", "json", home=warehouse)
    ((n,),) = (row.values() for row in json.loads(done.stdout))
    assert isinstance(n, int)


def test_the_files_name_chooses_the_format(cohortmart, warehouse, tmp_path):
    target = tmp_path / "landmarks.csv"
    assert cohortmart("sql", LANDMARKS, "-o", target, home=warehouse).returncode == 0
    assert target.read_text("utf-8").startswith("arm_id,landmark_years,survival\n")


def test_a_file_that_cannot_be_written_is_named(cohortmart, warehouse, tmp_path):
    for target in (tmp_path, tmp_path / "nowhere" / "x.csv"):
        done = cohortmart("sql", "select 1", "-f", "csv", "-o", target, home=warehouse)
        assert done.returncode == 2
        assert f"{target} cannot be written" in done.stderr


def test_without_a_release_it_says_how_to_make_one(cohortmart, tmp_path):
    done = cohortmart("sql", "select 1", home=tmp_path)
    assert done.returncode == 2
    assert "cohortmart build" in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_parquet_needs_a_file(cohortmart, warehouse):
    done = cohortmart("sql", "select 1", "-f", "parquet", home=warehouse)
    assert done.returncode == 2
    assert "--output" in done.stderr


def test_tables_and_their_columns_are_described(cohortmart, warehouse):
    listed = cohortmart("tables", home=warehouse).stdout
    assert "survival.treatment_effect" in listed
    described = cohortmart("tables", "survival.time_to_event", home=warehouse).stdout
    assert "cnsr" in described
    unknown = cohortmart("tables", "survival.nothing", home=warehouse)
    assert (unknown.returncode, "cohortmart tables" in unknown.stderr) == (2, True)


def test_the_contract_of_a_record_is_described(cohortmart, tmp_path):
    listed = cohortmart("contract", home=tmp_path).stdout
    assert "adverse_events" in listed
    described = cohortmart("contract", "deaths", home=tmp_path).stdout
    assert "one of index_cancer, other_cancer, cardiovascular, other, unknown" in described
