"""What a newcomer gets from `make run`: the release, and its numbers on the Moertel trial beside R's."""

import csv
import hashlib
import json
import math
import struct
from pathlib import Path

import duckdb
import pyarrow.parquet as pq
import pytest

from seeds.studies import SHIPPED

R_NUMBERS = Path(__file__).parents[1] / "statistics" / "data" / "moertel_colon_r.csv"


def _r(quantity: str) -> list[tuple[str, str, float | None, float]]:
    """Scope, arm or comparison, years and value of a quantity in R's reference file."""
    with R_NUMBERS.open(encoding="utf-8") as file:
        return [
            (row["scope"], row["arm"], float(row["at"]) if row["at"] else None, float(row["value"]))
            for row in csv.DictReader(file)
            if row["quantity"] == quantity and row["value"] != "NA"
        ]


def test_every_endpoint_counts_all_929_participants(query):
    rows = query(
        "select endpoint_id, count(*) as n, count(distinct participant_id) as people "
        "from survival.time_to_event where study_id = 'moertel-colon' and policy_id = 'primary' group by all"
    )
    assert len(rows) == 9
    assert {(row["n"], row["people"]) for row in rows} == {(929, 929)}


def test_moertel_event_counts_are_the_trials(query):
    rows = query("select endpoint_id, arm_id, events from survival.summary where study_id = 'moertel-colon'")
    events = {(row["endpoint_id"], row["arm_id"]): row["events"] for row in rows}
    assert [events["DFS_CHALLENGE", arm] for arm in ("OBS", "LEV", "LEV5FU")] == [190, 182, 134]
    assert sum(events["OS", arm] for arm in ("OBS", "LEV", "LEV5FU")) == 452


def test_adjuvant_chemotherapy_hazard_ratio_is_rs(query):
    (row,) = query(
        "select hazard_ratio, conf_low, conf_high from survival.treatment_effect "
        "where study_id = 'moertel-colon' and endpoint_id = 'DFS_CHALLENGE' and policy_id = 'primary' "
        "and experimental = 'LEV5FU' and control = 'OBS' and model = 'unadjusted' and ties = 'efron'"
    )
    assert row["hazard_ratio"] == pytest.approx(0.620863, abs=1e-6)
    assert row["conf_low"] == pytest.approx(0.497542, abs=1e-6)
    assert row["conf_high"] == pytest.approx(0.774750, abs=1e-6)


@pytest.mark.parametrize(
    ("quantity", "column"),
    [
        ("cox_beta_efron", "log_hazard_ratio"),
        ("cox_se_efron", "std_error"),
        ("logrank_chisq", "logrank_chisq"),
        ("logrank_p", "logrank_p"),
    ],
)
def test_effects_in_the_release_equal_r(query, quantity, column):
    rows = query(
        f"select endpoint_id, experimental || ' vs ' || control as comparison, {column} as value "
        "from survival.treatment_effect where study_id = 'moertel-colon' and policy_id = 'primary'"
    )
    own = {(row["endpoint_id"], row["comparison"]): row["value"] for row in rows}
    reference = _r(quantity)
    assert len(reference) == 6
    for scope, comparison, _, value in reference:
        assert own[scope, comparison] == pytest.approx(value, rel=1e-6)


@pytest.mark.parametrize(
    ("quantity", "column"),
    [
        ("survival", "survival"),
        ("survival_se", "std_error"),
        ("survival_low_log", "conf_low"),
        ("survival_high_log", "conf_high"),
        ("n_at_risk", "n_at_risk"),
    ],
)
def test_landmark_survival_in_the_release_equals_r(query, quantity, column):
    rows = query(
        f"select endpoint_id, arm_id, landmark_years, {column} as value "
        "from survival.landmark where study_id = 'moertel-colon' and policy_id = 'primary'"
    )
    own = {(row["endpoint_id"], row["arm_id"], row["landmark_years"]): row["value"] for row in rows}
    reference = _r(quantity)
    assert len(reference) == 27
    for scope, arm, years, value in reference:
        assert own[scope, arm, years] == pytest.approx(value, rel=1e-6)


@pytest.mark.parametrize(
    ("quantity", "column"),
    [
        ("median_days", "median_days"),
        ("person_days", "person_days"),
        ("reverse_km_median_days", "reverse_km_median_days"),
        ("rmst_days", "rmst_days"),
        ("rmst_days_se", "rmst_std_error"),
    ],
)
def test_summaries_in_the_release_equal_r(query, quantity, column):
    rows = query(
        f"select endpoint_id, arm_id, {column} as value from survival.summary "
        "where study_id = 'moertel-colon' and policy_id = 'primary'"
    )
    own = {(row["endpoint_id"], row["arm_id"]): row["value"] for row in rows}
    for scope, arm, _, value in _r(quantity):
        assert own[scope, arm] == pytest.approx(value, rel=1e-6)


