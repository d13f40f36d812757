"""The hazard ratio of two arms by Cox's partial likelihood (1972), exact on counts.

With one binary covariate the likelihood depends on the data only through the events and the numbers at
risk per stratum, day and arm, so no participant-level pass is needed.
"""

import itertools
import math
from dataclasses import dataclass
from typing import Literal

import numpy as np

from transforms.estimators.elementary import FloatArray, exp
from transforms.estimators.risk_set import EventDays, as_float

Ties = Literal["efron", "breslow"]

_Terms = tuple[FloatArray, FloatArray]
"""What control and experimental arm put into the sum of each of some terms of the likelihood."""

_BLOCK = 2**14  # terms worked on at a time, few enough to stay in the processor's cache
_CONVERGED = 1e-9  # Newton doubles the digits, so the step after one this small is below rounding
_LARGEST_STEP = 2.0
_MAX_STEPS = 200


@dataclass(frozen=True, slots=True)
class CoxFit:
    """The log hazard ratio, experimental to control, and its standard error; or the reason of neither."""

    log_hazard_ratio: float | None
    std_error: float | None
    reason: str


def cox_two_arms(days: EventDays, ties: Ties = "efron") -> CoxFit:
    """Maximise the partial likelihood, of Efron (1977) or Breslow (1974), by Newton's method.

    The d events of a stratum and day contribute d terms, j = 0 .. d-1, each the logarithm of a sum over
    those at risk from which Efron takes the share j/d of the d events. The score then is the number
    of experimental events less sum(p), the information sum(p (1 - p)), with p the experimental share of
    each sum at the current hazard ratio.
    """
    terms = _terms(days, ties)
    events = int(np.sum(days.experimental_events))
    reason = _why_no_maximum(terms, events)
    if reason:
        return CoxFit(None, None, reason)
    beta = _solve(terms, events)
    if beta is None:
        return CoxFit(None, None, f"the hazard ratio did not converge in {_MAX_STEPS} steps")
    _, information = _score(beta, terms, events)
    return CoxFit(beta, 1.0 / math.sqrt(information), "")


def _terms(days: EventDays, ties: Ties) -> list[_Terms]:
    """Expand the events into the terms of the likelihood, in blocks of whole days."""
    d = days.control_events + days.experimental_events
    block = np.cumsum(d) // _BLOCK
    starts = np.flatnonzero(np.diff(block, prepend=-1)).tolist()
    return [
        _terms_of_block(days, slice(start, end), ties) for start, end in itertools.pairwise([*starts, d.size])
    ]


def _terms_of_block(days: EventDays, block: slice, ties: Ties) -> _Terms:
    control, experimental = days.control_events[block], days.experimental_events[block]
    d = control + experimental
    rank = np.arange(int(np.sum(d))) - np.repeat(np.cumsum(d) - d, d)
    fraction = rank / np.repeat(d, d) if ties == "efron" else np.zeros(rank.size)
    return (
        np.repeat(as_float(days.control_at_risk[block]), d) - fraction * np.repeat(control, d),
        np.repeat(as_float(days.experimental_at_risk[block]), d) - fraction * np.repeat(experimental, d),
    )


def _why_no_maximum(terms: list[_Terms], events: int) -> str:
    """Return why the likelihood has no maximum at a finite, single hazard ratio; empty if it has.

    The score falls with beta from (events less the terms without control) to (events less the terms with
    experimental); a maximum needs it to cross 0.
    """
    lowest = sum(int(np.count_nonzero(control == 0.0)) for control, _ in terms)
    highest = sum(int(np.count_nonzero(experimental > 0.0)) for _, experimental in terms)
    if not terms:
        return "no events in either arm"
    if lowest == highest:
        return "no event happened while both arms were at risk"
    if events == lowest:
        return "the hazard ratio tends to 0: no experimental event while the control arm was at risk"
    if events == highest:
        return "the hazard ratio tends to infinity: no control event while the experimental arm was at risk"
    return ""


def _score(beta: float, terms: list[_Terms], events: int) -> tuple[float, float]:
    """Return the score and the information at a log hazard ratio."""
    ratio = float(exp(np.array([beta]))[0])
    expected, information = 0.0, 0.0
    for control, experimental in terms:
        weighted = experimental * ratio
        total = control + weighted
        share = weighted / total
        expected += float(np.sum(share))
        information += float(np.sum(share * (control / total)))
    return events - expected, information


def _solve(terms: list[_Terms], events: int) -> float | None:
    """Find the zero of the score by Newton's method, steps cut at 2; None if rounding hides it.

    The information changes at most e-fold when beta changes by 1, as each term's p (1 - p) does. From a
    distance x of the maximum a Newton step is therefore at most exp(x) - 1, and cut at 2 it is always
    shorter than 2 x: every step ends nearer to the maximum.
    """
    beta = 0.0
    for _ in range(_MAX_STEPS):
        score, information = _score(beta, terms, events)
        newton = score / information
        if abs(newton) < _CONVERGED:
            return beta + newton
        beta += float(np.clip(newton, -_LARGEST_STEP, _LARGEST_STEP))
    return None
