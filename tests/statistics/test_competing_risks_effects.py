"""Effects under competing risks are those of R (crr, cuminc, coxph), in the Moertel trial and at random."""

import csv
from collections.abc import Callable
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from transforms.estimators import competing_tables

DATA = Path(__file__).parent / "data"
EXPERIMENTAL = ("LEV5FU", "LEV")
MODELS = ("cause_specific", "fine_gray")
WITHOUT_CENSORING = ("c23", "c24")
WITHOUT_COMPETING_EVENTS = ("c25", "c26")
WITH_EXITS_ON_DAY_0 = ("c33", "c34", "c35", "c36")
COHORTS = [f"c{number:02d}" for number in range(1, 41)]
AS_NEAR_THE_MAXIMUM_AS_CRR = 1e-3  # standard errors, at most: crr stops on the way to the maximum
NORMAL_975 = 1.959963984540054

RFigure = Callable[..., float | None]
CountRiskTable = Callable[[pl.DataFrame], pl.DataFrame]
Rows = dict[tuple[str, ...], dict[str, Any]]


def by(frame: pl.DataFrame, *keys: str) -> Rows:
    return {tuple(row[k] for k in keys): row for row in frame.iter_rows(named=True)}


def comparisons(*experimental: str, control: str) -> pl.DataFrame:
    order = range(1, len(experimental) + 1)
    return pl.DataFrame(
        {"study_id": "trial", "experimental": experimental, "control": control, "comparison_order": order}
    )


@pytest.fixture(scope="module")
def trial(moertel_risk_table: pl.DataFrame) -> Rows:
    effects = competing_tables.effect(moertel_risk_table, comparisons(*EXPERIMENTAL, control="OBS"))
    return by(effects, "endpoint_id", "experimental", "model")


@pytest.fixture(scope="module")
def people() -> pl.DataFrame:
    """Participants of the random cohorts; the cohort is the endpoint."""
    rows = pl.read_csv(DATA / "competing_risks_cohorts.csv").filter(pl.col("cohort").is_in(COHORTS))
    one_each = rows.select(pl.all().repeat_by("n").explode())
    return (
        one_each.drop("n").rename({"cohort": "endpoint_id", "arm": "arm_id"}).with_columns(stratum=pl.lit(""))
    )


@pytest.fixture(scope="module")
def cohorts(people: pl.DataFrame, risk_table_of: CountRiskTable) -> Rows:
    return by(
        competing_tables.effect(risk_table_of(people), comparisons("B", control="A")), "endpoint_id", "model"
    )


@pytest.fixture(scope="module")
def r_effect() -> dict[tuple[str, str], float]:
    with (DATA / "competing_risks_effects_r.csv").open(newline="", encoding="utf-8") as file:
        return {(row["cohort"], row["quantity"]): float(row["value"]) for row in csv.DictReader(file)}


@pytest.mark.parametrize("experimental", EXPERIMENTAL)
def test_subdistribution_hazard_of_recurrence_in_the_moertel_trial(
    trial: Rows, r_figure: RFigure, experimental: str
) -> None:
    own = trial["TIME_TO_RECURRENCE", experimental, "fine_gray"]
    scope = ("TIME_TO_RECURRENCE", f"{experimental} vs OBS")
    beta, error = r_figure("finegray_beta", *scope), r_figure("finegray_se", *scope)
    assert beta is not None
    assert error is not None
    assert own["log_hazard_ratio"] == pytest.approx(beta, rel=1e-8)
    assert own["std_error"] == pytest.approx(error, rel=1e-9)
    assert own["hazard_ratio"] == pytest.approx(np.exp(beta), rel=1e-8)
    assert own["conf_low"] == pytest.approx(np.exp(beta - NORMAL_975 * error), rel=1e-8)
    assert own["conf_high"] == pytest.approx(np.exp(beta + NORMAL_975 * error), rel=1e-8)
    assert own["gray_chisq"] == pytest.approx(r_figure("gray_chisq", *scope), rel=1e-10)
    assert own["gray_p"] == pytest.approx(r_figure("gray_p", *scope), rel=1e-9)
    assert own["reason"] == ""


@pytest.mark.parametrize(
    ("endpoint", "experimental"), list(product(("OS", "DFS_CHALLENGE", "TIME_TO_RECURRENCE"), EXPERIMENTAL))
)
def test_cause_specific_hazard_in_the_moertel_trial_censors_competing_deaths(
    trial: Rows, r_figure: RFigure, endpoint: str, experimental: str
) -> None:
    own, scope = trial[endpoint, experimental, "cause_specific"], (endpoint, f"{experimental} vs OBS")
    assert own["log_hazard_ratio"] == pytest.approx(r_figure("cox_beta_efron", *scope), rel=1e-9)
    assert own["std_error"] == pytest.approx(r_figure("cox_se_efron", *scope), rel=1e-10)
    assert own["gray_chisq"] is None
    assert own["gray_p"] is None


