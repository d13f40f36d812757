"""The likelihood of a normal sample of which some values are known only to lie between bounds.

In the parametrisation of Olsen (1978, Econometrica 46:1211-5), location / standard deviation and
1 / standard deviation, its logarithm is concave, so it has one maximum. Belongs here: the logarithm of the
likelihood of one arm with its first and second derivatives. Does not belong here: the search for the maximum.
"""

from dataclasses import dataclass

import numpy as np

from transforms.estimators.elementary import FloatArray, exp, log
from transforms.estimators.normal_tail import log_cdf_and_mills

_LOG_SQRT_2_PI = 0.9189385332046727
_NARROW = 1.0
# Gauss's nodes and weights on [-1, 1] (Abramowitz and Stegun 1964, table 25.4, n = 8): positive halves.
_GAUSS_LEGENDRE = (
    (0.1834346424956498, 0.3626837833783620),
    (0.5255324099163290, 0.3137066458778873),
    (0.7966664774136267, 0.2223810344533745),
    (0.9602898564975363, 0.1012285362903763),
)


@dataclass(frozen=True, slots=True)
class CensoredSample:
    """Values of one arm in a fixed order: measured ones, and bounds of those that are censored.

    A bound of -inf or inf says that there is none; each censored value has at least one. `width` is the
    upper bound less the lower one, with the digits that it has lost where both are large.
    """

    exact: FloatArray
    low: FloatArray
    high: FloatArray
    width: FloatArray


@dataclass(frozen=True, slots=True)
class Derivatives:
    """A log-likelihood and its derivatives by location / SD (`shift`) and by 1 / SD (`rate`)."""

    log_likelihood: float
    shift: float
    rate: float
    shift_shift: float
    shift_rate: float
    rate_rate: float


def derivatives(sample: CensoredSample, shift: float, rate: float) -> Derivatives:
    """Return the log-likelihood of a sample and its derivatives at shift and rate > 0.

    With z = rate * value - shift a measured value adds log(rate) - z**2/2 and one between bounds the
    logarithm of Phi(z high) - Phi(z low).
    """
    y, n = sample.exact, sample.exact.size
    z = rate * y - shift
    log_p, b0, b1, b2, b3 = _between(
        rate * sample.low - shift, rate * sample.high - shift, rate * sample.width
    )
    by_rate = (b1 + shift * b0) / rate
    measured = n * (log(rate) - _LOG_SQRT_2_PI) - 0.5 * float(np.sum(z * z))
    return Derivatives(
        log_likelihood=measured + float(np.sum(log_p)),
        shift=float(np.sum(z)) - float(np.sum(b0)),
        rate=n / rate - float(np.sum(z * y)) + float(np.sum(by_rate)),
        shift_shift=-n - float(np.sum(b1 + b0 * b0)),
        shift_rate=float(np.sum(y)) + float(np.sum((b2 + shift * b1) / rate + b0 * by_rate)),
        rate_rate=-n / (rate * rate)
        - float(np.sum(y * y))
        - float(np.sum((b3 + shift * (2.0 * b2 + shift * b1)) / (rate * rate) + by_rate * by_rate)),
    )


def _between(low: FloatArray, high: FloatArray, width: FloatArray) -> FloatArray:
    """Return log P and B[0] .. B[3], a row each, of deviates known to lie between bounds.

    P = Phi(high) - Phi(low), B[k] = (high**k phi(high) - low**k phi(low)) / P; all derivatives are made of
    these. An interval in the upper half is turned into the lower one, where P keeps its digits; that changes
    the sign of B[k] for even k.
    """
    is_turned = low > -high
    low, high = np.where(is_turned, -high, low), np.where(is_turned, -low, high)
    is_open = np.isneginf(low)
    is_narrow = width < _NARROW / (1.0 + np.abs(high))
    terms = np.empty((5, low.size))
    for which, of_these in ((is_open, _below), (is_narrow, _narrow), (~(is_open | is_narrow), _wide)):
        if np.any(which):
            terms[:, which] = of_these(low[which], high[which], width[which])
    terms[1::2, is_turned] *= -1.0
    return terms


def _below(_low: FloatArray, high: FloatArray, _width: FloatArray) -> list[FloatArray]:
    """Return log P and B of deviates below a bound."""
    log_p, mills = log_cdf_and_mills(high)
    terms = [log_p, mills]
    for _ in range(3):
        terms.append(high * terms[-1])
    return terms


def _wide(low: FloatArray, high: FloatArray, _width: FloatArray) -> list[FloatArray]:
    """Return log P and B of deviates between bounds well apart, from the tails below them."""
    log_low, mills_low = log_cdf_and_mills(low)
    log_high, mills_high = log_cdf_and_mills(high)
    share_below = exp(log_low - log_high)
    between = 1.0 - share_below
    at_high, at_low = mills_high / between, mills_low * share_below / between
    terms = [log_high + log(between), at_high - at_low]
    for _ in range(3):
        at_high, at_low = high * at_high, low * at_low
        terms.append(at_high - at_low)
    return terms


def _narrow(low: FloatArray, high: FloatArray, width: FloatArray) -> list[FloatArray]:
    """Return log P and B of deviates between bounds so close that their tails would cancel.

    From moments between them: B[0] = -E z, B[1] = 1 - E z**2, B[2] = E(2 z - z**3), B[3] = E(3 z**2 - z**4).
    """
    middle, half = 0.5 * (low + high), 0.5 * width
    moments = [np.zeros_like(middle) for _ in range(5)]
    for node, weight in _GAUSS_LEGENDRE:
        for aside in (-node * half, node * half):
            mass = weight * exp(-aside * (middle + 0.5 * aside))
            for k in range(5):
                moments[k] = moments[k] + mass
                mass = mass * (middle + aside)
    m1, m2, m3, m4 = (moment / moments[0] for moment in moments[1:])
    log_p = log(half * moments[0]) - _LOG_SQRT_2_PI - 0.5 * middle * middle
    return [log_p, -m1, 1.0 - m2, 2.0 * m1 - m3, 3.0 * m2 - m4]
