"""The estimated marts: a risk table in, one frame per mart out, columns named and ordered as the mart's.

Belongs here: splitting a risk table into groups, calling an estimator on each, saying in `reason` why an
estimate is missing. Does not belong here: formulas.

Every function takes the rows of `survival.risk_table`, of any number of studies, endpoints and policies in
any order, pools the strata, and returns rows ordered by key. Times are days, intervals are 95 %.
"""

from typing import Any

import numpy as np
import polars as pl

from transforms.estimators import competing_risks
from transforms.estimators.cox import CoxFit, cox_two_arms
from transforms.estimators.elementary import NORMAL_975, exp, two_sided_p
from transforms.estimators.kaplan_meier import (
    SurvivalCurve,
    first_day_at_half,
    kaplan_meier,
    step_at,
)
from transforms.estimators.logrank import logrank
from transforms.estimators.mart_columns import (
    CUMULATIVE_INCIDENCE,
    CURVE,
    LANDMARK,
    SUMMARY,
    TREATMENT_EFFECT,
    stacked,
)
from transforms.estimators.restricted_mean import restricted_mean
from transforms.estimators.risk_set import ARM_KEY, RiskSet, event_days, no_participants, risk_sets

DAYS_PER_YEAR = 365.25


def curve(risk_table: pl.DataFrame) -> pl.DataFrame:
    """Kaplan-Meier and Nelson-Aalen curve of each arm: rows of `survival.curve`.

    One row for day 0 and each day with an exit. n_censored counts every exit that is not an event. Once
    survival is 0, std_error, conf_low and conf_high are null: they are not defined there (R gives NaN).
    """
    keys, blocks = [], []
    for key, group in risk_sets(risk_table, ARM_KEY):
        km = kaplan_meier(group)
        keys.append(key)
        blocks.append(
            (
                km.time_days,
                km.n_at_risk,
                km.n_event,
                km.n_other_exit,
                km.survival,
                km.std_error,
                km.conf_low,
                km.conf_high,
                km.cumulative_hazard,
            )
        )
    return stacked(keys, blocks, CURVE)


def landmark(risk_table: pl.DataFrame, landmarks: pl.DataFrame) -> pl.DataFrame:
    """Survival of each arm at each landmark of its study: rows of `survival.landmark`.

    Args:
        risk_table: rows of `survival.risk_table`.
        landmarks: study_id, landmark_years; a year has 365.25 days.
    """
    years: dict[str, list[float]] = {}
    for study_id, year in landmarks.select("study_id", "landmark_years").unique().iter_rows():
        years.setdefault(study_id, []).append(float(year))
    rows = []
    for key, group in risk_sets(risk_table, ARM_KEY):
        km = kaplan_meier(group)
        rows += [(*key, year, *_landmark(group, km, year)) for year in sorted(years.get(key[0], []))]
    return pl.DataFrame(rows, schema=LANDMARK, orient="row")


def _landmark(group: RiskSet, km: SurvivalCurve, years: float) -> tuple[Any, ...]:
    day = years * DAYS_PER_YEAR
    n_at_risk = int(group.at_risk_on(np.array([day]))[0])
    first_day = int(group.time_days[np.argmax(group.n_entered > 0)])
    if first_day > 0 and first_day >= day:
        return n_at_risk, None, None, None, None, f"nobody is at risk before day {first_day}"
    if day > group.last_exit_day:
        return n_at_risk, None, None, None, None, f"follow-up ends at day {group.last_exit_day}"
    at = step_at(km, day)
    survival = float(km.survival[at])
    if survival == 0.0:
        return n_at_risk, survival, None, None, None, "no standard error: survival has reached 0"
    if n_at_risk == 0:
        return n_at_risk, None, None, None, None, f"nobody is at risk at day {day:g}"
    interval = (float(values[at]) for values in (km.std_error, km.conf_low, km.conf_high))
    return n_at_risk, survival, *interval, ""


def summary(risk_table: pl.DataFrame, rmst: pl.DataFrame) -> pl.DataFrame:
    """Counts, medians and restricted mean of each arm: rows of `survival.summary`.

    Args:
        risk_table: rows of `survival.risk_table`.
        rmst: study_id, rmst_years, the horizon of the restricted mean; null where a study names none.
    """
    years = pl.col("rmst_years").cast(pl.Float64)
    horizons: dict[str, float | None] = dict(rmst.select("study_id", years).iter_rows())
    rows = [(*key, *_summary(group, horizons.get(key[0]))) for key, group in risk_sets(risk_table, ARM_KEY)]
    return pl.DataFrame(rows, schema=SUMMARY, orient="row")


