"""What a reader finds in the table of biomarker effects, and why a number is missing where it is."""

import csv
import math
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from transforms.estimators.biomarker_effects import effect
from transforms.estimators.biomarker_estimators import BIOMARKER_ESTIMATORS
from transforms.estimators.myokine_columns import EFFECT, EFFECT_KEY

SEED = Path(__file__).parents[2] / "seeds" / "reference" / "biomarker_estimators.csv"

PAIRS = {
    "study_id": pl.String,
    "kind": pl.String,
    "arm_id": pl.String,
    "visit": pl.String,
    "analyte_id": pl.String,
    "timepoint": pl.String,
    "imputation": pl.String,
    "is_plasma_volume_corrected": pl.Boolean,
    "participant_id": pl.String,
    "baseline": pl.Float64,
    "value": pl.Float64,
    "ratio_low": pl.Float64,
    "ratio_high": pl.Float64,
    "is_beyond_limit": pl.Boolean,
    "is_reportable": pl.Boolean,
    "reason": pl.String,
}
DEFAULTS = {
    "study_id": "trial",
    "kind": "resting",
    "visit": "baseline",
    "analyte_id": "IL6",
    "timepoint": "month_6",
    "imputation": "half_limit",
    "is_plasma_volume_corrected": False,
    "is_beyond_limit": False,
    "is_reportable": True,
    "reason": "",
}
WITHIN_ARM = [e.name for e in BIOMARKER_ESTIMATORS if e.contrast == "within_arm" and not e.uses_bounds]
BETWEEN_ARMS = [e.name for e in BIOMARKER_ESTIMATORS if e.contrast == "between_arms" and not e.uses_bounds]
ON_RATIOS = (
    "paired_geometric_mean_ratio",
    "paired_median_ratio",
    "wilcoxon_signed_rank",
    "ratio_of_geometric_mean_ratios",
    "ancova_on_logs",
    "wilcoxon_rank_sum",
)
ESTIMATES = ("estimate", "std_error", "conf_low", "conf_high", "conf_level", "p_value", "p_holm", "p_bh")

Pair = tuple[float | None, float | None]


def arm(arm_id: str, *results: Pair, **columns: Any) -> pl.DataFrame:
    """Rows of int_biomarkers__pairs of an arm's (baseline, value); None is missing."""
    rows = [
        {
            **DEFAULTS,
            "arm_id": arm_id,
            "participant_id": f"{arm_id}-{n}",
            "baseline": baseline,
            "value": value,
            **columns,
        }
        for n, (baseline, value) in enumerate(results)
    ]
    return pl.DataFrame(rows, schema=PAIRS)


def bounds(arm_id: str, *ratios: Pair, **columns: Any) -> pl.DataFrame:
    """Rows of int_biomarkers__pairs without imputation of an arm's (ratio_low, ratio_high)."""
    rows = arm(arm_id, *ratios, imputation="none", **columns)
    return rows.with_columns(
        ratio_low="baseline", ratio_high="value", baseline=pl.lit(None), value=pl.lit(None)
    ).cast(pl.Schema(PAIRS))


def comparisons(*pairs: tuple[str, str]) -> pl.DataFrame:
    rows = [("trial", *pair, n) for n, pair in enumerate(pairs)]
    types = [pl.String, pl.String, pl.String, pl.Int64]
    names = ["study_id", "experimental", "control", "comparison_order"]
    return pl.DataFrame(rows, schema=dict(zip(names, types, strict=True)), orient="row")


EXERCISE_AGAINST_EDUCATION = comparisons(("EXERCISE", "EDUCATION"))
EXERCISE = arm("EXERCISE", (2.0, 1.0), (3.0, 2.5), (1.5, 1.0), (4.0, 2.0))
EDUCATION = arm("EDUCATION", (2.5, 2.0), (3.5, 4.0), (1.0, 1.5))


def effects_within(*results: Pair) -> dict[str, dict[str, Any]]:
    """Rows within an arm of (baseline, value), by estimator."""
    return by_estimator(effect(arm("EXERCISE", *results), comparisons()))


def effects_between(experimental: list[Pair], control: list[Pair]) -> dict[str, dict[str, Any]]:
    """Rows between two arms of (baseline, value), by estimator."""
    pairs = pl.concat([arm("EXERCISE", *experimental), arm("EDUCATION", *control)])
    table = effect(pairs, EXERCISE_AGAINST_EDUCATION)
    return by_estimator(table.filter(pl.col("comparator_arm_id") != ""))


