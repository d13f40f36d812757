"""Event rates with exact Poisson intervals (Garwood 1936, Biometrika 28:437-42).

The limits of a count n are the means at which n or more, or n or fewer, events have a chance of 2.5 %:
half the points of chi-squared distributions (2n and 2n + 2 degrees of freedom). They are found here without
the logarithm and gamma function of a library, whose last bits differ between machines.
"""

from dataclasses import dataclass

import numpy as np

from transforms.estimators.elementary import NORMAL_975, FloatArray, exp
from transforms.estimators.risk_set import IntArray, as_float

DAYS_PER_1000_PERSON_YEARS = 365250.0
"""A thousand years of 365.25 days."""

NO_PERSON_TIME = "no rate: nobody was at risk for a day"

_TAIL = 0.025
_CLOSE_FROM = 50  # where the expansion is within 1e-6 of the limit, and one step of Newton's method is enough
_EXPANDED_FROM = 3_000  # where the expansion's next term is below 1e-12 of the limit
_STIRLING_FROM = 16
_NEWTON_STEPS = 5
_HALF_ULP = 2.0**-54


@dataclass(frozen=True, slots=True)
class Rates:
    """Events per 1000 person-years and their exact 95 % intervals, one element per count.

    All three are NaN where there is no person-time.
    """

    rate: FloatArray
    conf_low: FloatArray
    conf_high: FloatArray


def rates(n_event: IntArray, person_days: FloatArray) -> Rates:
    """Return rates per 1000 person-years with exact Poisson intervals.

    Args:
        n_event: numbers of events.
        person_days: days at risk they came from, of equal length.
    """
    per_event = np.divide(
        DAYS_PER_1000_PERSON_YEARS, person_days, out=np.full(len(person_days), np.nan), where=person_days > 0
    )
    low, high = poisson_interval(n_event)
    return Rates(as_float(n_event) * per_event, low * per_event, high * per_event)


def poisson_interval(n_event: IntArray) -> tuple[FloatArray, FloatArray]:
    """Return the exact 95 % limits of the means of Poisson counts, to a relative error below 1e-12.

    lower = chi2(0.025; 2n) / 2, 0 for n = 0; upper = chi2(0.975; 2n + 2) / 2 (Garwood 1936).

    Args:
        n_event: counts, from 0 to 1e7 and beyond; each distinct count is worked out once.
    """
    counts, place = np.unique(n_event, return_inverse=True)
    few, some, many = np.split(as_float(counts), np.searchsorted(counts, [_CLOSE_FROM, _EXPANDED_FROM]))
    low = (
        _exact_low(few, _wilson_hilferty(few, -NORMAL_975), _NEWTON_STEPS),
        _exact_low(some, _expanded(some, -NORMAL_975), 1),
        _expanded(many, -NORMAL_975),
    )
    high = (
        _exact_high(few, _wilson_hilferty(few + 1.0, NORMAL_975), _NEWTON_STEPS),
        _exact_high(some, _expanded(some + 1.0, NORMAL_975), 1),
        _expanded(many + 1.0, NORMAL_975),
    )
    return np.concatenate(low)[place], np.concatenate(high)[place]


def _expanded(shape: FloatArray, z: float) -> FloatArray:
    """Return the point of a gamma distribution that a normal quantile stands for.

    Cornish and Fisher's expansion in powers of shape**-0.5 (Goldberg and Levine 1946, Ann Math Stat 17).
    """
    root = np.sqrt(shape)
    z2 = z * z
    terms = (
        z,
        (z2 - 1.0) / 3.0,
        z * (z2 - 7.0) / 36.0,
        -((3.0 * z2 + 7.0) * z2 - 16.0) / 810.0,
        z * ((9.0 * z2 + 256.0) * z2 - 433.0) / 38880.0,
    )
    tail = np.zeros_like(root)
    for term in reversed(terms):
        tail = tail / root + term
    limit: FloatArray = shape + root * tail
    return limit


def _exact_low(n: FloatArray, mean: FloatArray, steps: int) -> FloatArray:
    """Solve P(N >= n; mean) = 2.5 % for the mean by Newton's method; 0 for n = 0."""
    count = np.maximum(n, 1.0)
    for _ in range(steps):
        excess = _upper_tail(count, mean) - _TAIL / _probability(count, mean)
        mean = mean - excess * mean / count
    return np.where(n > 0, mean, 0.0)


def _exact_high(n: FloatArray, mean: FloatArray, steps: int) -> FloatArray:
    """Solve P(N <= n; mean) = 2.5 % for the mean by Newton's method."""
    for _ in range(steps):
        mean = mean + _lower_tail(n, mean) - _TAIL / _probability(n, mean)
    return mean


def _wilson_hilferty(shape: FloatArray, z: float) -> FloatArray:
    """Return a rough point of a gamma distribution, good enough to start from (Wilson and Hilferty 1931)."""
    shape = np.maximum(shape, 1.0)
    root = 1.0 - 1.0 / (9.0 * shape) + z / (3.0 * np.sqrt(shape))
    return shape * root * root * root


def _upper_tail(n: FloatArray, mean: FloatArray) -> FloatArray:
    """Return P(N >= n) / P(N = n): 1 + m/(n+1) + m**2/((n+1)(n+2)) + ..."""
    term, total, above = np.ones_like(n), np.ones_like(n), n
    while np.any(term > _HALF_ULP * total):
        above = above + 1.0
        term = term * mean / above
        total = total + term
    return total


def _lower_tail(n: FloatArray, mean: FloatArray) -> FloatArray:
    """Return P(N <= n) / P(N = n): 1 + n/m + n(n-1)/m**2 + ..."""
    term, total, below = np.ones_like(n), np.ones_like(n), n
    while np.any(term > _HALF_ULP * total):
        term = term * below / mean
        total = total + term
        below = np.maximum(below - 1.0, 0.0)
    return total


def _probability(n: FloatArray, mean: FloatArray) -> FloatArray:
    """Return P(N = n) by the saddle point, which has no cancelling terms (Loader 2000)."""
    by_product = exp(-mean)
    for k in range(1, _STIRLING_FROM):
        by_product = np.where(k <= n, by_product * mean / k, by_product)
    count = np.maximum(n, 1.0)
    square = 1.0 / (count * count)
    stirling = (
        1.0 / 12.0
        - (1.0 / 360.0 - (1.0 / 1260.0 - (1.0 / 1680.0 - square / 1188.0) * square) * square) * square
    ) / count
    saddle = exp(-stirling - _deviance(count, mean)) / np.sqrt(2.0 * np.pi * count)
    return np.where(n < _STIRLING_FROM, by_product, saddle)


def _deviance(n: FloatArray, mean: FloatArray) -> FloatArray:
    """Return n log(n / mean) + mean - n by the series of the area tangent of (n - mean) / (n + mean)."""
    ratio = (n - mean) / (n + mean)
    square = ratio * ratio
    total = (n - mean) * ratio
    power = 2.0 * n * ratio
    for odd in range(3, 63, 2):
        power = power * square
        total = total + power / odd
    return total
