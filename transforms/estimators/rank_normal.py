"""The normal approximation of rank tests and of the intervals that belong to them.

Belongs here: what the signed rank and the rank sum test share when ties or size rule out the exact
distribution. Does not belong here: exact distributions.

R's `wilcox.test` finds an end of such an interval with `uniroot`, to 1e-4, as the shift at which the
standardised statistic crosses the normal quantile. The statistic is a step function that falls by one at each
Walsh average (pairwise difference), so it crosses exactly at one of them: at which one follows from its
standard deviation, and that one is the end here.
"""

import math

import numpy as np

from transforms.estimators.elementary import NORMAL_975, FloatArray, two_sided_p


def tie_correction(values: FloatArray) -> int:
    """Return the sum of t**3 - t over groups of t equal values."""
    return sum(t * (t * t - 1) for t in np.unique(values, return_counts=True)[1].tolist())


def doubled_midranks(values: FloatArray) -> list[int]:
    """Return twice the rank of each value, ties sharing the mean of their ranks."""
    _, place, count = np.unique(values, return_inverse=True, return_counts=True)
    through = np.cumsum(count)
    doubled: list[int] = (2 * through - count + 1)[place].tolist()
    return doubled


def corrected_p(doubled_distance: int, std_dev: float) -> float:
    """Return the two-sided p-value with continuity correction.

    Args:
        doubled_distance: twice the statistic less twice its mean; a whole number.
        std_dev: of the statistic, positive.
    """
    return two_sided_p(max(abs(doubled_distance) - 1, 0) / 2.0 / std_dev)


def reaches_95_percent(largest: int, std_dev: float) -> bool:
    """Whether a statistic at its end is as far from its mean as an interval of 95 % needs."""
    return (largest / 2.0 - 0.5) / std_dev >= NORMAL_975


def interval_rank(largest: int, std_dev: float) -> int:
    """Return which of `largest` ordered estimates, from either end, a 95 % interval ends at, from 1.

    Below the k-th smallest the statistic is at least largest - k + 1, above it at most largest - k; the end
    is where it falls below largest/2 + 1/2 + 1.96 standard deviations.
    """
    return max(math.floor(largest / 2.0 - 0.5 - NORMAL_975 * std_dev), 0) + 1
