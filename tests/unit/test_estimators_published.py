"""Published figures are answered by the right estimate, and the verdict follows one rule."""

import math
from typing import Any

import polars as pl
import pytest

from transforms.estimators.biomarker_estimators import BIOMARKER_ESTIMATORS
from transforms.estimators.mart_columns import (
    LANDMARK,
    LANDMARK_DIFFERENCE,
    PUBLISHED_RESULT,
    SUMMARY,
    TREATMENT_EFFECT,
)
from transforms.estimators.myokine_columns import EFFECT
from transforms.estimators.published import published_result

KEY = {"study_id": "challenge", "endpoint_id": "DFS_CHALLENGE", "policy_id": "primary"}
NO_FIGURE = {
    "figure_id": "figure",
    "study_id": "challenge",
    "endpoint_id": "DFS_CHALLENGE",
    "arm_id": "",
    "experimental": "",
    "control": "",
    "kind": "",
    "analyte_id": "",
    "visit": "",
    "timepoint": "",
    "at_years": None,
    "published_value": None,
    "published_low": None,
    "published_high": None,
    "source": "Courneya 2025",
}
PAIR = {"experimental": "EXERCISE", "control": "EDUCATION"}


# Figures of interleukin 6 after a bout belong to no endpoint.
AFTER_BOUT = {"kind": "acute", "analyte_id": "IL6", "visit": "baseline", "timepoint": "post_0min"}
IL6 = {"endpoint_id": "", **AFTER_BOUT}


def frame(columns: Any, *rows: dict[str, Any]) -> pl.DataFrame:
    key = {name: value for name, value in KEY.items() if name in columns}
    return pl.DataFrame([{**dict.fromkeys(columns), **key, **row} for row in rows], schema=dict(columns))


LANDMARKS = frame(
    LANDMARK,
    {"arm_id": "EXERCISE", "landmark_years": 5.0, "survival": 0.80, "std_error": 0.03},
    {"arm_id": "EDUCATION", "landmark_years": 5.0, "survival": 0.75, "std_error": 0.04},
    {"arm_id": "EDUCATION", "landmark_years": 8.0, "reason": "follow-up ends at day 2000"},
    {"arm_id": "EXERCISE", "landmark_years": 5.0, "survival": 0.1, "policy_id": "last_contact"},
)
DIFFERENCES = frame(
    LANDMARK_DIFFERENCE,
    {**PAIR, "landmark_years": 5.0, "difference": 0.05, "std_error": 0.05},
    {**PAIR, "landmark_years": 8.0, "reason": "EDUCATION: follow-up ends at day 2000"},
    {**PAIR, "landmark_years": 5.0, "difference": 0.4, "policy_id": "last_contact"},
)
UNADJUSTED = {"model": "unadjusted", "ties": "efron", "subgroup": "all", "level": "all"}
EFFECTS = frame(
    TREATMENT_EFFECT,
    {**PAIR, **UNADJUSTED, "hazard_ratio": 0.8, "log_hazard_ratio": math.log(0.8), "std_error": 0.1},
    {**PAIR, **UNADJUSTED, "ties": "breslow", "hazard_ratio": 0.9, "std_error": 0.1},
    {**PAIR, **UNADJUSTED, "endpoint_id": "OS", "reason": "no events in either arm"},
)
SUMMARIES = frame(
    SUMMARY, {"arm_id": "EXERCISE", "n": 400, "events": 100}, {"arm_id": "EDUCATION", "n": 400, "events": 0}
)
AS_REPORTED = {
    **AFTER_BOUT,
    "arm_id": "EXERCISE",
    "comparator_arm_id": "",
    "imputation": "as_reported",
    "is_plasma_volume_corrected": False,
}
RATIO = {**AS_REPORTED, "estimator": "paired_geometric_mean_ratio", "std_error": 0.1}
BETWEEN = {
    **AS_REPORTED,
    "comparator_arm_id": "EDUCATION",
    "estimator": "ratio_of_geometric_mean_ratios",
    "std_error": 0.2,
}
BIOMARKERS = frame(
    EFFECT,
    {**RATIO, "estimate": 1.5},
    {**RATIO, "estimate": 9.0, "imputation": "half_limit"},
    {**RATIO, "estimate": 9.0, "is_plasma_volume_corrected": True},
    {**RATIO, "estimate": 9.0, "kind": "resting"},
    {**RATIO, "estimate": 9.0, "visit": "month_6"},
    {**RATIO, "arm_id": "EDUCATION", "std_error": None, "reason": "5 of 6 baselines are below the limit"},
    {**RATIO, "estimator": "paired_change_of_means", "estimate": 80.0, "std_error": 20.0},
    {**RATIO, "estimator": "paired_median_ratio", "estimate": 1.5, "std_error": None},
    {**RATIO, "estimator": "censored_geometric_mean_ratio", "imputation": "none", "estimate": 1.6},
    {**BETWEEN, "estimate": 1.2},
)