def _summary(group: RiskSet, rmst_years: float | None) -> tuple[Any, ...]:
    km = kaplan_meier(group)
    reverse = kaplan_meier(group.reversed())
    median, low, high = (
        first_day_at_half(km.time_days, values) for values in (km.survival, km.conf_low, km.conf_high)
    )
    reverse_median = first_day_at_half(reverse.time_days, reverse.survival)
    mean, mean_error, why_no_mean = _restricted_mean(group, km, rmst_years)
    reason = _sentences(
        (median is None, "survival does not fall to 50 %"),
        (low is None, "the lower limit of survival does not fall to 50 %"),
        (high is None, "the upper limit of survival does not fall to 50 %"),
        (reverse_median is None, "the reverse Kaplan-Meier curve does not fall to 50 %"),
        (mean is None, why_no_mean),
    )
    counts = group.participants, group.events, group.person_days
    return *counts, median, low, high, reverse_median, rmst_years, mean, mean_error, reason


def _restricted_mean(
    group: RiskSet, km: SurvivalCurve, years: float | None
) -> tuple[float | None, float | None, str]:
    if years is None:
        return None, None, "the study names no horizon for the restricted mean"
    horizon = years * DAYS_PER_YEAR
    if group.last_exit_day < horizon and km.survival[-1] > 0:
        why = f"follow-up ends at day {group.last_exit_day}, before the horizon of the restricted mean"
        return None, None, why
    return *restricted_mean(km, horizon), ""


def cumulative_incidence(risk_table: pl.DataFrame) -> pl.DataFrame:
    """Aalen-Johansen incidence of event and competing event: rows of `recurrence.cumulative_incidence`.

    One row per arm, outcome (event, competing) and day, the days being those of `survival.curve`.
    """
    keys, blocks = [], []
    for key, group in risk_sets(risk_table, ARM_KEY):
        estimates = competing_risks.cumulative_incidence(group)
        for outcome, estimate in zip(("competing", "event"), reversed(estimates), strict=True):
            keys.append((*key, outcome))
            blocks.append(
                (
                    estimate.time_days,
                    estimate.n_at_risk,
                    estimate.cumulative_incidence,
                    estimate.std_error,
                    estimate.conf_low,
                    estimate.conf_high,
                )
            )
    return stacked(keys, blocks, CUMULATIVE_INCIDENCE)


def treatment_effect(risk_table: pl.DataFrame, comparisons: pl.DataFrame) -> pl.DataFrame:
    """Hazard ratio and log-rank test of each comparison: rows of `survival.treatment_effect`.

    Unadjusted Cox model, Efron's ties, Wald interval and p-value; only the two arms' participants count.
    Rows are ordered by study, endpoint, policy and comparison.

    Args:
        risk_table: rows of `survival.risk_table`.
        comparisons: study_id, experimental, control, comparison_order.
    """
    order = comparisons.sort("study_id", "comparison_order", "experimental", "control")
    pairs: dict[str, list[tuple[str, str]]] = {}
    for study_id, experimental, control in order.select("study_id", "experimental", "control").iter_rows():
        pairs.setdefault(study_id, []).append((experimental, control))
    analyses: dict[tuple[str, ...], dict[str, RiskSet]] = {}
    for key, group in risk_sets(risk_table, ARM_KEY):
        analyses.setdefault(key[:-1], {})[key[-1]] = group
    rows = [
        (*key, experimental, control, *_treatment_effect(arms, experimental, control))
        for key, arms in analyses.items()
        for experimental, control in pairs.get(key[0], [])
    ]
    return pl.DataFrame(rows, schema=TREATMENT_EFFECT, orient="row")


def _treatment_effect(arms: dict[str, RiskSet], experimental: str, control: str) -> tuple[Any, ...]:
    groups = arms.get(control, no_participants()), arms.get(experimental, no_participants())
    days = event_days([groups])
    cox, test = cox_two_arms(days), logrank(days)
    ratio, low, high, p_value, why_no_interval = _wald(cox)
    empty = [arm for arm in (experimental, control) if arm not in arms]
    reason = _sentences(
        *((True, f"no participants in arm {arm}") for arm in empty),
        (not empty, cox.reason),
        (not empty, test.reason),
        (True, why_no_interval),
    )
    return (
        *("unadjusted", "efron", "all", "all"),
        *(ratio, low, high, cox.log_hazard_ratio, cox.std_error, p_value),
        *(test.chisq, test.p_value, ""),
        *(sum(group.participants for group in groups), sum(group.events for group in groups)),
        *(None, None, None, reason),
    )


def _wald(fit: CoxFit) -> tuple[float | None, float | None, float | None, float | None, str]:
    """Return hazard ratio, its limits and p-value; a limit that no double can hold is missing."""
    if fit.log_hazard_ratio is None or fit.std_error is None:
        return None, None, None, None, ""
    margin = NORMAL_975 * fit.std_error
    ratio, low, high = exp(fit.log_hazard_ratio + np.array([0.0, -margin, margin])).tolist()
    p_value = two_sided_p(fit.log_hazard_ratio / fit.std_error)
    if not np.isfinite(high):
        return ratio, low, None, p_value, "the upper limit of the hazard ratio is beyond 1e308"
    return ratio, low, high, p_value, ""


def _sentences(*reasons: tuple[bool, str]) -> str:
    """Join the reasons that apply, each once, in the order given."""
    return "; ".join(dict.fromkeys(text for applies, text in reasons if applies and text))
