"""Wilcoxon's rank sum (Mann-Whitney) test and its shift, as R's `wilcox.test(x, y, conf.int = TRUE)`."""

import math

import numpy as np

from transforms.estimators.elementary import FloatArray
from transforms.estimators.pairwise_sums import PairwiseSums, differences
from transforms.estimators.point_estimate import PointEstimate
from transforms.estimators.rank_distributions import rank_sum_distribution
from transforms.estimators.rank_normal import (
    corrected_p,
    doubled_midranks,
    interval_rank,
    reaches_95_percent,
    tie_correction,
)

_EXACT_BELOW = 50


def rank_sum(x: FloatArray, y: FloatArray) -> PointEstimate:
    """Estimate by how much x lies above y and test whether both have the same distribution.

    The estimate is the median of the differences x[i] - y[j] (Hodges and Lehmann 1963). With fewer than 50
    in both samples and no two values equal, test and interval are exact: the interval ends at differences
    and has the smallest level of at least 95 %. Otherwise the test is the normal approximation with
    corrections for continuity and ties, and the interval is found by inverting it (see `rank_normal`).

    Args:
        x: values of the experimental arm, finite, in any order; ties are equal doubles.
        y: values of the comparator.

    Returns:
        On the scale of x. There is no interval when 95 % cannot be reached with so few values (with ties R
        gives the range of all differences and calls it 95 %).
    """
    if x.size == 0 or y.size == 0:
        return PointEstimate(reason="no pair in an arm" if x.size or y.size else "no pair")
    x, y = np.sort(x + 0.0), np.sort(y + 0.0)  # -0.0 would make the order of zeros a matter of chance
    together = np.concatenate([x, y])
    doubled_sum = sum(doubled_midranks(together)[: x.size])
    doubled_statistic = doubled_sum - x.size * (x.size + 1)
    ties = tie_correction(together)
    sums = differences(x, y)
    if ties == 0 and max(x.size, y.size) < _EXACT_BELOW:
        distribution = rank_sum_distribution(min(x.size, y.size), max(x.size, y.size))
        rank, level = distribution.interval_rank()
        return _estimate(sums, distribution.two_sided_p(doubled_statistic // 2), rank, level)
    std_dev = _std_dev(x.size, y.size, ties)
    p_value = corrected_p(doubled_statistic - sums.count, std_dev) if std_dev > 0.0 else None
    if x[0] == x[-1] and y[0] == y[-1]:
        missing = "interval" if p_value is not None else "interval and no test"
        reason = f"no {missing}: every pair of an arm has the same change"
        return PointEstimate(sums.median(), p_value=p_value, reason=reason)
    # Any shift that is not a difference leaves only the ties within an arm.
    shifted = _std_dev(x.size, y.size, tie_correction(x) + tie_correction(y))
    reached = reaches_95_percent(sums.count, shifted)
    return _estimate(sums, p_value, interval_rank(sums.count, shifted) if reached else 0, 0.95)


def _estimate(sums: PairwiseSums, p_value: float | None, rank: int, level: float) -> PointEstimate:
    estimate = sums.median()
    if rank == 0:
        reason = f"no interval: too few pairs for 95 % (n = {sums.rows.size} and {sums.columns.size})"
        return PointEstimate(estimate, p_value=p_value, reason=reason)
    low, high = sums.smallest([rank, sums.count + 1 - rank])
    return PointEstimate(estimate, low, high, level, p_value)


def _std_dev(n_x: int, n_y: int, ties: int) -> float:
    """Return the standard deviation of the statistic, sqrt(n_x n_y / 12 (n + 1 - ties / (n (n - 1))))."""
    n = n_x + n_y
    return math.sqrt(n_x * n_y * ((n + 1) * n * (n - 1) - ties) / (12 * n * (n - 1)))