def by_estimator(table: pl.DataFrame) -> dict[str, dict[str, Any]]:
    rows = {row["estimator"]: row for row in table.iter_rows(named=True)}
    assert len(rows) == table.height
    return rows


def test_the_seed_describes_the_estimators_that_the_code_has() -> None:
    with SEED.open(newline="", encoding="utf-8") as file:
        described = [(row["estimator"], row["contrast"], row["scale"]) for row in csv.DictReader(file)]
    assert described == [(e.name, e.contrast, e.scale) for e in BIOMARKER_ESTIMATORS]


def test_every_arm_has_the_estimators_within_and_every_comparison_those_between() -> None:
    table = effect(pl.concat([EXERCISE, EDUCATION]), EXERCISE_AGAINST_EDUCATION)
    assert table.schema == pl.Schema(EFFECT)
    groups = table.select("arm_id", "comparator_arm_id", "estimator").rows()
    assert groups == [
        *(("EDUCATION", "", name) for name in sorted(WITHIN_ARM)),
        *(("EXERCISE", "", name) for name in sorted(WITHIN_ARM)),
        *(("EXERCISE", "EDUCATION", name) for name in sorted(BETWEEN_ARMS)),
    ]
    assert table.select(EFFECT_KEY).is_unique().all()


def test_the_change_of_four_patients_is_what_one_works_out_by_hand() -> None:
    rows = by_estimator(effect(EXERCISE, comparisons()))
    # (1/2 * 5/6 * 2/3 * 1/2) ** (1/4)
    assert rows["paired_geometric_mean_ratio"]["estimate"] == pytest.approx((10 / 72) ** 0.25, rel=1e-14)
    assert rows["paired_mean_difference"]["estimate"] == -1.0  # -(1 + 0.5 + 0.5 + 2) / 4
    # Means 2.625 and 1.625.
    assert rows["paired_change_of_means"]["estimate"] == pytest.approx(100 * (1.625 / 2.625 - 1), rel=1e-13)
    difference = rows["paired_mean_difference"]
    error = math.sqrt((0.0 + 0.25 + 0.25 + 1.0) / 3 / 4)
    assert difference["std_error"] == pytest.approx(error, rel=1e-14)
    # 3.18245 is the 97.5 % point of t with 3 degrees of freedom (Pearson and Hartley 1966, table 12).
    assert difference["conf_high"] == pytest.approx(-1.0 + 3.18245 * error, abs=2e-5)
    assert difference["conf_level"] == 0.95
    assert not difference["reason"]


def test_counts_tell_pairs_from_those_with_a_baseline_or_a_value_alone() -> None:
    pairs = pl.concat(
        [arm("EXERCISE", (2.0, 1.0), (3.0, 2.5), (1.5, None), (4.0, None), (None, 2.0)), EDUCATION]
    )
    table = effect(pairs, EXERCISE_AGAINST_EDUCATION).filter(arm_id="EXERCISE")
    counts = table.select("comparator_arm_id", "n_paired", "n_baseline", "n_value", "n_paired_comparator")
    assert set(counts.rows()) == {("", 2, 4, 3, 0), ("EDUCATION", 2, 4, 3, 3)}
    unpaired = by_estimator(table.filter(comparator_arm_id=""))["unpaired_change_of_means"]
    # Mean of the values 5.5 / 3, of the baselines 10.5 / 4.
    assert unpaired["estimate"] == pytest.approx(100 * (5.5 / 3 / (10.5 / 4) - 1), rel=1e-13)


def test_nobody_with_both_results_is_no_effect_with_a_reason() -> None:
    rows = effects_within((2.0, None), (None, 1.0))
    for name in WITHIN_ARM:
        if name != "unpaired_change_of_means":
            assert rows[name]["reason"] == "no pair"
            assert all(rows[name][column] is None for column in ESTIMATES)
    assert rows["unpaired_change_of_means"]["estimate"] == -50.0
    assert rows["unpaired_change_of_means"]["reason"] == "no interval and no test: one baseline"


def test_values_without_any_baseline_have_no_percent_change() -> None:
    rows = effects_within((None, 2.0), (None, 1.0))
    assert rows["unpaired_change_of_means"]["reason"] == "no baseline"
    assert effects_within((2.0, None))["unpaired_change_of_means"]["reason"] == "no value"


