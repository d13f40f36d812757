"""The Moertel trial's estimates are R's, to eight digits or better."""

from collections.abc import Callable
from itertools import product
from typing import Any

import numpy as np
import polars as pl
import pytest

from transforms.estimators import competing_tables, effect_tables, survival_tables

ENDPOINTS = ("OS", "DFS_CHALLENGE", "TIME_TO_RECURRENCE")
ARMS = ("OBS", "LEV", "LEV5FU")
EXPERIMENTAL = ("LEV5FU", "LEV")
YEARS = (1, 3, 5)
ARM_RESULTS = list(product(ENDPOINTS, ARMS))
LANDMARKS = list(product(ENDPOINTS, ARMS, YEARS))
COMPARISONS = list(product(ENDPOINTS, EXPERIMENTAL))
SAME = {"rel": 1e-10, "abs": 1e-12}

RFigure = Callable[..., float | None]
Rows = dict[tuple[Any, ...], dict[str, Any]]


def by(frame: pl.DataFrame, *keys: str) -> Rows:
    return {tuple(row[k] for k in keys): row for row in frame.iter_rows(named=True)}


@pytest.fixture(scope="module")
def landmarks(moertel_risk_table: pl.DataFrame) -> Rows:
    years = pl.DataFrame({"study_id": "trial", "landmark_years": [1.0, 3.0, 5.0]})
    return by(survival_tables.landmark(moertel_risk_table, years), "endpoint_id", "arm_id", "landmark_years")


@pytest.fixture(scope="module")
def summaries(moertel_risk_table: pl.DataFrame) -> Rows:
    horizon = pl.DataFrame({"study_id": ["trial"], "rmst_years": [5.0]})
    return by(survival_tables.summary(moertel_risk_table, horizon), "endpoint_id", "arm_id")


@pytest.fixture(scope="module")
def effects(
    moertel: pl.DataFrame,
    moertel_risk_table: pl.DataFrame,
    model_frames_of: Callable[..., dict[str, pl.DataFrame]],
) -> Rows:
    comparisons = pl.DataFrame(
        {
            "study_id": "trial",
            "experimental": EXPERIMENTAL,
            "control": "OBS",
            "comparison_order": [1, 2],
        }
    )
    frames = model_frames_of(moertel, strata=["extent", "node4"])
    made = effect_tables.treatment_effect(moertel_risk_table, comparisons, **frames)
    return by(made, "endpoint_id", "experimental", "model", "ties")


@pytest.mark.parametrize(("endpoint", "arm", "years"), LANDMARKS)
def test_landmark_survival_with_error_and_interval(
    landmarks: Rows, r_figure: RFigure, endpoint: str, arm: str, years: int
) -> None:
    own = landmarks[endpoint, arm, years]
    for column, quantity in {
        "n_at_risk": "n_at_risk",
        "survival": "survival",
        "std_error": "survival_se",
        "conf_low": "survival_low_log",
        "conf_high": "survival_high_log",
        "conf_low_log_log": "survival_low_log-log",
        "conf_high_log_log": "survival_high_log-log",
        "conf_low_plain": "survival_low_plain",
        "conf_high_plain": "survival_high_plain",
    }.items():
        assert own[column] == pytest.approx(r_figure(quantity, endpoint, arm, years), **SAME)
    assert own["reason"] == ""


@pytest.mark.parametrize(("endpoint", "arm", "years"), LANDMARKS)
def test_the_curve_holds_the_landmark_survival_on_its_last_step_before(
    moertel_risk_table: pl.DataFrame, r_figure: RFigure, endpoint: str, arm: str, years: int
) -> None:
    curve = survival_tables.curve(moertel_risk_table).filter(endpoint_id=endpoint, arm_id=arm)
    at = curve.filter(pl.col("time_days") <= years * 365.25).row(-1, named=True)
    assert at["survival"] == pytest.approx(r_figure("survival", endpoint, arm, years), **SAME)
    assert at["std_error"] == pytest.approx(r_figure("survival_se", endpoint, arm, years), **SAME)


