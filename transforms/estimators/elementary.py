"""Exponential, logarithm and the tails of normal and chi-squared, with the same bits on every machine.

numpy and the C library choose their code for these functions by processor, so the last bit differs
between machines and with it the content hash of a table. Here they are built from IEEE 754 operations
alone. Nothing else than such replacements belongs here.
"""

import math
from collections.abc import Callable
from typing import overload

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]

NORMAL_975 = 1.959963984540054
"""The 97.5 % point of the standard normal distribution: half the width of a 95 % interval."""

_LN2_HIGH = 6.93147180369123816490e-01  # its product with an exponent is exact
_LN2_LOW = 1.90821492927058770002e-10
_LOG2_E = 1.4426950408889634
_INVERSE_FACTORIALS = [1.0 / math.factorial(n) for n in range(14)]
_SQRT_HALF = 0.7071067811865476
_ATANH_SERIES = [2.0 / (2 * n + 1) for n in range(1, 12)]
_SQRT_PI = 1.7724538509055160273
_FRACTION_DEPTH = 200
_BLOCK = 2**14


@overload
def exp(x: float) -> float: ...
@overload
def exp(x: FloatArray) -> FloatArray: ...
def exp(x: float | FloatArray) -> float | FloatArray:
    """Return e to the power of a number or of each element, to within two units of the last place.

    Reduces to |r| <= ln(2)/2 (Cody and Waite 1980) and sums the Taylor series to degree 13, whose
    remainder is below 1e-17. Overflow gives inf, underflow 0, as `math.exp` would before raising.
    """
    return _exp_of_number(x) if isinstance(x, float | int) else _in_blocks(_exp_of_block, x)


def _in_blocks(function: Callable[[FloatArray], FloatArray], x: FloatArray) -> FloatArray:
    """Apply an element-wise function to pieces that stay in the processor's cache between its steps."""
    if x.ndim != 1 or x.size <= _BLOCK:
        return function(x)
    values = np.empty(x.size)
    for start in range(0, x.size, _BLOCK):
        values[start : start + _BLOCK] = function(x[start : start + _BLOCK])
    return values


def _exp_of_number(x: float) -> float:
    """Do what `_exp_of_block` does, without the cost of an array."""
    x = min(max(x, -800.0), 800.0)
    exponent = round(x * _LOG2_E)
    r = (x - exponent * _LN2_HIGH) - exponent * _LN2_LOW
    power = _INVERSE_FACTORIALS[-1]
    for coefficient in reversed(_INVERSE_FACTORIALS[:-1]):
        power = power * r + coefficient
    # ldexp raises where a product is inf.
    return math.ldexp(power, min(exponent, 1000)) * 2.0 ** max(exponent - 1000, 0)


def _exp_of_block(x: FloatArray) -> FloatArray:
    x = np.clip(x, -800.0, 800.0)
    exponent = np.rint(x * _LOG2_E)
    r = (x - exponent * _LN2_HIGH) - exponent * _LN2_LOW
    power = np.full_like(r, _INVERSE_FACTORIALS[-1])
    for coefficient in reversed(_INVERSE_FACTORIALS[:-1]):
        power = power * r + coefficient
    with np.errstate(over="ignore"):
        return np.ldexp(power, exponent.astype(np.int32))


@overload
def log(x: float) -> float: ...
@overload
def log(x: FloatArray) -> FloatArray: ...
def log(x: float | FloatArray) -> float | FloatArray:
    """Return the natural logarithm of positive finite numbers, to within one unit of the last place.

    x = m 2**k with m between sqrt(1/2) and sqrt(2), and with f = m - 1 and s = f / (2 + f) the logarithm of
    m is f - f**2/2 + s (f**2/2 + 2 sum(s**(2n) / (2n+1))), n = 1 .. 11 (the remainder is below 1e-18; the
    arrangement is that of Sun's fdlibm). Close to 1 it keeps its relative precision, as f is exact.
    """
    if isinstance(x, float | int):
        return float(_log_of_block(np.array([x], dtype=np.float64))[0])
    return _in_blocks(_log_of_block, x)


def _log_of_block(x: FloatArray) -> FloatArray:
    m, k = np.frexp(x)
    small = m < _SQRT_HALF
    f = np.where(small, 2.0 * m, m) - 1.0
    exponent = k - small.astype(np.int64)
    s = f / (2.0 + f)
    square = s * s
    series = np.full_like(s, _ATANH_SERIES[-1])
    for coefficient in reversed(_ATANH_SERIES[:-1]):
        series = series * square + coefficient
    half_square = 0.5 * f * f
    tail = s * (half_square + series * square) + exponent * _LN2_LOW
    return exponent * _LN2_HIGH - ((half_square - tail) - f)


def erfc(x: float) -> float:
    """Return the complementary error function of x >= 0 to a relative error below 1e-14.

    Below 1 the series of erf with positive terms, from 1 on the continued fraction (Abramowitz and
    Stegun 1964, 7.1.6 and 7.1.14).
    """
    square = x * x
    gauss = exp(-square)
    if x < 1.0:
        term = total = x
        for n in range(1, 40):
            term *= 2.0 * square / (2 * n + 1)
            total += term
        return 1.0 - 2.0 / _SQRT_PI * gauss * total
    fraction = x
    for n in range(_FRACTION_DEPTH, 0, -1):
        fraction = x + 0.5 * n / fraction
    return gauss / (_SQRT_PI * fraction)


def two_sided_p(z: float) -> float:
    """Return the probability that a standard normal variable lies further from 0 than z."""
    return erfc(abs(z) / math.sqrt(2.0))


def chi_square_p(chisq: float, degrees_of_freedom: int) -> float:
    """Return the probability that a chi-squared variable with whole degrees of freedom exceeds a value.

    The finite sums of Abramowitz and Stegun (1964), 26.4.4 and 26.4.5: positive terms only, so small
    probabilities keep their digits.
    """
    half = chisq / 2.0
    odd = degrees_of_freedom % 2
    root = math.sqrt(half)
    term = exp(-half) * (2.0 * root / _SQRT_PI if odd else 1.0)
    total = erfc(root) if odd else 0.0
    for k in range(degrees_of_freedom // 2):
        total += term
        term *= half / (k + (1.5 if odd else 1.0))
    return total
