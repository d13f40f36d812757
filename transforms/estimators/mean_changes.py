"""Changes of arithmetic means: differences in the analyte's unit, and percent of the mean baseline.

Belongs here: estimators that add concentrations up. Does not belong here: those that multiply them
(`geometric_mean_ratios`).
"""

import math
from dataclasses import replace

from transforms.estimators.comparisons import sentences
from transforms.estimators.elementary import FloatArray
from transforms.estimators.ordered_sums import mean, total, variance_of_mean
from transforms.estimators.point_estimate import PointEstimate
from transforms.estimators.student_t import point_975
from transforms.estimators.t_tests import (
    LEVEL,
    NO_PAIR,
    is_rounding,
    one_sample,
    satterthwaite,
    two_samples,
)

Interval = tuple[float, float]

_NO_MEAN_BASELINE = "no estimate: the mean baseline is 0 or less"
_UNBOUNDED = "no interval: Fieller's is unbounded, as the mean baseline is not significantly different from 0"


def paired_mean_difference(baseline: FloatArray, value: FloatArray) -> PointEstimate:
    """Estimate the mean of the pairs' differences, with its t interval and test.

    Args:
        baseline: baseline of each pair, in any order.
        value: value of the same pairs, in the same unit.
    """
    return one_sample(value - baseline, baseline, value)


def difference_of_mean_changes(
    baseline: FloatArray, value: FloatArray, comparator_baseline: FloatArray, comparator_value: FloatArray
) -> PointEstimate:
    """Estimate the mean difference of one arm's pairs less that of another's, with Welch's interval and test.

    Args:
        baseline: baseline of each pair of the experimental arm, in any order.
        value: value of the same pairs, in the same unit.
        comparator_baseline: baselines of the comparator.
        comparator_value: its values.
    """
    numbers = (baseline, value, comparator_baseline, comparator_value)
    return two_samples(value - baseline, comparator_value - comparator_baseline, *numbers)


def paired_change_of_means(baseline: FloatArray, value: FloatArray) -> PointEstimate:
    """Estimate the change of the mean in percent of the mean baseline, over the pairs.

    The interval is Fieller's (1954, J R Stat Soc B 16:175-85), with the covariance of baseline and value; the
    test is the paired t test of the difference; the standard error is the delta method's.

    Args:
        baseline: baseline of each pair, in any order.
        value: value of the same pairs, in the same unit.
    """
    n = baseline.size
    if n == 0:
        return PointEstimate(reason=NO_PAIR)
    mean_baseline = mean(baseline)
    if not mean_baseline > 0.0:
        return PointEstimate(reason=_NO_MEAN_BASELINE)
    ratio = mean(value) / mean_baseline
    difference = paired_mean_difference(baseline, value)
    if n == 1:
        return PointEstimate(_percent(ratio), reason=difference.reason)
    no_test = "" if difference.std_error else "no test: every pair has the same difference"
    apart = value - ratio * baseline
    spread = variance_of_mean(apart)
    if is_rounding(math.sqrt(spread), value):
        reason = sentences((True, "no interval: every pair has the same ratio"), (True, no_test))
        return PointEstimate(_percent(ratio), p_value=difference.p_value, reason=reason)
    interval = _fieller(
        ratio,
        point_975(n - 1.0) / mean_baseline,
        of_baseline=variance_of_mean(baseline),
        spread=spread,
        covariance=total((baseline - mean_baseline) * (apart - mean(apart))) / (n - 1) / n,
    )
    return _percent_change(ratio, math.sqrt(spread) / mean_baseline, interval, difference.p_value, no_test)


def unpaired_change_of_means(baselines: FloatArray, values: FloatArray) -> PointEstimate:
    """Estimate the change of the mean in percent of the mean baseline, taking the two as independent.

    The interval is Fieller's with a variance of each and Satterthwaite's degrees of freedom at the estimated
    ratio (Tamhane and Logan 2004, J Biopharm Stat 14:843-56); the test is Welch's of the difference; the
    standard error is the delta method's.

    Args:
        baselines: every baseline there is, in any order.
        values: every value there is, in any order, in the same unit.
    """
    if baselines.size == 0 or values.size == 0:
        return PointEstimate(reason="no value" if baselines.size else "no baseline")
    mean_baseline = mean(baselines)
    if not mean_baseline > 0.0:
        return PointEstimate(reason=_NO_MEAN_BASELINE)
    ratio = mean(values) / mean_baseline
    if baselines.size == 1 or values.size == 1:
        which = "baseline" if baselines.size == 1 else "value"
        return PointEstimate(_percent(ratio), reason=f"no interval and no test: one {which}")
    of_baseline, of_value = variance_of_mean(baselines), variance_of_mean(values)
    of_scaled = ratio * ratio * of_baseline
    spread = of_value + of_scaled
    difference = two_samples(values, baselines, values, baselines)
    if is_rounding(math.sqrt(spread), values):
        # Where only the values are constant, they are 0: else the baselines' spread would count.
        no_test = "" if difference.std_error else " and no test: neither do the baselines"
        reason = f"no interval: the values do not vary{no_test}"
        return PointEstimate(_percent(ratio), p_value=difference.p_value, reason=reason)
    degrees = satterthwaite(of_value, values.size, of_scaled, baselines.size)
    interval = _fieller(
        ratio,
        point_975(degrees) / mean_baseline,
        of_baseline=of_baseline,
        spread=spread,
        covariance=-ratio * of_baseline,
    )
    return _percent_change(ratio, math.sqrt(spread) / mean_baseline, interval, difference.p_value)


def _percent(ratio: float) -> float:
    return 100.0 * (ratio - 1.0)


def _fieller(
    ratio: float, t: float, *, of_baseline: float, spread: float, covariance: float
) -> Interval | None:
    """Return the ratios r for which value - r baseline does not differ from 0; None when they have no end.

    The roots of a quadratic in r - ratio, under whose square root nothing is subtracted: nearly equal ratios
    keep the digits of their spread.

    Args:
        ratio: mean value over mean baseline.
        t: point of Student's t over the mean baseline.
        of_baseline: variance of the mean baseline.
        spread: variance of the mean of value - ratio * baseline.
        covariance: of the mean baseline with that mean.
    """
    square = t * t
    rest = 1.0 - square * of_baseline
    if not rest > 0.0:
        return None
    centre = ratio - square * covariance / rest
    margin = t * math.sqrt(spread * rest + square * covariance * covariance) / rest
    return centre - margin, centre + margin


def _percent_change(
    ratio: float, std_error: float, interval: Interval | None, p_value: float | None, no_test: str = ""
) -> PointEstimate:
    """Return a ratio of means and its error as percent, with what is missing said."""
    estimate = PointEstimate(_percent(ratio), p_value=p_value, reason=no_test, std_error=100.0 * std_error)
    if interval is None:
        return replace(estimate, reason=sentences((True, _UNBOUNDED), (True, no_test)))
    low, high = interval
    return replace(estimate, conf_low=_percent(low), conf_high=_percent(high), conf_level=LEVEL)
