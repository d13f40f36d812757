"""Cumulative incidence in the presence of competing events (Aalen and Johansen 1978)."""

from dataclasses import dataclass, replace

import numpy as np

from transforms.estimators.elementary import FloatArray
from transforms.estimators.infinitesimal_jackknife import Stays, has_delayed_entry, incidence_variances
from transforms.estimators.intervals import ConfidenceLimits, confidence_limits
from transforms.estimators.risk_set import IntArray, RiskSet, as_float


@dataclass(frozen=True, slots=True)
class Incidence:
    """The probability of one outcome by each day: day 0 and the days with an exit.

    The 95 % limits are R's on three scales (see `intervals`), but for one addition: before the first such
    outcome the log scale has the interval [0, 0], where R has NA, as that of a survival curve is [1, 1]
    before the first event.
    """

    time_days: IntArray
    n_at_risk: IntArray
    cumulative_incidence: FloatArray
    std_error: FloatArray
    limits: ConfidenceLimits


def cumulative_incidence(group: RiskSet, stays: Stays | None = None) -> tuple[Incidence, Incidence]:
    """Estimate how often the event, and how often a competing event, comes first.

    With d events among n at risk the incidence grows by S d/n, S being the share still free of both. Its
    standard error is R's, by the infinitesimal jackknife.

    Args:
        group: the participants.
        stays: the same participants, which the error needs when any of them enters after day 0.

    Raises:
        ValueError: a participant enters after day 0 and there are no stays, or they are not the group's.
    """
    steps = group.steps()
    at_risk = as_float(np.maximum(steps.n_at_risk, 1))  # day 0 before the first delayed entry
    event, competing = as_float(steps.n_event), as_float(steps.n_competing)
    own_and_other = event / at_risk, competing / at_risk
    other_and_own = own_and_other[::-1]
    remaining = (at_risk - event - competing) / at_risk
    if has_delayed_entry(group):
        if stays is None:
            raise ValueError(
                "a participant enters after day 0, and then the error of the incidence needs the stays of "
                "the participants: give the rows of intermediate.int_delayed_entry__stays"
            )
        variances = incidence_variances(steps, stays)
    else:
        variances = (
            _variance(*own_and_other, remaining, at_risk),
            _variance(*other_and_own, remaining, at_risk),
        )

    def incidence(own: FloatArray, other: FloatArray, variance: FloatArray) -> Incidence:
        probability = _probability(own, other, remaining)
        error = np.sqrt(variance)
        limits = confidence_limits(probability, error)
        happened = probability > 0
        return Incidence(
            time_days=steps.time_days,
            n_at_risk=steps.n_at_risk,
            cumulative_incidence=probability,
            std_error=error,
            limits=replace(
                limits,
                log_low=np.where(happened, limits.log_low, 0.0),
                log_high=np.where(happened, limits.log_high, 0.0),
            ),
        )

    return incidence(*own_and_other, variances[0]), incidence(*other_and_own, variances[1])


def _probability(own: FloatArray, other: FloatArray, remaining: FloatArray) -> FloatArray:
    """Return the cumulative incidence of `own` from the daily shares of those at risk."""
    free = np.cumprod(remaining, dtype=np.float64)
    free_before = _previous(free, 1.0)
    incidence = np.cumsum(free_before * own)
    is_certain = (free == 0.0) & (np.cumsum(free_before * other) == 0.0)
    return np.where(is_certain, 1.0, incidence)  # which the sum may miss by rounding


def _variance(own: FloatArray, other: FloatArray, remaining: FloatArray, at_risk: FloatArray) -> FloatArray:
    """Return the variance of the cumulative incidence of `own` when everybody enters on day 0.

    The outcomes of the n at risk on day u are multinomial with shares own, other and remaining; a unit
    of the three moves the incidence at day t by S(u-) - g, -g and 0, where g is the incidence of own
    after u divided by the remaining share. The variance is the sum over days u <= t of
    [own other S(u-)^2 + own remaining (S(u-) - g)^2 + other remaining g^2] / n. It equals R's
    infinitesimal jackknife: a participant's influences on different days are uncorrelated, as all who are at
    risk later were at risk earlier. With delayed entry they are not: see `infinitesimal_jackknife`.

    Both g * remaining = own incidence in (u, t] and (S(u-) - g) * remaining = S(t) + other incidence in
    (u, t] are sums of increments of one sign, so every term is positive and nothing cancels.
    """
    free = np.cumprod(remaining, dtype=np.float64)
    free_before = _previous(free, 1.0)
    grown_own, grown_other = free_before * own, free_before * other
    survivors = remaining > 0
    weight_own = np.divide(own, remaining * at_risk, out=np.zeros_like(own), where=survivors)
    weight_other = np.divide(other, remaining * at_risk, out=np.zeros_like(own), where=survivors)
    same_day = np.cumsum(grown_own * grown_other / at_risk)
    zeroth, first, second = _moments(weight_own, grown_other)
    _, _, second_other = _moments(weight_other, grown_own)
    return same_day + free * free * zeroth + 2.0 * free * first + second + second_other


def _moments(weight: FloatArray, increment: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return sum over u <= t of weight(u) * (increments in (u, t]) ** k, for k = 0, 1, 2."""
    zeroth = np.cumsum(weight)
    zeroth_before = _previous(zeroth, 0.0)
    first = np.cumsum(increment * zeroth_before)
    second = np.cumsum(increment * (2.0 * _previous(first, 0.0) + increment * zeroth_before))
    return zeroth, first, second


def _previous(values: FloatArray, start: float) -> FloatArray:
    return np.concatenate([[start], values[:-1]])