@pytest.mark.parametrize("experimental", EXPERIMENTAL)
def test_in_overall_survival_nothing_competes_and_the_subdistribution_hazard_is_the_hazard(
    trial: Rows, r_figure: RFigure, experimental: str
) -> None:
    own, scope = trial["OS", experimental, "fine_gray"], ("OS", f"{experimental} vs OBS")
    beta, error = r_figure("cox_beta_breslow", *scope), r_figure("cox_se_breslow", *scope)
    assert error is not None
    assert own["log_hazard_ratio"] == pytest.approx(beta, abs=AS_NEAR_THE_MAXIMUM_AS_CRR * error)
    assert own["competing_events"] == 0


@pytest.mark.parametrize("cohort", COHORTS)
def test_subdistribution_hazard_ratio_and_its_robust_error(
    cohorts: Rows, r_effect: dict[tuple[str, str], float], cohort: str
) -> None:
    own = cohorts[cohort, "fine_gray"]
    assert own["log_hazard_ratio"] == pytest.approx(r_effect[cohort, "fine_gray_beta"], rel=1e-10, abs=1e-12)
    assert own["std_error"] == pytest.approx(r_effect[cohort, "fine_gray_se"], rel=1e-10)


@pytest.mark.parametrize("cohort", COHORTS)
def test_grays_test(cohorts: Rows, r_effect: dict[tuple[str, str], float], cohort: str) -> None:
    own = cohorts[cohort, "fine_gray"]
    assert own["gray_chisq"] == pytest.approx(r_effect[cohort, "gray_chisq"], rel=1e-10)
    assert own["gray_p"] == pytest.approx(r_effect[cohort, "gray_p"], rel=1e-10)


@pytest.mark.parametrize("cohort", COHORTS)
def test_cause_specific_hazard_ratio(
    cohorts: Rows, r_effect: dict[tuple[str, str], float], cohort: str
) -> None:
    own = cohorts[cohort, "cause_specific"]
    beta = r_effect[cohort, "cause_specific_beta"]
    assert own["log_hazard_ratio"] == pytest.approx(beta, rel=1e-8, abs=1e-10)
    assert own["std_error"] == pytest.approx(r_effect[cohort, "cause_specific_se"], rel=1e-9)


def test_the_random_cohorts_hold_what_makes_the_censoring_weights_hard(people: pl.DataFrame) -> None:
    exits = people.group_by("endpoint_id", "time_days").agg(codes=pl.col("code").unique())
    all_tied = exits.filter(pl.col("codes").list.len() == 3).select("endpoint_id").n_unique()
    assert all_tied > 30
    codes = {key[0]: set(group["code"]) for key, group in people.group_by("endpoint_id")}
    assert all(codes[cohort] == {1, 2} for cohort in WITHOUT_CENSORING)
    assert all(codes[cohort] == {0, 1} for cohort in WITHOUT_COMPETING_EVENTS)
    first_day = people.filter(pl.col("endpoint_id").is_in(WITH_EXITS_ON_DAY_0), time_days=0)
    assert {0, 1, 2} == set(first_day["code"])
    last = people.filter(pl.col("time_days") == pl.col("time_days").max().over("endpoint_id"))
    assert {0, 1, 2} == set(last["code"])


@pytest.mark.parametrize("cohort", WITHOUT_COMPETING_EVENTS)
def test_without_competing_events_the_estimate_is_coxs_with_breslows_ties(
    cohorts: Rows, r_effect: dict[tuple[str, str], float], cohort: str
) -> None:
    own = cohorts[cohort, "fine_gray"]
    near = AS_NEAR_THE_MAXIMUM_AS_CRR * own["std_error"]
    assert own["log_hazard_ratio"] == pytest.approx(r_effect[cohort, "cause_specific_beta_breslow"], abs=near)


@pytest.mark.parametrize("model", MODELS)
def test_exchanging_the_arms_inverts_the_hazard_ratio(
    people: pl.DataFrame, risk_table_of: CountRiskTable, cohorts: Rows, model: str
) -> None:
    exchanged = by(
        competing_tables.effect(risk_table_of(people), comparisons("A", control="B")), "endpoint_id", "model"
    )
    for cohort in COHORTS:
        own, other = cohorts[cohort, model], exchanged[cohort, model]
        assert own["log_hazard_ratio"] == pytest.approx(-other["log_hazard_ratio"], rel=1e-9, abs=1e-12)
        for column in ("std_error", "p_value", "n", "events", "competing_events"):
            assert own[column] == pytest.approx(other[column], rel=1e-9)
        if model == "fine_gray":
            assert own["gray_chisq"] == pytest.approx(other["gray_chisq"], rel=1e-9)
