"""Student's t distribution for real degrees of freedom, with the same bits on every machine.

The libraries that hold it take logarithms and gamma functions from the C library, whose last bits differ
between machines (`elementary`). Belongs here: the distribution. Does not belong here: tests and intervals.
"""

import math
from functools import lru_cache

from transforms.estimators.elementary import NORMAL_975, exp

_TAIL = 0.025
_SQRT_PI = 1.7724538509055160273
_STIRLING_FROM = 16.0
_SQRT_HALF = 0.7071067811865476
_LN2_HIGH = 6.93147180369123816490e-01  # its product with an exponent is exact
_LN2_LOW = 1.90821492927058770002e-10
_ARTANH_SERIES = [2.0 / (2 * n + 1) for n in range(12, -1, -1)]
_HALF_ULP = 2.0**-54
_FRACTION_DEPTH = 1000  # three times what any argument was seen to need
_NEWTON_STEPS = 60
_CLOSE = 1e-8  # the step after one as small changes no digit


def two_sided_p(t: float, degrees_of_freedom: float) -> float:
    """Return the probability that Student's t lies further from 0 than t.

    With n degrees of freedom and u = t**2 / n it is, for a = n / 2, the incomplete beta function
    I(a, 1/2) at 1 / (1 + u). Near 0 it is 1 less the series of the complement, which has positive terms
    (DLMF 8.17.8); from sqrt(3) on, less for few degrees, that series' continued fraction after Pfaff's
    transformation (DLMF 15.8.1, 15.7.5), which is made of positive numbers too and depends on 1/u alone, so
    that a small probability keeps its digits for many degrees as well: the relative error is below 1e-12.

    Args:
        t: any number up to 1e150 on either side.
        degrees_of_freedom: above 0, whole or not.
    """
    n = degrees_of_freedom
    square = t * t
    u = square / n
    # x**a of the incomplete beta function, over B(a, 1/2)
    factor = exp(-0.5 * n * _log_of_1_plus(u)) * _gamma_ratio(0.5 * n) / _SQRT_PI
    if square * (n + 2.0) < 3.0 * n:
        return 1.0 - 2.0 * math.sqrt(u / (1.0 + u)) * factor * _series(n, u / (1.0 + u))
    return factor * 2.0 / n * math.sqrt((1.0 + u) / u) / _fraction(n, n / square)


@lru_cache(maxsize=2**16)
def point_975(degrees_of_freedom: float) -> float:
    """Return the 97.5 % point of Student's t, to a relative error below 1e-13: 95 % intervals are made of it.

    Newton's method, from Cornish and Fisher's expansion around the normal point (Abramowitz and Stegun 1964,
    26.7.5). The tail is convex, so the method closes in from the left.

    Args:
        degrees_of_freedom: above 0, whole or not.
    """
    n = degrees_of_freedom
    t = 0.0
    for coefficient in reversed(_EXPANSION):
        t = t / n + coefficient
    for _ in range(_NEWTON_STEPS):
        step = (0.5 * two_sided_p(t, n) - _TAIL) / _density(t, n)
        t += step
        if abs(step) < _CLOSE * t:
            break
    return t


_Z2 = NORMAL_975 * NORMAL_975
_EXPANSION = (
    NORMAL_975,
    NORMAL_975 * (_Z2 + 1.0) / 4.0,
    NORMAL_975 * ((5.0 * _Z2 + 16.0) * _Z2 + 3.0) / 96.0,
    NORMAL_975 * (((3.0 * _Z2 + 19.0) * _Z2 + 17.0) * _Z2 - 15.0) / 384.0,
    NORMAL_975 * ((((79.0 * _Z2 + 776.0) * _Z2 + 1482.0) * _Z2 - 1920.0) * _Z2 - 945.0) / 92160.0,
)


def _density(t: float, n: float) -> float:
    spread = exp(-0.5 * (n + 1.0) * _log_of_1_plus(t * t / n))
    return spread * _gamma_ratio(0.5 * n) / (_SQRT_PI * math.sqrt(n))


@lru_cache(maxsize=2**16)
def _gamma_ratio(a: float) -> float:
    """Return Gamma(a + 1/2) / Gamma(a).

    Stirling's series of both, subtracted term by term: the large terms of either never appear.
    """
    below = 1.0
    while a < _STIRLING_FROM:
        below *= a / (a + 0.5)
        a += 1.0
    leading = a * _log_of_1_plus(0.5 / a) - 0.5
    return below * math.sqrt(a) * exp(leading + _stirling(a + 0.5) - _stirling(a))


def _stirling(x: float) -> float:
    """Return log Gamma(x) - (x - 1/2) log x + x - log(2 pi) / 2; the next term is below 1e-15 from 16 on."""
    square = 1.0 / (x * x)
    tail = 1.0 / 1260.0 - (1.0 / 1680.0 - (1.0 / 1188.0 - 691.0 / 360360.0 * square) * square) * square
    return (1.0 / 12.0 - (1.0 / 360.0 - tail * square) * square) / x


def _log_of_1_plus(u: float) -> float:
    """Return log(1 + u) of u >= 0 to some units of the last place, also where 1 + u rounds to 1.

    With 1 + u = (1 + f) 2**k, f between sqrt(1/2) - 1 and sqrt(2) - 1, the logarithm of 1 + f is that of
    `elementary.log` without the last digit's arrangement: 2 artanh(f / (2 + f)).
    """
    m, k = math.frexp(1.0 + u)
    if m < _SQRT_HALF:
        m, k = 2.0 * m, k - 1
    f = m - 1.0 if k else u
    s = f / (2.0 + f)
    square = s * s
    series = 0.0
    for coefficient in _ARTANH_SERIES:
        series = series * square + coefficient
    return k * _LN2_HIGH + (s * series + k * _LN2_LOW)


def _series(n: float, y: float) -> float:
    """Return F((n + 1) / 2, 1; 3/2; y), whose terms are positive."""
    term = total = 1.0
    above, below = 0.5 * (n + 1.0), 1.5
    while term > _HALF_ULP * total:
        term *= y * above / below
        total += term
        above += 1.0
        below += 1.0
    return total


def _fraction(n: float, w: float) -> float:
    """Return 1 / F(1/2, 1; n/2 + 1; -w) by Gauss's continued fraction 1 + k1 w / (1 + k2 w / (1 + ...)).

    Evaluated from its head (Lentz 1976), which for positive elements loses nothing.
    """
    c = 0.5 * n
    value = numerator = 1.0
    denominator = 0.0
    for k in range(1, _FRACTION_DEPTH):
        m = k // 2
        top = (m + 0.5) * (c + m) if k % 2 else m * (c - 0.5 + m)
        element = w * top / ((c + k - 1.0) * (c + k))
        denominator = 1.0 / (1.0 + element * denominator)
        numerator = 1.0 + element / numerator
        change = numerator * denominator
        value *= change
        if abs(change - 1.0) < _HALF_ULP:
            break
    return value