def test_one_pair_has_an_estimate_and_nothing_else() -> None:
    rows = effects_within((2.0, 3.0))
    expected = {
        "paired_geometric_mean_ratio": 1.5,
        "paired_mean_difference": 1.0,
        "paired_change_of_means": 50.0,
        "unpaired_change_of_means": 50.0,
    }
    for name, estimate in expected.items():
        assert rows[name]["estimate"] == pytest.approx(estimate, rel=1e-15)
        assert all(rows[name][column] is None for column in ESTIMATES[1:])
        one = "one baseline" if name == "unpaired_change_of_means" else "one pair"
        assert rows[name]["reason"] == f"no interval and no test: {one}"


def test_a_result_of_zero_has_no_logarithm_and_is_not_left_out_in_silence() -> None:
    rows = effects_within((2.0, 0.0), (3.0, 2.5), (1.5, 1.0))
    for name in ON_RATIOS[:3]:
        assert rows[name]["estimate"] is None
        assert rows[name]["reason"] == (
            "no estimate: 1 of 3 pairs has a result of 0 or less, which has no logarithm"
        )
    assert rows["paired_mean_difference"]["estimate"] == -1.0
    assert rows["paired_change_of_means"]["conf_low"] is not None
    between = effects_between([(2.0, 0.0), (3.0, 2.5), (0.0, 1.0)], [(1.0, 2.0), (2.0, 2.5)])
    for name in ON_RATIOS[3:]:
        assert between[name]["estimate"] is None
        assert between[name]["reason"] == (
            "no estimate: 2 of 5 pairs have a result of 0 or less, which has no logarithm"
        )
    assert between["difference_of_mean_changes"]["p_value"] is not None


def test_one_patient_in_an_arm_leaves_the_difference_between_arms_without_interval() -> None:
    rows = effects_between([(2.0, 4.0)], [(1.0, 1.0), (2.0, 1.0), (4.0, 3.0)])
    for name in ("ratio_of_geometric_mean_ratios", "difference_of_mean_changes"):
        assert rows[name]["estimate"] is not None
        assert rows[name]["p_value"] is None
        assert rows[name]["reason"] == "no interval and no test: one pair in an arm"
    # Four pairs are one more than the coefficients, but say nothing of how participants of this arm differ.
    assert rows["ancova_on_logs"]["estimate"] is None
    assert rows["ancova_on_logs"]["reason"] == "no estimate: only one pair of the experimental arm"


def test_an_arm_without_pairs_leaves_nothing_to_compare() -> None:
    rows = effects_between([(2.0, None)], [(1.0, 1.0), (2.0, 1.0)])
    assert {rows[name]["reason"] for name in BETWEEN_ARMS} == {"no pair in an arm"}
    rows = effects_between([(2.0, None)], [(None, 1.0)])
    assert {rows[name]["reason"] for name in BETWEEN_ARMS} == {"no pair"}


def test_an_arm_that_was_not_measured_at_all_is_still_compared_with_and_said_to_be_missing() -> None:
    table = effect(EXERCISE, EXERCISE_AGAINST_EDUCATION)
    rows = by_estimator(table.filter(comparator_arm_id="EDUCATION"))
    assert {row["reason"] for row in rows.values()} == {"no pair in an arm"}
    assert {row["n_paired_comparator"] for row in rows.values()} == {0}
    assert effect(EXERCISE, comparisons(("DRUG", "PLACEBO"))).height == len(WITHIN_ARM)


def test_a_refused_analyte_keeps_its_counts_and_has_no_estimate() -> None:
    reason = "9 of 11 baselines are below the limit"
    refused = [
        rows.with_columns(is_reportable=pl.lit(value=False), reason=pl.lit(reason))
        for rows in (EXERCISE, EDUCATION)
    ]
    table = effect(pl.concat(refused), EXERCISE_AGAINST_EDUCATION)
    assert table.height == 2 * len(WITHIN_ARM) + len(BETWEEN_ARMS)
    assert set(table["n_paired"]) == {3, 4}
    assert set(table["reason"]) == {reason}
    assert not table["is_reportable"].any()
    assert all(table[column].null_count() == table.height for column in ESTIMATES)


def test_an_analyte_of_which_nothing_has_a_number_is_refused_under_every_imputation() -> None:
    verdict = {"is_reportable": False, "reason": "11 of 11 results are below the limit"}
    pairs = pl.concat(
        [
            arm("EXERCISE", (None, None), (None, None), is_beyond_limit=True, **verdict),
            bounds("EXERCISE", (None, None), (None, None), is_beyond_limit=True, **verdict),
        ]
    )
    table = effect(pairs, EXERCISE_AGAINST_EDUCATION)
    assert table.height == len(BIOMARKER_ESTIMATORS)
    assert set(table["reason"]) == {verdict["reason"]}
    assert all(table[column].null_count() == table.height for column in ESTIMATES)
    assert set(table.filter(imputation="none")["n_baseline"]) == {2}


