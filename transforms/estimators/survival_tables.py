"""The estimated marts of survival: a risk table in, one frame per mart out, columns as the mart's.

Belongs here: splitting a risk table into groups, calling an estimator on each, saying in `reason` why an
estimate is missing. Does not belong here: formulas of an estimator; hazard ratios (`effect_tables`).

Every function takes the rows of `survival.risk_table`, of any number of studies, endpoints and policies in
any order, pools the strata, and returns rows ordered by study, endpoint and policy, then by arm or by the
study's order of comparisons. Times are days, a year has 365.25 of them, intervals are 95 %.
"""

import math
from dataclasses import dataclass

import numpy as np
import polars as pl

from transforms.estimators.comparisons import arms_by_analysis, pairs_by_study, sentences
from transforms.estimators.elementary import NORMAL_975, two_sided_p
from transforms.estimators.kaplan_meier import SurvivalCurve, first_day_at_half, kaplan_meier, step_at
from transforms.estimators.mart_columns import (
    CURVE,
    LANDMARK,
    LANDMARK_DIFFERENCE,
    RMST_DIFFERENCE,
    SUMMARY,
    stacked,
)
from transforms.estimators.restricted_mean import restricted_mean
from transforms.estimators.risk_set import ARM_KEY, RiskSet, risk_sets

DAYS_PER_YEAR = 365.25

_Number = float | None


@dataclass(frozen=True, slots=True)
class _Estimate:
    """An estimate with its standard error; None with the reason where there is none."""

    value: _Number
    std_error: _Number
    reason: str


def curve(risk_table: pl.DataFrame) -> pl.DataFrame:
    """Kaplan-Meier and Nelson-Aalen curve of each arm: rows of `survival.curve`.

    One row for day 0 and each day with an exit. n_censored counts every exit that is not an event. Once
    survival is 0, std_error and limits are null: they are not defined there (R gives NaN). The log-log
    scale has no limits where survival is 1 either.
    """
    keys, blocks = [], []
    for key, group in risk_sets(risk_table, ARM_KEY):
        km = kaplan_meier(group)
        keys.append(key)
        counts = km.time_days, km.n_at_risk, km.n_event, km.n_other_exit
        blocks.append((*counts, km.survival, km.std_error, *km.limits.in_order, km.cumulative_hazard))
    return stacked(keys, blocks, CURVE)


def landmark(risk_table: pl.DataFrame, landmarks: pl.DataFrame) -> pl.DataFrame:
    """Survival of each arm at each landmark of its study: rows of `survival.landmark`.

    It is not carried beyond the last exit, unless it has reached 0: nobody can be followed after that, and
    survival is 0 at any later landmark, without error and limits and with 0 at risk.

    Args:
        risk_table: rows of `survival.risk_table`.
        landmarks: study_id, landmark_years.
    """
    years = _years_by_study(landmarks)
    rows = []
    for key, group in risk_sets(risk_table, ARM_KEY):
        km = kaplan_meier(group)
        for year in years.get(key[0], []):
            at = _survival_at(group, km, year)
            n_at_risk = int(group.at_risk_on(np.array([year * DAYS_PER_YEAR]))[0])
            limits = _limits_at(km, year) if at.std_error is not None else [None] * 6
            rows.append((*key, year, n_at_risk, at.value, at.std_error, *limits, at.reason))
    return pl.DataFrame(rows, schema=LANDMARK, orient="row")


def _years_by_study(landmarks: pl.DataFrame) -> dict[str, list[float]]:
    years: dict[str, list[float]] = {}
    year = pl.col("landmark_years").cast(pl.Float64)
    for study_id, landmark_years in landmarks.select("study_id", year).unique().sort(pl.all()).iter_rows():
        years.setdefault(study_id, []).append(landmark_years)
    return years


def _survival_at(group: RiskSet, km: SurvivalCurve, years: float) -> _Estimate:
    """Return survival at a landmark, where somebody was under observation to tell.

    Once it has reached 0 it stays 0, also after the last exit (R's `summary` of a curve with `extend`).
    """
    day = years * DAYS_PER_YEAR
    if group.participants == 0:
        return _Estimate(None, None, "nobody was ever at risk")
    late = _why_not_from_the_origin(group)
    if late and day <= group.first_entry_day:
        return _Estimate(None, None, late)
    if day > group.last_exit_day and km.survival[-1] > 0:
        return _Estimate(None, None, f"follow-up ends at day {group.last_exit_day}")
    at = step_at(km, day)
    survival = float(km.survival[at])
    if survival == 0.0:
        return _Estimate(survival, None, "no standard error: survival has reached 0")
    if group.at_risk_on(np.array([day]))[0] == 0:
        return _Estimate(None, None, f"nobody is at risk at day {day:g}")
    return _Estimate(survival, float(km.std_error[at]), "")


