"""Ratios of geometric means: t intervals and tests on logarithms, within an arm and between two.

Belongs here: logarithms of paired results, what to say where one does not exist, estimators on that scale and
the way back from it. Does not belong here: changes of arithmetic means (`mean_changes`), ranks (`ranks`).
"""

import math
from dataclasses import replace

import numpy as np

from transforms.estimators.elementary import FloatArray, exp, log
from transforms.estimators.ordered_sums import mean, total
from transforms.estimators.point_estimate import PointEstimate
from transforms.estimators.t_tests import (
    NO_PAIR,
    NO_PAIR_IN_AN_ARM,
    is_rounding,
    one_sample,
    t_estimate,
    two_samples,
)

UNIT = 1.0
"""Size of a logarithm where rounding is told from variation: its digits are those of its absolute error."""


def logarithms(x: FloatArray) -> FloatArray:
    """Return natural logarithms; nan of what is not a number above 0."""
    if x.size == 0:
        return x
    is_positive = (x > 0.0) & (x < np.inf)
    return np.where(is_positive, log(np.where(is_positive, x, 1.0)), np.nan)


def log_ratios(baseline: FloatArray, value: FloatArray) -> FloatArray:
    """Return the logarithm of each pair's value over baseline; nan where one is not above 0.

    The larger is divided by the smaller, so that exchanging the two changes the sign and nothing else, and
    rank tests see every tie.
    """
    is_rise = value >= baseline
    positive = (baseline > 0.0) & (value > 0.0)
    larger = np.where(is_rise, value, baseline)
    smaller = np.where(positive, np.where(is_rise, baseline, value), np.nan)
    size = logarithms(larger / smaller)
    return np.where(is_rise, size, -size)


def without_logarithm(*arms: FloatArray) -> str:
    """Return why logarithms of the pairs of one or two arms cannot be analysed, '' when they can.

    Pairs are not left out for being 0: who remains would be those with the larger results.

    Args:
        arms: an element per pair, nan where there is no logarithm.
    """
    n = sum(arm.size for arm in arms)
    n_without = sum(int(np.count_nonzero(np.isnan(arm))) for arm in arms)
    if not n_without:
        return ""
    have = "has" if n_without == 1 else "have"
    return f"no estimate: {n_without} of {n} pairs {have} a result of 0 or less, which has no logarithm"


def exponentiated(on_logs: PointEstimate) -> PointEstimate:
    """Return an estimate on the log scale as a ratio; its standard error stays that of the logarithm."""
    if on_logs.estimate is None:
        return on_logs
    high = None if on_logs.conf_high is None else exp(on_logs.conf_high)
    reasons = [on_logs.reason] if on_logs.reason else []
    if high == math.inf:
        high = None
        reasons.append("the upper limit is beyond 1e308")
    return replace(
        on_logs,
        estimate=exp(on_logs.estimate),
        conf_low=None if on_logs.conf_low is None else exp(on_logs.conf_low),
        conf_high=high,
        reason="; ".join(reasons),
    )


def paired_geometric_mean_ratio(changes: FloatArray) -> PointEstimate:
    """Estimate the geometric mean of the pairs' ratios, with a t interval and test of their logarithms.

    Args:
        changes: log ratio of each pair in any order, nan where it does not exist.
    """
    reason = without_logarithm(changes)
    return PointEstimate(reason=reason) if reason else exponentiated(one_sample(changes, changes, least=UNIT))


def ratio_of_geometric_mean_ratios(changes: FloatArray, comparator: FloatArray) -> PointEstimate:
    """Estimate the geometric mean ratio of one arm over that of another, with Welch's interval and test.

    Args:
        changes: log ratio of each pair of the experimental arm in any order, nan where it does not exist.
        comparator: those of the comparator.
    """
    reason = without_logarithm(changes, comparator)
    if reason:
        return PointEstimate(reason=reason)
    return exponentiated(two_samples(changes, comparator, changes, comparator, least=UNIT))


def ancova_on_logs(
    baseline: FloatArray, value: FloatArray, comparator_baseline: FloatArray, comparator_value: FloatArray
) -> PointEstimate:
    """Estimate the ratio of values between arms at equal baselines: analysis of covariance of logarithms.

    Least squares of log value on arm and log baseline, one slope for both arms; the exponentiated
    coefficient of the arm with its t interval and test on n - 3 degrees of freedom (Vickers and Altman 2001,
    BMJ 323:1123). Each arm needs two pairs: one is as far from the other arm's line as it happens to be.

    Args:
        baseline: log baseline of each pair of the experimental arm, nan where it does not exist.
        value: log value of the same pairs.
        comparator_baseline: log baselines of the comparator.
        comparator_value: its log values.
    """
    n_arms = (baseline.size, comparator_baseline.size)
    if 0 in n_arms:
        return PointEstimate(reason=NO_PAIR_IN_AN_ARM if any(n_arms) else NO_PAIR)
    if 1 in n_arms:
        which = "either" if n_arms == (1, 1) else f"the {'experimental' if n_arms[0] == 1 else 'comparator'}"
        return PointEstimate(reason=f"no estimate: only one pair of {which} arm")
    # A pair lacks both when it lacks either.
    reason = without_logarithm(baseline + value, comparator_baseline + comparator_value)
    if reason:
        return PointEstimate(reason=reason)
    x = np.concatenate([baseline - mean(baseline), comparator_baseline - mean(comparator_baseline)])
    y = np.concatenate([value - mean(value), comparator_value - mean(comparator_value)])
    squares = total(x * x)
    if is_rounding(math.sqrt(squares), baseline, comparator_baseline, least=UNIT):
        return PointEstimate(reason="no estimate: every pair of an arm has the same baseline")
    slope = total(x * y) / squares
    apart = mean(baseline) - mean(comparator_baseline)
    estimate = mean(value) - mean(comparator_value) - slope * apart
    degrees = x.size - 3
    residuals = y - slope * x
    deviation = math.sqrt(total(residuals * residuals) / degrees)
    if is_rounding(deviation, value, comparator_value, slope * x, least=UNIT):
        reason = "no interval and no test: the baselines determine the values"
        return exponentiated(PointEstimate(estimate, reason=reason))
    std_error = deviation * math.sqrt(1.0 / n_arms[0] + 1.0 / n_arms[1] + apart * apart / squares)
    return exponentiated(t_estimate(estimate, std_error, float(degrees)))