def test_where_nothing_is_imputed_ratios_may_be_bounds() -> None:
    exercise = bounds("EXERCISE", (0.5, 0.5), (None, 0.8), (0.7, 0.7), (1.2, None))
    education = bounds("EDUCATION", (0.9, 0.9), (1.3, 1.3), (1.1, None), (None, None))
    table = effect(pl.concat([exercise, education]), EXERCISE_AGAINST_EDUCATION)
    of_bounds = table.select(
        "arm_id", "comparator_arm_id", "estimator", "n_paired", "n_baseline", "n_value", "n_censored"
    ).rows()
    # The fourth pair of EDUCATION, both ends beyond the same limit, is counted and says nothing.
    assert of_bounds == [
        ("EDUCATION", "", "censored_geometric_mean_ratio", 3, 4, 4, 1),
        ("EXERCISE", "", "censored_geometric_mean_ratio", 4, 4, 4, 2),
        ("EXERCISE", "EDUCATION", "censored_ratio_of_geometric_mean_ratios", 4, 4, 4, 3),
    ]
    assert table["n_paired_comparator"].to_list() == [0, 0, 3]
    assert table["estimate"].null_count() == 0


def test_pairs_beyond_a_limit_are_counted_whatever_the_policy_makes_of_them() -> None:
    within = arm("EXERCISE", (2.0, 1.0), (3.0, 2.5), (None, 2.0))
    beyond = arm("EXERCISE", (0.25, 1.0), (0.25, None), (None, None), is_beyond_limit=True)
    table = effect(pl.concat([within, beyond, EDUCATION]), EXERCISE_AGAINST_EDUCATION)
    counts = table.filter(arm_id="EXERCISE").select("n_paired", "n_baseline", "n_value", "n_censored")
    assert set(counts.rows()) == {(3, 4, 4, 1)}
    excluded = arm("EXERCISE", (2.0, 1.0)), arm("EXERCISE", (None, 1.0), (None, None), is_beyond_limit=True)
    row = effect(pl.concat(excluded), comparisons()).row(0, named=True)
    assert [row[n] for n in ("n_paired", "n_baseline", "n_value", "n_censored")] == [1, 1, 2, 0]


def test_bounds_of_0_are_counted_as_censored_though_they_have_no_logarithm() -> None:
    pairs = bounds("EXERCISE", (0.0, None), (0.0, 0.4), (None, 0.0), (0.0, 0.0), (0.5, 0.5))
    row = effect(pairs, comparisons()).row(0, named=True)
    assert (row["n_paired"], row["n_censored"]) == (5, 3)
    assert row["reason"] == "no estimate: 4 of 5 pairs have a result of 0 or less, which has no logarithm"


def test_an_arm_of_which_no_result_can_be_used_is_shown_without_pairs() -> None:
    nothing = arm("EXERCISE", (None, None), (None, None), is_beyond_limit=True)
    rows = by_estimator(effect(nothing, comparisons()))
    assert {row["reason"] for row in rows.values()} == {"no pair", "no baseline"}
    assert {(row["n_paired"], row["n_baseline"], row["n_censored"]) for row in rows.values()} == {(0, 0, 0)}


def test_what_a_policy_leaves_out_of_an_arm_changes_no_estimate_of_it() -> None:
    more = pl.concat([EXERCISE, arm("EXERCISE", (None, None), is_beyond_limit=True)])
    assert effect(more, comparisons()).equals(effect(EXERCISE, comparisons()))


def test_without_censored_pairs_the_censored_estimate_is_the_geometric_mean_ratio() -> None:
    row = effect(bounds("EXERCISE", (0.5, 0.5), (2.0, 2.0), (4.0, 4.0)), comparisons()).row(0, named=True)
    assert row["estimate"] == pytest.approx(4.0 ** (1 / 3), rel=1e-14)
    assert row["n_censored"] == 0
    imputed = effects_within((2.0, 1.0), (1.0, 2.0), (1.0, 4.0))["paired_geometric_mean_ratio"]
    assert [row[column] for column in ESTIMATES] == pytest.approx(
        [imputed[column] for column in ESTIMATES], rel=1e-14
    )
    assert row["reason"] == imputed["reason"] == ""


