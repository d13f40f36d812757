"""The sample median with its exact interval, and the sign test."""

import numpy as np

from transforms.estimators.elementary import FloatArray
from transforms.estimators.point_estimate import PointEstimate
from transforms.estimators.rank_distributions import sign_distribution


def median(x: FloatArray) -> PointEstimate:
    """Estimate the median of differences and test whether positive and negative ones are equally likely.

    The interval ends at the k-th smallest and k-th largest value, k the 2.5 % point of the binomial
    distribution of n signs, so its level is the smallest of at least 95 % (Thompson 1936, Ann Math Stat
    7:122-8). The test is the exact sign test; it alone leaves out differences of 0.

    Args:
        x: differences, finite, in any order.

    Returns:
        On the scale of x. There is no interval with fewer than six values.
    """
    if x.size == 0:
        return PointEstimate(reason="no pair")
    ascending = np.sort(x + 0.0)  # -0.0 would make the order of zeros a matter of chance
    estimate = float((ascending[(x.size - 1) // 2] + ascending[x.size // 2]) / 2.0)
    n_positive, n_negative = int(np.sum(x > 0.0)), int(np.sum(x < 0.0))
    p_value, reasons = None, []
    if n_positive + n_negative:
        p_value = sign_distribution(n_positive + n_negative).two_sided_p(n_positive)
    else:
        reasons.append("no test: every change is 0")
    rank, level = sign_distribution(x.size).interval_rank()
    if rank == 0:
        reasons.append(f"no interval: too few pairs for 95 % (n = {x.size})")
        return PointEstimate(estimate, p_value=p_value, reason="; ".join(reasons))
    low, high = float(ascending[rank - 1]), float(ascending[-rank])
    return PointEstimate(estimate, low, high, level, p_value, "; ".join(reasons))
