"""The hazard ratio of two arms by Cox's partial likelihood (1972), exact on counts.

With one binary covariate the likelihood depends on the data only through the events and the numbers at
risk per stratum, day and arm, so no participant-level pass is needed.
"""

import itertools
import math
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from transforms.estimators.elementary import FloatArray, exp
from transforms.estimators.risk_set import EventDays, IntArray, as_float

Ties = Literal["efron", "breslow"]

_BLOCK = 2**14  # terms worked on at a time, few enough to stay in the processor's cache
_CONVERGED = 1e-9  # Newton doubles the digits, so the step after one this small is below rounding
_LARGEST_STEP = 2.0
_MAX_STEPS = 200


@dataclass(frozen=True, slots=True)
class CoxFit:
    """The log hazard ratio, experimental to control, and its standard error; or the reason of neither.

    `expected_events`, of the experimental arm, and `information` are those of each element of the event
    days at the estimate; empty without one.
    """

    log_hazard_ratio: float | None
    std_error: float | None
    reason: str
    expected_events: FloatArray = field(default_factory=lambda: np.zeros(0))
    information: FloatArray = field(default_factory=lambda: np.zeros(0))


@dataclass(frozen=True, slots=True)
class _Terms:
    """Some terms of the likelihood: what each arm puts into their sums, and how often each counts.

    `first` is the first term of each event day; `times` is None when every term counts once.
    """

    control: FloatArray
    experimental: FloatArray
    times: FloatArray | None
    first: IntArray


def cox_two_arms(days: EventDays, ties: Ties = "efron") -> CoxFit:
    """Maximise the partial likelihood, of Efron (1977) or Breslow (1974), by Newton's method.

    The d events of a stratum and day contribute d terms, j = 0 .. d-1, each the logarithm of a sum over
    those at risk from which Efron takes the share j/d of the d events and Breslow nothing. The score then
    is the number of experimental events less sum(p), the information sum(p (1 - p)), with p the
    experimental share of each sum at the current hazard ratio.
    """
    terms = _terms(days, ties)
    events = int(np.sum(days.experimental_events))
    reason = _why_no_maximum(terms, events)
    if reason:
        return CoxFit(None, None, reason)
    start = 0.0
    if ties == "efron":
        # Breslow's estimate is near and cheap: one term a day, however many the ties.
        start = _solve(_terms(days, "breslow"), events, 0.0) or 0.0
    beta = _solve(terms, events, start)
    if beta is None:
        return CoxFit(None, None, f"the hazard ratio did not converge in {_MAX_STEPS} steps")
    expected, information = _by_day(beta, terms)
    return CoxFit(beta, 1.0 / math.sqrt(float(np.sum(information))), "", expected, information)


def _terms(days: EventDays, ties: Ties) -> list[_Terms]:
    """Expand the events into the terms of the likelihood, in blocks of whole days."""
    d = days.control_events + days.experimental_events
    block = np.cumsum(d) // _BLOCK if ties == "efron" else np.arange(d.size) // _BLOCK
    starts = np.flatnonzero(np.diff(block, prepend=-1)).tolist()
    expand = _efron_terms if ties == "efron" else _breslow_terms
    return [expand(days, slice(start, end)) for start, end in itertools.pairwise([*starts, d.size])]


def _efron_terms(days: EventDays, block: slice) -> _Terms:
    control, experimental = days.control_events[block], days.experimental_events[block]
    d = control + experimental
    first = np.cumsum(d) - d
    fraction = (np.arange(int(np.sum(d))) - np.repeat(first, d)) / np.repeat(d, d)
    return _Terms(
        np.repeat(as_float(days.control_at_risk[block]), d) - fraction * np.repeat(control, d),
        np.repeat(as_float(days.experimental_at_risk[block]), d) - fraction * np.repeat(experimental, d),
        None,
        first,
    )


def _breslow_terms(days: EventDays, block: slice) -> _Terms:
    d = days.control_events[block] + days.experimental_events[block]
    return _Terms(
        as_float(days.control_at_risk[block]),
        as_float(days.experimental_at_risk[block]),
        as_float(d),
        np.arange(d.size),
    )


def _why_no_maximum(terms: list[_Terms], events: int) -> str:
    """Return why the likelihood has no maximum at a finite, single hazard ratio; empty if it has.

    The score falls with beta from (events less the terms without control) to (events less the terms with
    experimental); a maximum needs it to cross 0.
    """
    lowest = sum(_number(block, block.control == 0.0) for block in terms)
    highest = sum(_number(block, block.experimental > 0.0) for block in terms)
    if not terms:
        return "no events in either arm"
    if lowest == highest:
        return "no event happened while both arms were at risk"
    if events == lowest:
        return "the hazard ratio tends to 0: no experimental event while the control arm was at risk"
    if events == highest:
        return "the hazard ratio tends to infinity: no control event while the experimental arm was at risk"
    return ""


def _number(block: _Terms, which: NDArray[np.bool_]) -> int:
    return int(np.count_nonzero(which) if block.times is None else np.sum(block.times[which]))


def _expected_and_information(block: _Terms, ratio: float) -> tuple[FloatArray, FloatArray]:
    """Return p and p (1 - p) of each term, as often as it counts."""
    weighted = block.experimental * ratio
    total = block.control + weighted
    share = weighted / total
    information = share * (block.control / total)
    if block.times is None:
        return share, information
    return share * block.times, information * block.times


def _score(beta: float, terms: list[_Terms], events: int) -> tuple[float, float]:
    """Return the score and the information at a log hazard ratio."""
    ratio = exp(beta)
    expected, information = 0.0, 0.0
    for block in terms:
        block_expected, block_information = _expected_and_information(block, ratio)
        expected += float(np.sum(block_expected))
        information += float(np.sum(block_information))
    return events - expected, information


def _by_day(beta: float, terms: list[_Terms]) -> tuple[FloatArray, FloatArray]:
    """Return expected experimental events and information of each event day."""
    ratio = exp(beta)
    parts = [
        [np.add.reduceat(values, block.first) for values in _expected_and_information(block, ratio)]
        for block in terms
    ]
    expected, information = zip(*parts, strict=True)
    return np.concatenate(expected), np.concatenate(information)


def _solve(terms: list[_Terms], events: int, beta: float) -> float | None:
    """Find the zero of the score by Newton's method, steps cut at 2; None if rounding hides it.

    The information changes at most e-fold when beta changes by 1, as each term's p (1 - p) does. From a
    distance x of the maximum a Newton step is therefore at most exp(x) - 1, and cut at 2 it is always
    shorter than 2 x: every step ends nearer to the maximum.
    """
    for _ in range(_MAX_STEPS):
        score, information = _score(beta, terms, events)
        newton = score / information
        if abs(newton) < _CONVERGED:
            return beta + newton
        beta += float(np.clip(newton, -_LARGEST_STEP, _LARGEST_STEP))
    return None
