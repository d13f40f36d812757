"""Sums that do not depend on the order of what is summed.

Floating-point addition rounds, so the same numbers in another order have another sum. Each sum here is taken
from the smallest to the largest number, in numpy's fixed pairwise scheme. Nothing else belongs here.
"""

import numpy as np

from transforms.estimators.elementary import FloatArray


def total(x: FloatArray) -> float:
    """Return the sum of numbers, with the same bits in any order of them."""
    return float(np.add.reduce(np.sort(x)))


def mean(x: FloatArray) -> float:
    """Return the mean of at least one number, with the same bits in any order of them."""
    return total(x) / x.size


def variance_of_mean(x: FloatArray) -> float:
    """Return the squared standard error of the mean of at least two numbers."""
    from_mean = x - mean(x)
    return total(from_mean * from_mean) / (x.size - 1) / x.size
