"""The subdistribution hazard ratio of two arms (Fine and Gray 1999), exact on counts.

Equals R's `cmprsk::crr` with the arm as its only covariate. Participants of one arm who leave on the same
day for the same reason are exchangeable, so the weighted risk sets, and the sandwich variance too, are
sums over days: no participant-level pass is needed.
"""

import math
from dataclasses import dataclass

import numpy as np

from transforms.estimators.competing_arms import (
    CompetingArms,
    after,
    before,
    competing_arms,
    why_not_comparable,
)
from transforms.estimators.elementary import FloatArray, exp, log
from transforms.estimators.risk_set import RiskSet

_CRR_TOLERANCE = 1e-6  # gtol of crr
_CLOSE = 1e-3  # standard errors
_LEAST_GAIN = 1e-4  # share of what the slope promises
_MAX_STEPS = 200
_MAX_HALVINGS = 60
_ROUNDING = 1e-24
"""A variance this small, relative to that of the events alone, is 0 but for rounding."""


@dataclass(frozen=True, slots=True)
class FineGrayFit:
    """The log subdistribution hazard ratio, experimental to control, and its robust standard error.

    What cannot be estimated is None, with the reason.
    """

    log_hazard_ratio: float | None
    std_error: float | None
    reason: str


def fine_gray(control: RiskSet, experimental: RiskSet) -> FineGrayFit:
    """Fit the proportional subdistribution hazards model with Breslow's ties.

    Who had a competing event stays in the risk set, with the probability of still being under observation
    as weight: on day t arm a counts Y_a(t) + G(t-) * sum over days s < t of (competing events) / G(s-), with
    G the Kaplan-Meier estimate of the censoring of both arms together. As in crr, who is censored on a day
    is at risk of everything that happens on it.
    """
    reason = why_not_comparable(control, experimental, "the Fine-Gray model")
    if reason:
        return FineGrayFit(None, None, reason)
    arms = competing_arms(control, experimental)
    uncensored = _uncensored_before(arms)
    still_counted = before(np.cumsum(_competing_per_share(arms, uncensored), axis=-1), 0.0)
    weighted = arms.n_at_risk + uncensored * still_counted
    reason = _why_no_maximum(arms.n_event, weighted)
    if reason:
        return FineGrayFit(None, None, reason)
    beta = _maximise(arms.n_event, weighted)
    if beta is None:
        return FineGrayFit(None, None, "the likelihood is too flat for its maximum to be found")
    std_error = _std_error(arms, uncensored, weighted, beta)
    if std_error is None:
        return FineGrayFit(beta, None, "no robust standard error: the participants of each arm fared alike")
    return FineGrayFit(beta, std_error, "")


def _uncensored_before(arms: CompetingArms) -> FloatArray:
    """Return G(t-), the share of both arms not yet censored before each day.

    For day 0 it is the share after the day, as crr finds it: it looks G up at t (1 - 2e-14), which on day
    0 is the day itself.
    """
    at_risk, censored = arms.n_at_risk[0] + arms.n_at_risk[1], arms.n_censored[0] + arms.n_censored[1]
    share = np.cumprod((at_risk - censored) / at_risk)
    return before(share, float(share[0]) if arms.time_days[0] == 0 else 1.0)


def _competing_per_share(arms: CompetingArms, uncensored: FloatArray) -> FloatArray:
    """Return (competing events) / G(t-); G is positive on every day that anybody has one."""
    events = arms.n_competing
    return np.divide(events, uncensored[np.newaxis], out=np.zeros_like(events), where=events > 0)


def _why_no_maximum(events: FloatArray, weighted: FloatArray) -> str:
    """Return why the likelihood has no maximum at a finite, single hazard ratio; empty if it has."""
    total = events[0] + events[1]
    alone = float(np.sum(total[weighted[0] == 0]))
    accompanied = float(np.sum(total[weighted[1] > 0]))
    experimental = float(np.sum(events[1]))
    if alone == accompanied:
        return "no event happened while both arms were in the weighted risk set"
    if experimental == alone:
        return "the hazard ratio tends to 0: no experimental event while the control arm was at risk"
    if experimental == accompanied:
        return "the hazard ratio tends to infinity: no control event while the experimental arm was at risk"
    return ""