def publish(published: pl.DataFrame) -> pl.DataFrame:
    return published_result(
        published, LANDMARKS, DIFFERENCES, EFFECTS, SUMMARIES, biomarker_effect=BIOMARKERS
    )


def judge(**figure: Any) -> dict[str, Any]:
    made = publish(pl.DataFrame([{**NO_FIGURE, **figure}]))
    assert made.schema == pl.Schema(PUBLISHED_RESULT)
    assert made.height == 1
    return made.row(0, named=True)


def test_a_hazard_ratio_is_compared_on_the_log_scale() -> None:
    made = judge(quantity="hazard_ratio", **PAIR, published_value=0.72)
    assert (made["own_value"], made["own_std_error"]) == (0.8, 0.1)
    assert made["distance_se"] == pytest.approx(math.log(0.8 / 0.72) / 0.1)
    assert made["verdict"] == "within 3 standard errors"


def test_a_published_interval_decides_before_the_distance() -> None:
    inside = judge(
        quantity="hazard_ratio", **PAIR, published_value=0.4, published_low=0.2, published_high=0.8
    )
    assert abs(inside["distance_se"]) > 3
    assert inside["verdict"] == "within published interval"
    outside = judge(
        quantity="hazard_ratio", **PAIR, published_value=0.7, published_low=0.6, published_high=0.79
    )
    assert outside["verdict"] == "within 3 standard errors"


def test_survival_at_a_landmark_is_a_share_of_the_named_arm() -> None:
    made = judge(quantity="landmark_survival", arm_id="EXERCISE", at_years=5, published_value=0.89)
    assert (made["own_value"], made["own_std_error"]) == (0.80, 0.03)
    assert made["distance_se"] == pytest.approx(-3)
    far = judge(quantity="landmark_survival", arm_id="EXERCISE", at_years=5, published_value=0.9)
    assert far["verdict"] == "differs"


def test_a_difference_at_a_landmark_is_compared_in_its_own_standard_errors() -> None:
    made = judge(quantity="landmark_difference", **PAIR, at_years=5.0, published_value=0.064)
    assert made["own_value"] == pytest.approx(0.05)
    assert made["own_std_error"] == pytest.approx(0.05)
    assert made["distance_se"] == pytest.approx(-0.28)


def test_a_share_of_participants_with_the_event_has_the_binomial_error() -> None:
    made = judge(quantity="event_share", arm_id="EXERCISE", published_value=0.2)
    assert (made["own_value"], made["own_std_error"]) == (0.25, pytest.approx(math.sqrt(0.25 * 0.75 / 400)))
    assert made["distance_se"] == pytest.approx(0.05 / math.sqrt(0.25 * 0.75 / 400))
    none = judge(quantity="event_share", arm_id="EDUCATION", published_value=0)
    assert (none["own_value"], none["distance_se"], none["verdict"]) == (0, None, "within 3 standard errors")
    assert judge(quantity="event_share", arm_id="EDUCATION", published_value=1)["verdict"] == "differs"


def test_a_ratio_of_a_biomarker_is_that_of_results_as_reported_and_compared_on_the_log_scale() -> None:
    made = judge(quantity="paired_geometric_mean_ratio", **IL6, arm_id="EXERCISE", published_value=1.2)
    assert (made["own_value"], made["own_std_error"]) == (1.5, 0.1)
    assert made["distance_se"] == pytest.approx((math.log(1.5) - math.log(1.2)) / 0.1)
    assert made["verdict"] == "within 3 standard errors"
    between = judge(
        quantity="ratio_of_geometric_mean_ratios",
        **IL6,
        **PAIR | {"control": "EDUCATION"},
        published_value=2.4,
    )
    assert between["own_value"] == 1.2
    assert between["distance_se"] == pytest.approx(math.log(0.5) / 0.2)
    assert between["verdict"] == "differs"


def test_a_ratio_of_results_known_only_as_bounds_is_answered_without_imputation() -> None:
    made = judge(quantity="censored_geometric_mean_ratio", **IL6, arm_id="EXERCISE", published_value=1.6)
    assert (made["own_value"], made["distance_se"]) == (1.6, 0)


