"""Effects on biomarkers are those of R: t.test, lm, p.adjust, and Fieller's limits by their definition.

R's numbers are in data/biomarker_effects_r.csv and data/p_adjust_r.csv, made by data/biomarker_effects_r.R of
random arms and of the IL-6 of a 50 km run (Landers-Ramos 2022, CC0).
"""

import csv
import math
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from transforms.estimators.biomarker_effects import effect
from transforms.estimators.multiplicity import benjamini_hochberg, holm

DATA = Path(__file__).parent / "data"
COLUMNS = ("estimate", "std_error", "conf_low", "conf_high", "p_value")
COMPARISON = pl.DataFrame(
    {"study_id": ["trial"], "experimental": ["EX"], "control": ["HE"], "comparison_order": [1]}
)

Figures = Mapping[tuple[str, str, str, str], float]


@pytest.fixture(scope="module")
def r_figures() -> Figures:
    """R's value of (cohort, arm, estimator, quantity); nan where there is none."""
    with (DATA / "biomarker_effects_r.csv").open(newline="", encoding="utf-8") as file:
        return {
            (row["cohort"], row["arm"], row["estimator"], row["quantity"]): float(row["value"] or "nan")
            for row in csv.DictReader(file)
        }


def rows_of_pairs(participants: pl.DataFrame, kind: str) -> pl.DataFrame:
    """Rows of int_biomarkers__pairs of participants with timepoint, arm_id, baseline and value."""
    return participants.with_columns(
        study_id=pl.lit("trial"),
        kind=pl.lit(kind),
        visit=pl.lit("baseline"),
        analyte_id=pl.lit("IL6"),
        imputation=pl.lit("as_reported"),
        is_plasma_volume_corrected=pl.lit(value=False),
        ratio_low=pl.lit(None, pl.Float64),
        ratio_high=pl.lit(None, pl.Float64),
        is_beyond_limit=pl.lit(value=False),
        is_reportable=pl.lit(value=True),
        reason=pl.lit(""),
    )


@pytest.fixture(scope="module")
def effects() -> pl.DataFrame:
    """The random cohorts' effects, each cohort a timepoint."""
    pairs = pl.read_csv(DATA / "biomarker_effects_pairs.csv").rename({"cohort": "timepoint", "arm": "arm_id"})
    return effect(rows_of_pairs(pairs, "resting"), COMPARISON)


@pytest.fixture(scope="module")
def il6_of_run() -> pl.DataFrame:
    """Effects of the 50 km run on IL-6, results as reported."""
    samples = pl.read_csv(DATA / "landers_ramos_il6.csv")
    before = samples.filter(timepoint="pre").select("participant_id", baseline="value")
    pairs = pl.concat(
        before.join(
            samples.filter(timepoint=timepoint).select("participant_id", "value"),
            on="participant_id",
            how="full",
            coalesce=True,
        ).with_columns(timepoint=pl.lit(timepoint), arm_id=pl.lit("RUN50K"))
        for timepoint in ("lap_10km", "finish", "recovery_24h")
    )
    return effect(rows_of_pairs(pairs, "acute"), COMPARISON)


def by_key(effects: pl.DataFrame, estimators: set[str]) -> Figures:
    return {
        (row["timepoint"], row["arm_id"], row["estimator"], quantity): (
            math.nan if row[quantity] is None else row[quantity]
        )
        for row in effects.iter_rows(named=True)
        if row["estimator"] in estimators
        for quantity in COLUMNS
    }


def test_effects_of_random_arms_with_ties_and_missing_results_are_those_of_r(
    r_figures: Figures, effects: pl.DataFrame
) -> None:
    ours = by_key(effects, {estimator for _, _, estimator, _ in r_figures})
    expected = {key: value for key, value in r_figures.items() if key[1] != "RUN50K"}
    assert len({estimator for _, _, estimator, _ in expected}) == 7
    assert ours == pytest.approx(expected, rel=1e-10, abs=0.0, nan_ok=True)


def test_effects_of_a_50_km_run_on_il6_are_those_of_r(r_figures: Figures, il6_of_run: pl.DataFrame) -> None:
    ours = by_key(il6_of_run, {estimator for _, _, estimator, _ in r_figures})
    expected = {key: value for key, value in r_figures.items() if key[1] == "RUN50K"}
    assert ours == pytest.approx(expected, rel=1e-10, abs=0.0, nan_ok=True)


def figure(effects: pl.DataFrame, timepoint: str, estimator: str) -> dict[str, float]:
    return effects.row(
        by_predicate=(pl.col("timepoint") == timepoint) & (pl.col("estimator") == estimator), named=True
    )


def test_the_published_rises_of_il6_come_from_two_different_estimators(il6_of_run: pl.DataFrame) -> None:
    # +302 % at 10 km sets all baselines against all values; +2598 % at the finish those of the pairs.
    at_10_km = figure(il6_of_run, "lap_10km", "unpaired_change_of_means")
    assert at_10_km["estimate"] == pytest.approx(302.696, abs=5e-4)
    assert (at_10_km["n_baseline"], at_10_km["n_value"], at_10_km["n_paired"]) == (11, 8, 8)
    assert figure(il6_of_run, "finish", "paired_change_of_means")["estimate"] == pytest.approx(
        2598.8, abs=5e-3
    )
    of_pairs = figure(il6_of_run, "lap_10km", "paired_geometric_mean_ratio")
    assert of_pairs["estimate"] == pytest.approx(4.129738, abs=5e-7)
    assert of_pairs["n_paired"] == 8


def test_a_change_whose_baseline_could_be_zero_has_no_interval_and_says_why(effects: pl.DataFrame) -> None:
    weak = figure(effects.filter(arm_id="EX"), "weak", "unpaired_change_of_means")
    assert weak["reason"] == (
        "no interval: Fieller's is unbounded, as the mean baseline is not significantly different from 0"
    )
    assert weak["estimate"] is not None
    assert weak["p_value"] is not None


def test_adjusted_p_values_are_those_of_p_adjust() -> None:
    families = pl.read_csv(DATA / "p_adjust_r.csv").partition_by("family")
    assert len(families) == 6
    for family in families:
        p, of_holm, of_bh = (family[name].cast(pl.Float64).to_numpy() for name in ("p", "holm", "bh"))
        np.testing.assert_array_max_ulp(holm(p)[~np.isnan(p)], of_holm[~np.isnan(p)], maxulp=1)
        np.testing.assert_array_max_ulp(benjamini_hochberg(p)[~np.isnan(p)], of_bh[~np.isnan(p)], maxulp=1)
        assert np.isnan(holm(p)).tolist() == np.isnan(benjamini_hochberg(p)).tolist() == np.isnan(p).tolist()


def test_the_tests_of_a_table_are_adjusted_over_its_timepoints(effects: pl.DataFrame) -> None:
    members = effects.filter(arm_id="EX", comparator_arm_id="HE", estimator="ancova_on_logs")
    assert members.height == 7
    assert members["p_holm"].to_list() == holm(members["p_value"].to_numpy()).tolist()
    smallest = members.sort("p_value").row(0, named=True)
    assert smallest["p_holm"] == 7 * smallest["p_value"]
    assert smallest["p_bh"] <= smallest["p_holm"]
    assert not any(math.isnan(p) for p in members["p_bh"])