def test_a_ratio_of_zero_has_no_logarithm_where_nothing_is_imputed_either() -> None:
    row = effect(bounds("EXERCISE", (0.0, 0.0), (2.0, 2.0), (4.0, 4.0)), comparisons()).row(0, named=True)
    assert row["reason"] == "no estimate: 1 of 3 pairs has a result of 0 or less, which has no logarithm"


def test_a_family_of_tests_is_all_analytes_and_timepoints_of_one_estimator() -> None:
    def of(analyte_id: str, timepoint: str, **columns: Any) -> pl.DataFrame:
        factor = 1.0 + 0.1 * len(columns) + (0.3 if analyte_id == "SPARC" else 0.0)
        results = [(2.0, 1.0 * factor), (3.0, 2.5), (1.5, 1.0), (4.0, 2.0)]
        return arm("EXERCISE", *results, analyte_id=analyte_id, timepoint=timepoint, **columns)

    refused = of("IL1B", "month_6", is_reportable=False, reason="most results are below the limit")
    pairs = pl.concat(
        [
            of("IL6", "month_6"),
            of("IL6", "month_12"),
            of("SPARC", "month_6"),
            refused,
            of("IL6", "month_6", imputation="excluded"),
            of("IL6", "month_6", kind="acute"),
            of("IL6", "month_6", visit="month_3"),
            arm("EXERCISE", (1.0, 2.0), analyte_id="OSM"),  # one pair: no test
        ]
    )
    table = effect(pairs, comparisons()).filter(estimator="paired_geometric_mean_ratio")
    family = table.filter(kind="resting", visit="baseline", imputation="half_limit")
    tested = family.filter(pl.col("p_value").is_not_null()).sort("p_value")
    p = tested["p_value"].to_list()
    assert len(p) == 3
    assert family.height == 5
    # By hand: Holm multiplies by 3, 2, 1 and never falls; Benjamini and Hochberg by 3/1, 3/2, 3/3.
    assert tested["p_holm"].to_list() == pytest.approx(
        [3 * p[0], max(3 * p[0], 2 * p[1]), max(3 * p[0], 2 * p[1], p[2])]
    )
    assert tested["p_bh"].to_list() == pytest.approx(
        [min(3 * p[0], 1.5 * p[1], p[2]), min(1.5 * p[1], p[2]), p[2]]
    )
    alone = table.filter(
        (pl.col("kind") == "acute") | (pl.col("visit") == "month_3") | (pl.col("imputation") == "excluded")
    )
    assert alone.height == 3
    assert alone["p_holm"].to_list() == alone["p_bh"].to_list() == alone["p_value"].to_list()


def test_each_study_is_compared_as_it_says() -> None:
    other = pl.concat([EXERCISE, EDUCATION]).with_columns(study_id=pl.lit("cohort"))
    table = effect(
        pl.concat([EXERCISE, EDUCATION, other]),
        comparisons(("EXERCISE", "EDUCATION"), ("EDUCATION", "EXERCISE")),
    )
    between = table.filter(pl.col("comparator_arm_id") != "")
    assert set(between["study_id"]) == {"trial"}
    ratio = between.filter(estimator="ratio_of_geometric_mean_ratios")
    there, back = ratio["estimate"].to_list()
    assert there * back == pytest.approx(1.0, rel=1e-14)
    assert ratio["p_value"][0] == ratio["p_value"][1]


def test_effects_do_not_depend_on_the_order_of_participants() -> None:
    random = np.random.default_rng(7)
    pairs = pl.concat(
        arm(
            name,
            *zip(random.lognormal(size=60).tolist(), random.lognormal(size=60).tolist(), strict=True),
            analyte_id=analyte,
        )
        for name in ("EXERCISE", "EDUCATION")
        for analyte in ("IL6", "SPARC", "OSM")
    )
    table = effect(pairs, EXERCISE_AGAINST_EDUCATION)
    for seed in range(3):
        shuffled = pairs.sample(fraction=1.0, shuffle=True, seed=seed)
        assert effect(shuffled, EXERCISE_AGAINST_EDUCATION).equals(table)


def test_an_imputation_that_changes_no_result_changes_no_estimate() -> None:
    excluded = EXERCISE.with_columns(imputation=pl.lit("excluded")).reverse()
    table = effect(pl.concat([EXERCISE, excluded]), comparisons()).drop("imputation")
    assert table.height == 2 * len(WITHIN_ARM)
    assert table.unique().height == len(WITHIN_ARM)


def test_a_study_without_pairs_has_no_effects() -> None:
    table = effect(EXERCISE.clear(), EXERCISE_AGAINST_EDUCATION)
    assert table.is_empty()
    assert table.schema == pl.Schema(EFFECT)