def test_a_change_in_percent_is_compared_in_percent() -> None:
    made = judge(quantity="paired_change_of_means", **IL6, arm_id="EXERCISE", published_value=30)
    assert (made["own_value"], made["distance_se"]) == (80.0, 2.5)
    # A change may be a fall.
    assert (
        judge(quantity="paired_change_of_means", **IL6, arm_id="EXERCISE", published_value=-5)["verdict"]
        == "differs"
    )


def test_an_estimate_with_an_exact_interval_has_no_distance() -> None:
    median = {"quantity": "paired_median_ratio", **IL6, "arm_id": "EXERCISE"}
    equal, apart = judge(**median, published_value=1.5), judge(**median, published_value=1.4)
    assert (equal["distance_se"], equal["verdict"]) == (None, "within 3 standard errors")
    assert (apart["distance_se"], apart["verdict"]) == (None, "differs")


@pytest.mark.parametrize(
    ("low", "high", "distance", "verdict"),
    [
        (1.09, 1.47, math.log(1.5 / 1.47) / 0.1, "within 3 standard errors"),
        (1.6, 1.9, math.log(1.5 / 1.6) / 0.1, "within 3 standard errors"),
        (1.4, 1.7, 0.0, "within published interval"),
        (1.01, 1.1, math.log(1.5 / 1.1) / 0.1, "differs"),
    ],
)
def test_a_range_that_was_published_without_a_value_is_measured_from_its_nearer_end(
    low: float, high: float, distance: float, verdict: str
) -> None:
    made = judge(
        quantity="paired_geometric_mean_ratio",
        **IL6,
        arm_id="EXERCISE",
        published_low=low,
        published_high=high,
    )
    assert (made["published_value"], made["published_low"], made["published_high"]) == (None, low, high)
    assert made["distance_se"] == pytest.approx(distance)
    assert made["verdict"] == verdict


def test_every_estimator_of_a_biomarker_may_be_published() -> None:
    for estimator in BIOMARKER_ESTIMATORS:
        assert judge(quantity=estimator.name, **IL6, published_value=1.0)["verdict"] == "not estimable"


@pytest.mark.parametrize(
    "figure",
    [
        {"quantity": "hazard_ratio", **PAIR, "endpoint_id": "OS", "published_value": 0.63},
        {"quantity": "landmark_survival", "arm_id": "EDUCATION", "at_years": 8.0, "published_value": 0.832},
        {"quantity": "landmark_survival", "arm_id": "EXERCISE", "at_years": 7.0, "published_value": 0.9},
        {"quantity": "landmark_difference", **PAIR, "at_years": 8.0, "published_value": 0.071},
        {"quantity": "event_share", "arm_id": "DIET", "published_value": 41},
        {
            "quantity": "paired_geometric_mean_ratio",
            **IL6,
            "arm_id": "EDUCATION",
            "published_low": 1.1,
            "published_high": 1.2,
        },
        {
            "quantity": "paired_geometric_mean_ratio",
            **IL6,
            "timepoint": "post_30min",
            "arm_id": "EXERCISE",
            "published_value": 1.1,
        },
    ],
)
def test_a_figure_without_an_estimate_of_ours_is_not_estimable(figure: dict[str, Any]) -> None:
    made = judge(**figure)
    assert (made["own_value"], made["distance_se"]) == (None, None)
    assert made["verdict"] == "not estimable"


def test_a_seed_read_as_text_is_understood() -> None:
    text = dict.fromkeys(NO_FIGURE, "") | {
        "figure_id": "share",
        "study_id": "challenge",
        "endpoint_id": "DFS_CHALLENGE",
        "quantity": "event_share",
        "arm_id": "EXERCISE",
        "published_value": "0.25",
    }
    made = publish(pl.DataFrame([text]))
    assert made.row(0, named=True)["distance_se"] == 0
    assert publish(pl.DataFrame([text]).clear()).schema == pl.Schema(PUBLISHED_RESULT)


@pytest.mark.parametrize(
    ("figure", "message"),
    [
        ({"quantity": "median", "published_value": 3.0}, "figure 'figure': quantity 'median' is not one of"),
        ({"quantity": "event_share", "published_value": None}, "figure 'figure': published_value is None"),
        ({"quantity": "event_share", "published_low": 0.1}, "figure 'figure': published_value is None"),
        ({"quantity": "hazard_ratio", "published_value": -0.3}, "published_value is -0.3"),
        (
            {"quantity": "paired_geometric_mean_ratio", "published_low": 0.0, "published_high": 1.2},
            "published_low is 0.0; a ratio above 0 is needed",
        ),
    ],
)
def test_a_figure_that_cannot_be_compared_is_refused_by_name(figure: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        judge(**figure)