@pytest.mark.parametrize(("endpoint", "arm"), ARM_RESULTS)
def test_counts_medians_follow_up_and_restricted_mean(
    summaries: Rows, r_figure: RFigure, endpoint: str, arm: str
) -> None:
    own = summaries[endpoint, arm]
    for column in (
        "n",
        "events",
        "person_days",
        "median_days",
        "median_days_low",
        "median_days_high",
        "reverse_km_median_days",
    ):
        assert own[column] == r_figure(column, endpoint, arm), column
    assert own["rmst_days"] == pytest.approx(r_figure("rmst_days", endpoint, arm, 5), **SAME)
    assert own["rmst_std_error"] == pytest.approx(r_figure("rmst_days_se", endpoint, arm, 5), **SAME)


@pytest.mark.parametrize(("endpoint", "experimental"), COMPARISONS)
def test_hazard_ratio_and_logrank_test(
    effects: Rows, r_figure: RFigure, endpoint: str, experimental: str
) -> None:
    own, scope = effects[endpoint, experimental, "unadjusted", "efron"], (endpoint, f"{experimental} vs OBS")
    beta, error = r_figure("cox_beta_efron", *scope), r_figure("cox_se_efron", *scope)
    assert beta is not None
    assert error is not None
    assert own["log_hazard_ratio"] == pytest.approx(beta, rel=1e-9)
    assert own["std_error"] == pytest.approx(error, **SAME)
    assert own["hazard_ratio"] == pytest.approx(np.exp(beta), **SAME)
    assert own["conf_low"] == pytest.approx(np.exp(beta - 1.959963984540054 * error), **SAME)
    assert own["conf_high"] == pytest.approx(np.exp(beta + 1.959963984540054 * error), **SAME)
    assert own["logrank_chisq"] == pytest.approx(r_figure("logrank_chisq", *scope), **SAME)
    assert own["logrank_p"] == pytest.approx(r_figure("logrank_p", *scope), rel=1e-10)
    assert own["ph_chisq"] == pytest.approx(r_figure("zph_chisq_km", *scope), rel=1e-8)
    assert own["ph_p"] == pytest.approx(r_figure("zph_p_km", *scope), rel=1e-8)


@pytest.mark.parametrize(("arm", "years"), list(product(ARMS, YEARS)))
def test_cumulative_incidence_of_recurrence_and_of_death_without_it(
    moertel_risk_table: pl.DataFrame, r_figure: RFigure, arm: str, years: int
) -> None:
    endpoint = "TIME_TO_RECURRENCE"
    incidence = competing_tables.cumulative_incidence(moertel_risk_table).filter(
        pl.col("time_days") <= years * 365.25, endpoint_id=endpoint, arm_id=arm
    )
    for outcome in ("event", "competing"):
        own = incidence.filter(outcome=outcome).row(-1, named=True)
        value = r_figure(f"cif_{outcome}", endpoint, arm, years)
        assert own["cumulative_incidence"] == pytest.approx(value, **SAME)
        assert own["std_error"] == pytest.approx(r_figure(f"cif_{outcome}_se", endpoint, arm, years), **SAME)


@pytest.mark.parametrize(("endpoint", "experimental"), COMPARISONS)
def test_breslow_ties_and_stratification(
    effects: Rows, r_figure: RFigure, endpoint: str, experimental: str
) -> None:
    scope = (endpoint, f"{experimental} vs OBS")
    breslow = effects[endpoint, experimental, "unadjusted", "breslow"]
    assert breslow["log_hazard_ratio"] == pytest.approx(r_figure("cox_beta_breslow", *scope), rel=1e-9)
    assert breslow["std_error"] == pytest.approx(r_figure("cox_se_breslow", *scope), **SAME)
    efron = effects[endpoint, experimental, "stratified", "efron"]
    assert efron["log_hazard_ratio"] == pytest.approx(r_figure("cox_beta_efron_stratified", *scope), rel=1e-9)
    assert efron["std_error"] == pytest.approx(r_figure("cox_se_efron_stratified", *scope), **SAME)
    assert efron["logrank_chisq"] == pytest.approx(r_figure("logrank_chisq_stratified", *scope), **SAME)