def _limits_at(km: SurvivalCurve, years: float) -> list[_Number]:
    at = step_at(km, years * DAYS_PER_YEAR)
    return [_not_nan(values[at]) for values in km.limits.in_order]


def _not_nan(value: float) -> _Number:
    return None if math.isnan(value) else float(value)


def _why_not_from_the_origin(group: RiskSet) -> str:
    first = group.first_entry_day
    return f"nobody is at risk before day {first}" if first > 0 else ""


def landmark_difference(
    risk_table: pl.DataFrame, landmarks: pl.DataFrame, comparisons: pl.DataFrame
) -> pl.DataFrame:
    """Difference in survival of the arms of each comparison: rows of `survival.landmark_difference`.

    The arms are independent, so their variances add; interval and test are normal on the plain scale. A
    difference whose error is 0 has an interval without width and no test; one of an arm whose survival has
    reached 0 has neither.

    Args:
        risk_table: rows of `survival.risk_table`.
        landmarks: study_id, landmark_years.
        comparisons: study_id, experimental, control, comparison_order.
    """
    years, pairs = _years_by_study(landmarks), pairs_by_study(comparisons)
    rows = []
    for key, arms in arms_by_analysis(risk_table).items():
        curves = {arm: kaplan_meier(group) for arm, group in arms.items()}
        for year in years.get(key[0], []):
            at = {arm: _survival_at(group, curves[arm], year) for arm, group in arms.items()}
            rows += [(*key, year, *pair, *_difference(at, pair)) for pair in pairs.get(key[0], [])]
    return pl.DataFrame(rows, schema=LANDMARK_DIFFERENCE, orient="row")


def _difference(
    arms: dict[str, _Estimate], pair: tuple[str, str]
) -> tuple[_Number, _Number, _Number, _Number, _Number, str]:
    """Return difference, standard error, limits, p-value and reason of experimental less control."""
    absent = {arm: f"no participants in arm {arm}" for arm in pair if arm not in arms}
    experimental, control = (arms.get(arm, _Estimate(None, None, "")) for arm in pair)
    reason = sentences(
        *((True, absent.get(arm, "")) for arm in pair),
        *((bool(arms[arm].reason), f"{arm}: {arms[arm].reason}") for arm in pair if arm in arms),
    )
    if experimental.value is None or control.value is None:
        return None, None, None, None, None, reason
    difference = experimental.value - control.value
    if experimental.std_error is None or control.std_error is None:
        return difference, None, None, None, None, reason
    error = math.sqrt(experimental.std_error * experimental.std_error + control.std_error * control.std_error)
    margin = NORMAL_975 * error
    interval = difference - margin, difference + margin
    if error == 0.0:
        return difference, error, *interval, None, "no test: neither arm's estimate has an error"
    return difference, error, *interval, two_sided_p(difference / error), ""


def summary(risk_table: pl.DataFrame, rmst: pl.DataFrame) -> pl.DataFrame:
    """Counts, medians and restricted mean of each arm: rows of `survival.summary`.

    The limits of a median are where the limits of the curve fall to 50 %, on each of their scales.

    Where survival reaches 0 the restricted mean has R's error, to which the last failure adds nothing (it is
    0 when there is no other). Where others enter after that, survival is not known to be 0: there is no mean.

    Args:
        risk_table: rows of `survival.risk_table`.
        rmst: study_id, rmst_years, the horizon of the restricted mean; null where a study names none.
    """
    horizons = _horizon_by_study(rmst)
    rows = []
    for key, group in risk_sets(risk_table, ARM_KEY):
        km = kaplan_meier(group)
        counts = group.participants, group.events, group.person_days
        years = horizons.get(key[0])
        medians, why_no_median = _medians(group, km)
        mean = _restricted_mean(group, km, years)
        interval = _interval(mean)
        reason = sentences((True, why_no_median), (True, mean.reason))
        rows.append((*key, *counts, *medians, years, mean.value, mean.std_error, *interval, reason))
    return pl.DataFrame(rows, schema=SUMMARY, orient="row")


