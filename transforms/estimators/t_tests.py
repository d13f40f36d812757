"""Estimates with Student's t interval and test, of one sample and of two with one variance or two.

Belongs here: the arithmetic that several estimators of biomarker effects share. Does not belong here: the
estimators, which name what is compared.
"""

import math

import numpy as np

from transforms.estimators.elementary import FloatArray
from transforms.estimators.ordered_sums import mean, variance_of_mean
from transforms.estimators.point_estimate import PointEstimate
from transforms.estimators.student_t import point_975, two_sided_p

LEVEL = 0.95

NO_PAIR = "no pair"
NO_PAIR_IN_AN_ARM = "no pair in an arm"
_SAME_CHANGE = "no interval and no test: every pair has the same change"
_SAME_CHANGE_IN_ARMS = "no interval and no test: every pair of an arm has the same change"
_ONE_PAIR = "no interval and no test: one pair"
_ONE_PAIR_IN_AN_ARM = "no interval and no test: one pair in an arm"

# Concentrations have at most some eight digits; differences in the twelfth come from rounding in arithmetic.
_ROUNDING = 1e-12


def is_rounding(deviation: float, *numbers: FloatArray, least: float = 0.0) -> bool:
    """Whether a deviation is no more than what rounding leaves of equal numbers.

    Args:
        deviation: a standard deviation or error, at least 0.
        numbers: what it was computed from.
        least: size that the numbers are taken to have at least.
    """
    size = max([least, *(float(np.max(np.abs(x))) for x in numbers)])
    return deviation <= _ROUNDING * size


def t_estimate(estimate: float, std_error: float, degrees_of_freedom: float) -> PointEstimate:
    """Return an estimate with its 95 % interval and the test against 0; the error is above 0."""
    margin = point_975(degrees_of_freedom) * std_error
    p_value = two_sided_p(estimate / std_error, degrees_of_freedom)
    return PointEstimate(estimate, estimate - margin, estimate + margin, LEVEL, p_value, std_error=std_error)


def one_sample(x: FloatArray, *numbers: FloatArray, least: float = 0.0) -> PointEstimate:
    """Estimate the mean of changes, one per pair, and test it against 0.

    Args:
        x: changes, finite, in any order.
        numbers: what the changes are differences of (`is_rounding`).
        least: size that these are taken to have at least.
    """
    if x.size == 0:
        return PointEstimate(reason=NO_PAIR)
    estimate = mean(x)
    if x.size == 1:
        return PointEstimate(estimate, reason=_ONE_PAIR)
    std_error = math.sqrt(variance_of_mean(x))
    if is_rounding(std_error, *numbers, least=least):
        return PointEstimate(estimate, reason=_SAME_CHANGE)
    return t_estimate(estimate, std_error, x.size - 1.0)


def two_samples(x: FloatArray, y: FloatArray, *numbers: FloatArray, least: float = 0.0) -> PointEstimate:
    """Estimate the mean of changes x less that of changes y, and test it against 0.

    Variances are those of each sample, degrees of freedom Satterthwaite's (Welch 1947, Biometrika 34:28-35).

    Args:
        x: changes of the experimental arm, finite, in any order.
        y: changes of the comparator.
        numbers: what the changes are differences of (`is_rounding`).
        least: size that these are taken to have at least.
    """
    if x.size == 0 or y.size == 0:
        return PointEstimate(reason=NO_PAIR_IN_AN_ARM if x.size or y.size else NO_PAIR)
    estimate = mean(x) - mean(y)
    if x.size == 1 or y.size == 1:
        return PointEstimate(estimate, reason=_ONE_PAIR_IN_AN_ARM)
    of_x, of_y = variance_of_mean(x), variance_of_mean(y)
    std_error = math.sqrt(of_x + of_y)
    if is_rounding(std_error, *numbers, least=least):
        return PointEstimate(estimate, reason=_SAME_CHANGE_IN_ARMS)
    return t_estimate(estimate, std_error, satterthwaite(of_x, x.size, of_y, y.size))


def two_samples_of_one_variance(x: FloatArray, y: FloatArray, *, least: float = 0.0) -> PointEstimate:
    """Estimate the mean of changes x less that of changes y, taking their variances as equal (Student 1908).

    Args:
        x: changes of the experimental arm, at least two finite numbers in any order.
        y: changes of the comparator, at least two.
        least: size that these are taken to have at least (`is_rounding`).
    """
    n_x, n_y = x.size, y.size
    estimate = mean(x) - mean(y)
    degrees = n_x + n_y - 2.0
    squares = variance_of_mean(x) * n_x * (n_x - 1) + variance_of_mean(y) * n_y * (n_y - 1)
    std_error = math.sqrt(squares / degrees * (1.0 / n_x + 1.0 / n_y))
    if is_rounding(std_error, x, y, least=least):
        return PointEstimate(estimate, reason=_SAME_CHANGE_IN_ARMS)
    return t_estimate(estimate, std_error, degrees)


def satterthwaite(of_x: float, n_x: int, of_y: float, n_y: int) -> float:
    """Return the degrees of freedom of the sum of two means' variances (Satterthwaite 1946).

    Args:
        of_x: variance of a mean of n_x numbers, n_x at least 2; one of the two is above 0.
        n_x: numbers in the mean.
        of_y: variance of the other mean.
        n_y: numbers in it.
    """
    # As shares of their sum, so that squares of small variances do not vanish.
    share_x, share_y = of_x / (of_x + of_y), of_y / (of_x + of_y)
    return 1.0 / (share_x * share_x / (n_x - 1) + share_y * share_y / (n_y - 1))