def _at(beta: float, events: FloatArray, weighted: FloatArray) -> tuple[float, float, float]:
    """Return the log likelihood, the score and the information at a log hazard ratio."""
    experimental = weighted[1] * _ratio(beta)
    total = weighted[0] + experimental
    if not np.all(np.isfinite(total)):
        return -math.inf, 0.0, 0.0
    tied = events[0] + events[1]
    observed = float(np.sum(events[1]))
    expected = tied * (experimental / total)
    likelihood = observed * beta - float(np.sum(tied * log(total)))
    return likelihood, observed - float(np.sum(expected)), float(np.sum(expected * (weighted[0] / total)))


def _maximise(events: FloatArray, weighted: FloatArray) -> float | None:
    """Climb to the maximum as crr does at its defaults, and stop where it stops; None if rounding hides it.

    Newton's method from 0, a step that gains too little halved. crr stops once the score, times beta where
    that is above 1, is below 1e-6 of the log likelihood: in a trial some 1e-5 standard errors from the
    maximum, and that is the figure it prints. As the distance grows with the number of events, the climb
    goes on here while it is more than a thousandth of a standard error (from about 3000 events on).
    """
    happened = events[0] + events[1] > 0
    events, weighted = events[:, happened], weighted[:, happened]
    beta = 0.0
    likelihood, score, information = _at(beta, events, weighted)
    for _ in range(_MAX_STEPS):
        is_small = abs(score) * max(abs(beta), 1.0) < _CRR_TOLERANCE * max(abs(likelihood), 1.0)
        if is_small and abs(score) < _CLOSE * math.sqrt(information):
            return beta
        step = score / information
        for _ in range(_MAX_HALVINGS):
            there = _at(beta + step, events, weighted)
            if there[0] >= likelihood + _LEAST_GAIN * step * score:
                break
            step *= 0.5
        else:  # rounding hides what the step would gain
            return beta if is_small else None
        beta += step
        likelihood, score, information = there
    return None


def _std_error(
    arms: CompetingArms, uncensored: FloatArray, weighted: FloatArray, beta: float
) -> float | None:
    """Return the sandwich standard error, the estimation of the censoring included; None where it is 0.

    The influence of a participant on the score is eta + psi (Fine and Gray 1999, section 3). With away(t)
    the participant's arm (0 or 1) less the experimental share of the weighted risk set, and dL the jumps of
    the participant's hazard, eta is away on the day of the event, less the sum of away * dL over the days
    at risk, less, after a competing event on day s, that over the later days weighted with G(t-) / G(s-).
    """
    ratio = _ratio(beta)
    experimental = weighted[1] * ratio
    total = weighted[0] + experimental
    away = np.stack([-experimental / total, weighted[0] / total])
    drift = away * np.array([[1.0], [ratio]]) * ((arms.n_event[0] + arms.n_event[1]) / total)
    later = after(drift * uncensored)
    gain, expected_gain = _gains_of_censoring(arms, uncensored, later + drift * uncensored)

    stayed = -np.cumsum(drift, axis=-1) - expected_gain
    event = stayed + away
    censored = stayed + gain
    competing = stayed - np.divide(later, uncensored, out=np.zeros_like(later), where=arms.n_competing > 0)
    variance = _total(
        arms.n_event * event * event
        + arms.n_competing * competing * competing
        + arms.n_censored * censored * censored
    )
    if variance <= _ROUNDING * _total(arms.n_event * away * away):
        return None
    _, _, information = _at(beta, arms.n_event, weighted)
    return math.sqrt(variance) / information


def _gains_of_censoring(
    arms: CompetingArms, uncensored: FloatArray, from_day: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Return what being censored on a day adds to the score, and the expectation of that by each day.

    The difference is psi of Fine and Gray (1999, section 3). q(u), what all who had a competing event before
    u gain from a unit of censoring on day u, falls to the Y at risk alike; of them N are censored. A
    censored participant's psi is q / Y, less the sum of (q / Y) N / Y over the days at risk.

    Args:
        arms: both arms.
        uncensored: G(t-), one element per day.
        from_day: for each arm and day, the sum of G(t-) * away * dL from the day on.
    """
    at_risk, censored = arms.n_at_risk[0] + arms.n_at_risk[1], arms.n_censored[0] + arms.n_censored[1]
    competing_before = before(np.cumsum(_competing_per_share(arms, uncensored), axis=-1), 0.0)
    gain = (competing_before[0] * from_day[0] + competing_before[1] * from_day[1]) / at_risk
    return gain, np.cumsum(gain * (censored / at_risk))


def _total(values: FloatArray) -> float:
    return float(np.sum(values[0])) + float(np.sum(values[1]))


def _ratio(beta: float) -> float:
    return float(exp(np.array([beta]))[0])