def _horizon_by_study(rmst: pl.DataFrame) -> dict[str, _Number]:
    return dict(rmst.select("study_id", pl.col("rmst_years").cast(pl.Float64)).iter_rows())


def _medians(group: RiskSet, km: SurvivalCurve) -> tuple[list[_Number], str]:
    """Return the median, its limits low and high by scale, and the median follow-up; and why some lack."""
    reverse = kaplan_meier(group.reversed())
    median = first_day_at_half(km.time_days, km.survival)
    limits = [first_day_at_half(km.time_days, values) for values in km.limits.in_order]
    follow_up = first_day_at_half(reverse.time_days, reverse.survival)
    reason = sentences(
        (median is None, "survival does not fall to 50 %"),
        (True, _why_no_limit("lower", limits[::2])),
        (True, _why_no_limit("upper", limits[1::2])),
        (follow_up is None, "the reverse Kaplan-Meier curve does not fall to 50 %"),
    )
    return [median, *limits, follow_up], reason


def _why_no_limit(side: str, limits: list[_Number]) -> str:
    scales = [s for s, limit in zip(("log", "log-log", "plain"), limits, strict=True) if limit is None]
    where = "" if len(scales) == len(limits) else f" on the {' and the '.join(scales)} scale"
    return f"the {side} limit of survival does not fall to 50 %{where}" if scales else ""


def _restricted_mean(group: RiskSet, km: SurvivalCurve, years: float | None) -> _Estimate:
    if years is None:
        return _Estimate(None, None, "the study names no horizon for the restricted mean")
    late = _why_not_from_the_origin(group)
    if late:
        return _Estimate(None, None, f"no restricted mean: {late}")
    horizon = years * DAYS_PER_YEAR
    too_early = _why_reached_too_early(group, km, horizon)
    if too_early:
        return _Estimate(None, None, f"no restricted mean: {too_early}")
    if group.last_exit_day < horizon and km.survival[-1] > 0:
        why = f"follow-up ends at day {group.last_exit_day}, before the horizon of the restricted mean"
        return _Estimate(None, None, why)
    return _Estimate(*restricted_mean(km, horizon), "")


def _why_reached_too_early(group: RiskSet, km: SurvivalCurve, horizon: float) -> str:
    """Say when a curve reaches 0 before a horizon although others enter later, whose survival it denies."""
    at_zero = km.time_days[km.survival == 0]
    if not at_zero.size or at_zero[0] >= horizon:
        return ""
    day = int(at_zero[0])
    # On day 0 those who enter are at risk, on any other day only those who entered before it.
    enters_after = (group.time_days >= max(day, 1)) & (group.n_entered > 0)
    return f"survival reaches 0 on day {day}, before others enter" if np.any(enters_after) else ""


def _interval(estimate: _Estimate) -> tuple[_Number, _Number]:
    if estimate.value is None or estimate.std_error is None:
        return None, None
    margin = NORMAL_975 * estimate.std_error
    return estimate.value - margin, estimate.value + margin


def rmst_difference(risk_table: pl.DataFrame, rmst: pl.DataFrame, comparisons: pl.DataFrame) -> pl.DataFrame:
    """Difference in restricted mean of the arms of each comparison: rows of `survival.rmst_difference`.

    As `landmark_difference`: independent arms, normal interval and test (Royston and Parmar 2013). A
    difference whose error is 0 has an interval without width and no test.

    Args:
        risk_table: rows of `survival.risk_table`.
        rmst: study_id, rmst_years, the horizon of the restricted mean; null where a study names none.
        comparisons: study_id, experimental, control, comparison_order.
    """
    horizons, pairs = _horizon_by_study(rmst), pairs_by_study(comparisons)
    rows = []
    for key, arms in arms_by_analysis(risk_table).items():
        years = horizons.get(key[0])
        means = {arm: _restricted_mean(group, kaplan_meier(group), years) for arm, group in arms.items()}
        rows += [(*key, *pair, years, *_difference(means, pair)) for pair in pairs.get(key[0], [])]
    return pl.DataFrame(rows, schema=RMST_DIFFERENCE, orient="row")
