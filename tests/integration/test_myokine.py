"""From plate files to effects: the 50 km run of Landers-Ramos beside its published and recomputed figures."""

import pytest

IL6 = """
select timepoint, is_plasma_volume_corrected, estimator, n_paired, n_baseline, n_value, estimate
from myokine.effect
where study_id = 'landers-ramos-50km' and analyte_id = 'IL6' and imputation = 'as_reported'
"""


@pytest.fixture(scope="module")
def il6(query):
    return {
        (row["timepoint"], row["is_plasma_volume_corrected"], row["estimator"]): row for row in query(IL6)
    }


@pytest.mark.parametrize(
    ("timepoint", "is_corrected", "ratio", "n"),
    [
        # Recomputed from the deposited plate file: arithmetic mean of duplicates, Dill and Costill 1974.
        ("lap_10km", False, 4.12974, 8),
        ("lap_10km", True, 4.26768, 8),
        ("finish", False, 32.088, 7),
        ("finish", True, 34.953, 7),
        ("recovery_24h", False, 1.8703, 10),
        ("recovery_24h", True, 2.20945, 10),
    ],
)
def test_interleukin_6_rises_fourfold_by_10_km_as_reported(il6, timepoint, is_corrected, ratio, n):
    row = il6[timepoint, is_corrected, "paired_geometric_mean_ratio"]
    assert row["estimate"] == pytest.approx(ratio, rel=2e-5)
    assert row["n_paired"] == n


def test_the_published_changes_are_an_unpaired_and_a_paired_one(il6):
    unpaired = il6["lap_10km", False, "unpaired_change_of_means"]
    assert unpaired["estimate"] == pytest.approx(302.696, abs=5e-4)
    assert (unpaired["n_baseline"], unpaired["n_value"]) == (11, 8)
    assert il6["finish", False, "paired_change_of_means"]["estimate"] == pytest.approx(2598.8, abs=0.05)


def test_interleukin_1_beta_is_refused_everywhere_with_the_reason(query):
    refused = "36 of 36 results are below the limit"
    effects = query(
        "select is_reportable, reason, estimate from myokine.effect"
        " where study_id = 'landers-ramos-50km' and analyte_id = 'IL1B'"
    )
    assert effects
    assert {(row["is_reportable"], row["reason"], row["estimate"]) for row in effects} == {
        (False, refused, None)
    }
    results = query(
        "select is_reportable, reason, n_wells from myokine.result"
        " where study_id = 'landers-ramos-50km' and analyte_id = 'IL1B'"
    )
    assert len(results) == 36
    assert not any(row["is_reportable"] for row in results)
    assert all(refused in row["reason"] for row in results)


def test_baselines_below_the_limit_may_be_reported_but_not_imputed(query):
    rows = query(
        "select distinct imputation, is_reportable, reason from myokine.effect"
        " where study_id = 'landers-ramos-50km' and analyte_id = 'IL6' and imputation in"
        " ('as_reported', 'half_limit', 'excluded') and estimator = 'paired_geometric_mean_ratio'"
    )
    assert {(row["imputation"], row["is_reportable"], row["reason"]) for row in rows} == {
        ("as_reported", True, ""),
        ("half_limit", False, "10 of 11 baselines are below the limit"),
        ("excluded", False, "10 of 11 baselines are below the limit"),
    }


def test_the_simulated_trial_lies_where_bettariga_published(query):
    rows = query("select figure_id, verdict from benchmark.published_result where study_id = 'myokine-sim'")
    assert len(rows) == 14
    assert {row["verdict"] for row in rows} <= {"within published interval", "within 3 standard errors"}


def test_blood_at_rest_and_around_a_bout_never_meet(query):
    for table in ("acute_response", "resting_change"):
        (kinds,) = query(
            f"select count(*) as n, count(*) filter (r.kind = '{table.partition('_')[0]}') as own"
            f" from myokine.{table} as t inner join myokine.result as r"
            " using (study_id, participant_id, analyte_id)"
            + (
                " where r.bout_id = t.bout_id and r.timepoint = t.timepoint"
                if table == "acute_response"
                else " where r.visit = t.to_visit and r.timepoint = t.to_timepoint and r.bout_id = ''"
            )
        )
        assert kinds["n"] == kinds["own"] > 0


def test_a_sample_a_day_after_a_session_is_not_at_rest(query):
    rows = query(
        "select distinct participant_id, to_hours_since_exercise, is_rested, is_reportable, reason"
        " from myokine.resting_change"
        " where study_id = 'myokine-sim' and analyte_id = 'SPARC' and not is_rested"
    )
    assert [(row["participant_id"], row["to_hours_since_exercise"]) for row in rows] == [("MS-17", 20.0)]
    assert not rows[0]["is_reportable"]
    assert rows[0]["reason"] == "value only 20 h after exercise"
