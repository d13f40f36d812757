"""Associations of a biomarker's ratio with outcomes are R's: standard deviation, tertiles and Cox models."""

import csv
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from transforms.estimators.biomarker_outcomes import MODELS, outcome_association, tertiles

DATA = Path(__file__).parent / "data"
SAME = {"rel": 1e-9, "abs": 0.0}
COHORTS = (
    *("two arms", "no effect", "one arm", "three arms", "months", "years", "coarse ratios", "few ratios"),
    *("strong", "rare", "small", "smaller", "half are early"),
)
ESTIMATES = ("log_hazard_ratio", "std_error", "p_value", "hazard_ratio", "conf_low", "conf_high")
OF_COHORT = (
    *("n", "events", "n_before_landmark"),
    *("landmark_days", "first_landmark_days", "last_landmark_days", "sd_log_ratio"),
)

RFigure = Callable[[str, str], float]


@pytest.fixture(scope="module")
def r() -> RFigure:
    """R's number: `r("three arms", "trend_p_value")`."""
    with (DATA / "biomarker_outcomes_r.csv").open(newline="", encoding="utf-8") as file:
        values = {(row["cohort"], row["quantity"]): float(row["value"]) for row in csv.DictReader(file)}
    return lambda cohort, quantity: values[cohort, quantity]


@pytest.fixture(scope="module")
def outcomes() -> pl.DataFrame:
    """Rows of intermediate.int_biomarkers__outcomes of R's cohorts, each an endpoint."""
    people = pl.read_csv(DATA / "biomarker_outcomes_cohorts.csv")
    assert set(people["cohort"]) == set(COHORTS)
    return people.with_row_index("number").select(
        study_id=pl.lit("trial"),
        kind=pl.lit("resting"),
        analyte_id=pl.lit("SPARC"),
        visit=pl.lit("baseline"),
        timepoint=pl.lit("month_6"),
        endpoint_id="cohort",
        participant_id=pl.format("P{}", "number"),
        arm_id="arm",
        ratio="ratio",
        landmark_days="taken_days",
        time_days=pl.col("end_days") - pl.col("taken_days"),
        is_event=pl.col("code") == 1,
        is_at_risk=pl.col("end_days") > pl.col("taken_days"),
        is_reportable=pl.lit(value=True),
        reason=pl.lit(""),
    )


@pytest.fixture(scope="module")
def associations(outcomes: pl.DataFrame) -> dict[tuple[str, str], dict[str, Any]]:
    made = outcome_association(outcomes, "half_limit")
    assert made.height == len(COHORTS) * len(MODELS)
    return {(row["endpoint_id"], row["model"]): row for row in made.iter_rows(named=True)}


@pytest.mark.parametrize("cohort", COHORTS)
def test_cox_models_of_the_scaled_ratio_of_tertiles_and_of_their_trend(
    associations: dict[tuple[str, str], dict[str, Any]], r: RFigure, cohort: str
) -> None:
    for model in MODELS:
        own = associations[cohort, model]
        for column in OF_COHORT:
            assert own[column] == pytest.approx(r(cohort, column), **SAME), (model, column)
        for column in ESTIMATES:
            assert own[column] == pytest.approx(r(cohort, f"{model}_{column}"), **SAME), (model, column)
        assert own["covariates"] == ("" if cohort in {"one arm", "smaller"} else "arm")
        assert own["reason"] == ""


@pytest.mark.parametrize("cohort", COHORTS)
def test_tertiles_hold_as_many_participants_as_between_rs_quantiles(
    outcomes: pl.DataFrame, r: RFigure, cohort: str
) -> None:
    ratio = outcomes.filter(pl.col("is_at_risk"), endpoint_id=cohort)["ratio"].to_numpy()
    own = tertiles(ratio).tolist()
    assert [own.count(number) for number in (1, 2, 3)] == [
        r(cohort, f"n_tertile_{number}") for number in (1, 2, 3)
    ]
