"""Wilcoxon's signed rank test and its pseudo-median, as R's `wilcox.test(x, conf.int = TRUE)`."""

import math

import numpy as np

from transforms.estimators.elementary import FloatArray
from transforms.estimators.pairwise_sums import PairwiseSums, walsh_sums
from transforms.estimators.point_estimate import PointEstimate
from transforms.estimators.rank_distributions import signed_rank_distribution
from transforms.estimators.rank_normal import (
    corrected_p,
    doubled_midranks,
    interval_rank,
    reaches_95_percent,
    tie_correction,
)

_EXACT_BELOW = 50


def signed_rank(x: FloatArray) -> PointEstimate:
    """Estimate the pseudo-median of differences and test whether they are symmetric about 0.

    The estimate is the median of the Walsh averages (x[i] + x[j]) / 2, i <= j (Hodges and Lehmann 1963).
    With fewer than 50 differences, none 0 and no two of equal size, test and interval are exact: the
    interval ends at Walsh averages and has the smallest level of at least 95 %. Otherwise the test is the
    normal approximation with corrections for continuity and ties, and the interval is found by inverting it
    (see `rank_normal`). As in R 4.2, differences of 0 are left out of all three.

    Args:
        x: differences, finite, in any order; ties are equal doubles.

    Returns:
        On the scale of x. Where R would fall back to a lower level there is no interval: with fewer than
        six differences, or when leaving out the smallest or largest leaves no room for 95 %.
    """
    if x.size == 0:
        return PointEstimate(reason="no pair")
    ascending = np.sort(x[x != 0.0])
    if ascending.size == 0:
        return PointEstimate(reason="every change is 0")
    sizes = np.abs(ascending)
    ties = tie_correction(sizes)
    ranks = np.array(doubled_midranks(sizes))
    doubled_statistic = int(np.sum(ranks[ascending > 0.0]))
    sums = walsh_sums(ascending)
    if x.size == ascending.size < _EXACT_BELOW and ties == 0:
        distribution = signed_rank_distribution(x.size)
        rank, level = distribution.interval_rank()
        return _estimate(sums, distribution.two_sided_p(doubled_statistic // 2), rank, level)
    p_value = corrected_p(doubled_statistic - sums.count, _std_dev(ascending.size, ties))
    if ascending[0] == ascending[-1]:
        reason = "no interval: every pair has the same change"
        return PointEstimate(float(ascending[0]), p_value=p_value, reason=reason)
    reached = _is_reached(ascending - ascending[0]) and _is_reached(ascending[-1] - ascending)
    # About any centre that is not a Walsh average only equal differences are tied.
    around = _std_dev(ascending.size, tie_correction(ascending))
    rank = interval_rank(sums.count, around) if reached else 0
    return _estimate(sums, p_value, rank, 0.95)


def _estimate(sums: PairwiseSums, p_value: float, rank: int, level: float) -> PointEstimate:
    estimate = sums.median() / 2.0
    if rank == 0:
        reason = f"no interval: too few pairs for 95 % (n = {sums.rows.size})"
        return PointEstimate(estimate, p_value=p_value, reason=reason)
    low, high = sums.smallest([rank, sums.count + 1 - rank])
    return PointEstimate(estimate, low / 2.0, high / 2.0, level, p_value)


def _std_dev(n: int, ties: int) -> float:
    """Return the standard deviation of the sum of positive ranks, sqrt(n(n+1)(2n+1)/24 - ties/48)."""
    return math.sqrt((2 * n * (n + 1) * (2 * n + 1) - ties) / 48)


def _is_reached(distances: FloatArray) -> bool:
    """Whether an end of the sample, given the distances from it, is too far to be the pseudo-median.

    At 5 %; R asks for it before it looks for a limit.
    """
    others = distances[distances != 0.0]
    return reaches_95_percent(
        others.size * (others.size + 1) // 2, _std_dev(others.size, tie_correction(others))
    )
