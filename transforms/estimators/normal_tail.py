"""The normal distribution function where its logarithm is needed: far in either tail, with full precision.

Built from IEEE 754 operations alone, as `elementary`. Belongs here: functions of arrays of standard normal
deviates. Does not belong here: likelihoods.
"""

import numpy as np

from transforms.estimators.elementary import FloatArray, exp, log

_PI = 3.141592653589793
_SQRT_PI = 1.7724538509055160273
_SQRT_2_PI = 2.5066282746310002
_SQRT_HALF = 0.7071067811865476
_SERIES_TERMS = 24
_STEP = 0.5
_GAUSS_AT_STEPS = [exp(-((n * _STEP) ** 2)) for n in range(1, 14)]  # the next is below 1e-21
_FAR = 1e8  # from here on 1 / (sqrt(pi) x) is within half a unit of the last place
_LARGEST = 1e150  # its square is a double


def log_cdf_and_mills(z: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return log Phi(z) and phi(z) / Phi(z), to a relative error below 1e-14.

    Phi is the standard normal distribution function and phi its density; both results are finite for any
    finite z up to 1e150, as the tail is worked out beside the density, not multiplied by it.
    """
    z = np.clip(z, -_LARGEST, _LARGEST)
    in_lower_half = z <= 0.0
    density = _gauss(z)  # times sqrt(2 pi)
    tail = 0.5 * erfcx(np.abs(z) * _SQRT_HALF)  # beyond |z|, divided by `density`
    beyond = np.where(in_lower_half, 0.0, density * tail)
    log_cdf = np.where(in_lower_half, log(tail) - 0.5 * z * z, _log_of_1_less(beyond))
    mills = np.where(in_lower_half, 1.0 / tail, density / (1.0 - beyond)) / _SQRT_2_PI
    return log_cdf, mills


def erfcx(x: FloatArray) -> FloatArray:
    """Return exp(x**2) erfc(x) of x >= 0, to a relative error below 5e-15.

    Below 1 from the series of erf (Abramowitz and Stegun 1964, 7.1.6). From 1 on erfc as an integral over
    the line, summed by the trapezoidal rule with the term of its pole (Matta and Reichel 1971, Math Comp
    25:339-44; Hunter and Regan 1972, 26:539-41).
    """
    below, above = np.minimum(x, 1.0), np.clip(x, 1.0, _FAR)
    term = total = below
    for n in range(1, _SERIES_TERMS):
        term = term * (2.0 * below * below / (2 * n + 1))
        total = total + term
    by_series = exp(below * below) - 2.0 / _SQRT_PI * total
    square = above * above
    summed = 0.5 / above
    for n, gauss in enumerate(_GAUSS_AT_STEPS, start=1):
        summed = summed + gauss * above / (square + (n * _STEP) ** 2)
    period = 2.0 * _PI / _STEP
    near = np.minimum(above, _PI / _STEP)  # further out the pole's term is below 1e-16 of the sum
    pole = 2.0 * exp(near * (near - period)) / (1.0 - exp(-period * near))
    by_rule = 2.0 * _STEP / _PI * summed - np.where(above > near, 0.0, pole)
    limit = 1.0 / (_SQRT_PI * np.maximum(x, 1.0))
    return np.where(x < 1.0, by_series, np.where(x < _FAR, by_rule, limit))


def _gauss(z: FloatArray) -> FloatArray:
    """Return exp(-z**2 / 2), the square split so that its rounding does not matter (Cody 1969)."""
    coarse = np.rint(np.clip(z, -40.0, 40.0) * 16.0) / 16.0
    rest = np.clip(z, -40.0, 40.0) - coarse
    return exp(-0.5 * coarse * coarse) * exp(-0.5 * rest * (2.0 * coarse + rest))


def _log_of_1_less(x: FloatArray) -> FloatArray:
    """Return log(1 - x) of 0 <= x < 1, small x keeping their digits (Kahan's correction)."""
    rounded = 1.0 - x
    lost = 1.0 - rounded
    correction = np.divide(x, lost, out=np.ones_like(x), where=lost != 0.0)
    return np.where(lost == 0.0, -x, log(rounded) * correction)
