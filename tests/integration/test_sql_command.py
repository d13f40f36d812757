"""`cohortmart sql` reads the current release in every format and can change nothing."""

import csv
import io
import json

import polars as pl
import pyarrow.parquet as pq
import pytest

LANDMARKS = (
    "select arm_id, landmark_years, survival from survival.landmark where study_id = 'moertel-colon' "
    "and endpoint_id = 'OS' and policy_id = 'primary' order by all"
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
    everybody = "select * from survival.time_to_event where policy_id = 'primary'"
    printed = cohortmart("sql", everybody, home=warehouse).stdout
    assert "participant_id" in printed.splitlines()[0]
    # 889 + 929 + 11 participants with nine endpoints each, 32 with one.
    assert "200 of 16,493 rows shown" in printed


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


NESTED = """
    select [1, 2] as l, {'a': 1, 'd': date '2020-01-01'} as s, map {'a': 1} as "m""x",
        union_value(k := 1) as u, '\\xAA'::blob as b, interval 1 day as i,
        [{'a': [interval 1 day]}] as deep, null::int[] as nothing
"""


def test_what_a_format_cannot_hold_is_text_and_nested_values_are_json(cohortmart, warehouse, tmp_path):
    as_text = {
        "l": "[1,2]",
        "s": '{"a":1,"d":"2020-01-01"}',
        'm"x': '{"a":1}',
        "u": '{"k":1}',
        "b": "\\xAA",
        "i": "1 day",
        "deep": '[{"a":["1 day"]}]',
    }
    done = cohortmart("sql", NESTED, "-f", "csv", home=warehouse)
    assert done.returncode == 0, done.stderr
    assert list(csv.DictReader(io.StringIO(done.stdout))) == [{**as_text, "nothing": ""}]
    printed = cohortmart("sql", NESTED, home=warehouse).stdout
    assert all(text in printed for text in as_text.values())
    (row,) = json.loads(cohortmart("sql", NESTED, "-f", "json", home=warehouse).stdout)
    assert row == {
        **as_text,
        "l": [1, 2],
        "s": {"a": 1, "d": "2020-01-01"},
        'm"x': {"a": 1},
        "nothing": None,
    }
    target = tmp_path / "nested.parquet"
    assert cohortmart("sql", NESTED, "-o", target, home=warehouse).returncode == 0
    (row,) = pq.read_table(target).to_pylist()
    assert (row["l"], row["b"], row["u"], row["deep"]) == ([1, 2], b"\xaa", '{"k":1}', as_text["deep"])


@pytest.mark.parametrize("value", ["0", "-1", "abc", "1.5", "1025", "²", "1_0"])
def test_a_number_of_threads_that_cannot_be_is_refused_by_its_variable(cohortmart, tmp_path, value):
    for command in (("sql", "select 1"), ("check", tmp_path)):
        done = cohortmart(*command, home=tmp_path, COHORTMART_THREADS=value)
        assert done.returncode == 2
        assert done.stderr == (
            f"COHORTMART_THREADS: `{value}` is no number of threads; accepted: a whole number, 1 to 1024\n"
        )


def test_an_empty_variable_is_one_that_is_not_set(cohortmart, warehouse):
    empty = dict.fromkeys(("THREADS", "STUDIES", "TIME_ZONE", "NIGHTLY_CRON"), "")
    variables = {f"COHORTMART_{name}": value for name, value in empty.items()}
    done = cohortmart("sql", "select 1 as a", "-f", "csv", home=warehouse, **variables)
    assert (done.returncode, done.stdout) == (0, "a\n1\n")


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
    study = cohortmart("contract", "study", home=tmp_path).stdout
    assert "custom_endpoints[].rules" in study
    assert "one of index_cancer, other_cancer, cardiovascular, other, unknown" in described


def test_the_contract_of_assay_results_leads_to_analytes_and_their_units(cohortmart, tmp_path):
    assert "cohortmart contract analytes" in cohortmart("contract", "assay_results", home=tmp_path).stdout
    listed = cohortmart("contract", "analytes", home=tmp_path).stdout
    assert "IL1RA" in listed
    assert "Tumour necrosis factor alpha" in listed
    assert "%, fraction" in listed


def test_a_table_is_written_to_a_file_as_it_is_printed(cohortmart, warehouse, tmp_path):
    target = tmp_path / "answer.txt"
    done = cohortmart("sql", "select 1 as a, 'x' as b", "-f", "table", "-o", target, home=warehouse)
    assert (done.returncode, done.stderr) == (0, "")
    assert target.read_text("utf-8") == "a  b\n1  x\n"