@pytest.mark.parametrize("outcome", ["event", "competing"])
def test_cumulative_incidence_in_the_release_equals_r(query, outcome):
    rows = query(
        "select arm_id, time_days, cumulative_incidence as value from recurrence.cumulative_incidence "
        "where study_id = 'moertel-colon' and policy_id = 'primary' "
        f"and endpoint_id = 'TIME_TO_RECURRENCE' and outcome = '{outcome}' order by time_days"
    )
    for _, arm, years, value in _r(f"cif_{outcome}"):
        before = [r["value"] for r in rows if r["arm_id"] == arm and r["time_days"] <= years * 365.25]
        assert (before[-1] if before else 0.0) == pytest.approx(value, abs=1e-9)


def test_challenge_simulation_at_889_lies_within_the_published_intervals(query):
    rows = query(
        "select figure_id, quantity, own_value, published_low, published_high "
        "from benchmark.published_result where study_id = 'challenge-sim' and published_low is not null"
    )
    assert {"hazard_ratio", "landmark_difference"} <= {row["quantity"] for row in rows}
    for row in rows:
        assert row["published_low"] <= row["own_value"] <= row["published_high"], row["figure_id"]


def test_manifest_names_every_table_with_its_rows_and_every_file_with_its_sha256(warehouse):
    release = warehouse / "warehouse" / "current"
    manifest = json.loads((release / "manifest.json").read_text(encoding="utf-8"))
    assert {study["study_id"] for study in manifest["inputs"]} == set(SHIPPED)
    with duckdb.connect(release / "cohortmart.duckdb", read_only=True) as con:
        tables = {
            f"{s}.{t}" for s, t in con.sql("select schema_name, table_name from duckdb_tables()").fetchall()
        }
        assert set(manifest["tables"]) == tables
        for name, described in manifest["tables"].items():
            assert con.sql(f"select count(*) from {name}").fetchall() == [(described["rows"],)]
    for described in manifest["tables"].values():
        content = (release / described["parquet"]).read_bytes()
        assert hashlib.sha256(content).hexdigest() == described["parquet_sha256"]
    for name, described in manifest["files"].items():
        assert hashlib.sha256((release / name).read_bytes()).hexdigest() == described["sha256"]


def test_parquet_says_what_the_database_says(warehouse):
    release = warehouse / "warehouse" / "current"
    with duckdb.connect(release / "cohortmart.duckdb", read_only=True) as con:
        for table in (
            "survival.time_to_event",
            "survival.curve",
            "recurrence.cumulative_incidence",
        ):
            path = release / "parquet" / f"{table.replace('.', '/')}.parquet"
            published = pq.read_table(path, page_checksum_verification=True)
            assert published.equals(con.execute(f"from {table}").to_arrow_table())


def test_release_database_opens_in_older_duckdb(warehouse):
    header = (warehouse / "warehouse" / "current" / "cohortmart.duckdb").read_bytes()[:20]
    assert header[8:12] == b"DUCK"
    # Storage version 64 is that of DuckDB 0.9 to 1.1, the one named v1.0.0.
    assert struct.unpack("<Q", header[12:20]) == (64,)


def test_every_released_table_and_column_is_described(query):
    undescribed = query(
        "select table_name, column_name from duckdb_columns() "
        "where not internal and coalesce(comment, '') = '' "
        "union all select table_name, '' from duckdb_tables() where coalesce(comment, '') = ''"
    )
    assert undescribed == []


def test_no_mart_holds_infinite_or_undefined_numbers(warehouse):
    release = warehouse / "warehouse" / "current"
    with duckdb.connect(release / "cohortmart.duckdb", read_only=True) as con:
        doubles = con.sql(
            "select schema_name || '.' || table_name, column_name "
            "from duckdb_columns() where data_type = 'DOUBLE' and not internal"
        ).fetchall()
        assert doubles
        for table, column in doubles:
            values = con.sql(f'select "{column}" from {table} where "{column}" is not null').fetchall()
            assert all(math.isfinite(value) for (value,) in values), (table, column)


def test_the_build_prints_effects_beside_published_figures_and_where_to_look(built, warehouse):
    _, printed = built
    assert "DFS_CHALLENGE" in printed.stdout
    assert "0.62 (0.50-0.77)" in printed.stdout
    assert "0.72 (0.55-0.94)" in printed.stdout
    assert "report.html" in printed.stdout
    assert "total" in printed.stdout
    report = (warehouse / "warehouse" / "current" / "report.html").read_text(encoding="utf-8")
    assert "<svg" in report
    assert "<script" not in report
