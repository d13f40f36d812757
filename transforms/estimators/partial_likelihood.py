"""Cox's partial likelihood of several covariates, from counts of participants by covariate pattern and day.

Belongs here: risk sets of patterns, the likelihood at given coefficients, its score and its information.
Does not belong here: maximising it (`cox_regression`), which covariates there are (`adjustment`).

With weights w = exp(x beta) by pattern, the risk set of an event day has the sums S0 = sum(w) and
S1 = sum(w x), the d events on it D0 and D1. Efron's term j = 0 .. d-1 is the logarithm of
S0 - (j/d) D0; Breslow's terms are all log S0. The sums of 1 / T, (j/d) / T and their like over the terms T of
a day are all that is needed: with H the cumulative hazard they make, a pattern expects
w * (H from entry to exit) events, so that second moments are summed over patterns and not on every day.
"""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike

from transforms.estimators.cox import Ties
from transforms.estimators.elementary import FloatArray, exp, log
from transforms.estimators.risk_set import IntArray, as_float

_BLOCK = 2**12


@dataclass(frozen=True, slots=True)
class PatternCounts:
    """Exits, and entries after day 0, of participants by covariate pattern and day; patterns from 0.

    Rows in any number per pattern and day, but in one order: sums follow it.
    """

    exit_pattern: IntArray
    exit_day: IntArray
    n_event: IntArray
    n_exit: IntArray
    entry_pattern: IntArray
    entry_day: IntArray
    n_entered: IntArray


@dataclass(frozen=True, slots=True)
class _Rows:
    """Counts of patterns that are at risk on the first `until` event days, or have an event on the last."""

    pattern: IntArray
    until: IntArray
    n: FloatArray


@dataclass(frozen=True, slots=True)
class RiskSets:
    """The risk sets of a model, prepared once for all coefficients.

    `d` and `at_risk` count participants by event day. `design` has a row per covariate and a column per
    pattern, centred; `ranges` are the spans of its rows. `term_day`, `fraction` (j/d) and the `first_term` of
    each day expand Efron's terms; with Breslow's ties each day has one, of fraction 0, that counts d times.
    """

    event_days: IntArray
    d: FloatArray
    at_risk: FloatArray
    design: FloatArray
    ranges: FloatArray
    exits: _Rows
    entries: _Rows
    events: _Rows
    ties: Ties
    term_day: IntArray
    fraction: FloatArray
    first_term: IntArray


@dataclass(frozen=True, slots=True)
class Likelihood:
    """The likelihood at some coefficients.

    `gain` is its logarithm less that at coefficients of 0. `weights` is w by pattern; `s1` and `d1` have a
    row per covariate and a column per event day. `hazard` and `tied` are the sums over a day's terms T of
    1/T and (j/d)/T, `squares` of 1/T**2, (j/d)/T**2 and (j/d)**2/T**2.
    """

    gain: float
    weights: FloatArray
    s1: FloatArray
    d1: FloatArray
    hazard: FloatArray
    tied: FloatArray
    squares: tuple[FloatArray, FloatArray, FloatArray]


def risk_sets_of_patterns(counts: PatternCounts, design: FloatArray, ties: Ties) -> RiskSets:
    """Prepare the risk sets of counts with at least one event.

    Args:
        counts: exits and later entries by pattern and day.
        design: value of each covariate (row) in each pattern (column).
        ties: how tied events count.
    """
    has_event = counts.n_event > 0
    event_days = np.unique(counts.exit_day[has_event])
    d = _summed(
        np.searchsorted(event_days, counts.exit_day[has_event]), counts.n_event[has_event], event_days.size
    )
    exits = _rows(event_days, counts.exit_pattern, counts.exit_day, counts.n_exit)
    entries = _rows(event_days, counts.entry_pattern, counts.entry_day, counts.n_entered)
    return with_ties(
        RiskSets(
            event_days=event_days,
            d=d,
            at_risk=_suffix_sums(exits, exits.n, d.size) - _suffix_sums(entries, entries.n, d.size),
            design=_centred(design, counts),
            ranges=np.max(design, axis=1) - np.min(design, axis=1),
            exits=exits,
            entries=entries,
            events=_rows(
                event_days,
                counts.exit_pattern[has_event],
                counts.exit_day[has_event],
                counts.n_event[has_event],
            ),
            ties=ties,
            term_day=np.arange(d.size),
            first_term=np.arange(d.size),
            fraction=np.zeros(d.size),
        ),
        ties,
    )


def with_ties(sets: RiskSets, ties: Ties) -> RiskSets:
    """Return the risk sets with their terms expanded for a way of handling ties."""
    number = sets.d.astype(np.int64) if ties == "efron" else np.ones(sets.d.size, dtype=np.int64)
    term_day = np.repeat(np.arange(number.size), number)
    first_term = np.cumsum(number) - number
    fraction = (np.arange(term_day.size) - first_term[term_day]) / sets.d[term_day]
    return replace(sets, ties=ties, term_day=term_day, first_term=first_term, fraction=fraction)


def _rows(event_days: IntArray, pattern: IntArray, day: IntArray, n: IntArray) -> _Rows:
    until = np.searchsorted(event_days, day, side="right")
    kept = np.flatnonzero(until)
    return _Rows(pattern[kept], until[kept], as_float(n[kept]))


def _centred(design: FloatArray, counts: PatternCounts) -> FloatArray:
    """Take from each covariate its mean over participants, which changes no result but its rounding."""
    participants = _summed(counts.exit_pattern, counts.n_exit, design.shape[1])
    mean = np.sum(design * participants, axis=1) / np.sum(participants)
    return as_float(design - mean[:, None])


def _summed(index: IntArray, values: ArrayLike, size: int) -> FloatArray:
    """Add up the values of each index from 0 to size - 1."""
    return as_float(np.bincount(index, as_float(values), size))


def _suffix_sums(rows: _Rows, values: FloatArray, n_days: int) -> FloatArray:
    """Return the sum of values at risk on each event day; positive ones are only added, never taken away."""
    by_last_day = _summed(rows.until, values, n_days + 1)[1:]
    return as_float(np.cumsum(by_last_day[::-1])[::-1])


def likelihood(sets: RiskSets, coefficients: FloatArray) -> Likelihood | None:
    """Return the likelihood and the sums of its derivatives; None where rounding leaves nothing of a term."""
    eta = np.zeros(sets.design.shape[1])
    for coefficient, values in zip(coefficients, sets.design, strict=True):
        eta += coefficient * values
    eta -= np.max(eta)
    weights = exp(eta)
    exits, entries, events = (
        rows.n * weights[rows.pattern] for rows in (sets.exits, sets.entries, sets.events)
    )
    s0, d0 = _at_risk(sets, exits, entries), _having_event(sets, events)
    # Those with the event are at risk: a bound that rounding may break when late entries are taken away.
    terms = np.maximum(s0, d0)[sets.term_day] - sets.fraction * d0[sets.term_day]
    if not np.min(terms) > 0.0:
        return None
    null_terms = sets.at_risk[sets.term_day] - sets.fraction * sets.d[sets.term_day]
    times = sets.d if sets.ties == "breslow" else np.ones(1)
    of_events = float(np.sum(sets.events.n * eta[sets.events.pattern]))
    s1 = [
        _at_risk(sets, exits * x[sets.exits.pattern], entries * x[sets.entries.pattern]) for x in sets.design
    ]
    d1 = [_having_event(sets, events * x[sets.events.pattern]) for x in sets.design]
    return Likelihood(
        of_events - float(np.sum(times * log(terms / null_terms))),
        weights,
        np.array(s1),
        np.array(d1),
        *_sums_over_terms(sets, times / terms, 1.0 / terms),
    )


def _having_event(sets: RiskSets, values: FloatArray) -> FloatArray:
    return _summed(sets.events.until - 1, values, sets.d.size)


def _at_risk(sets: RiskSets, exits: FloatArray, entries: FloatArray) -> FloatArray:
    sums = _suffix_sums(sets.exits, exits, sets.d.size)
    return sums - _suffix_sums(sets.entries, entries, sets.d.size) if entries.size else sums


def _sums_over_terms(
    sets: RiskSets, share: FloatArray, inverse: FloatArray
) -> tuple[FloatArray, FloatArray, tuple[FloatArray, FloatArray, FloatArray]]:
    fraction, first = sets.fraction, sets.first_term
    tied, square = share * fraction, share * inverse
    tied_square = square * fraction
    hazard, tied, *squares = (
        np.add.reduceat(values, first)
        for values in (share, tied, square, tied_square, tied_square * fraction)
    )
    return hazard, tied, (squares[0], squares[1], squares[2])


def expected_events(sets: RiskSets, at: Likelihood, day_weight: FloatArray | None = None) -> FloatArray:
    """Return the events each pattern expects, each counted with the weight of its day."""
    hazard, tied = at.hazard, at.tied
    if day_weight is not None:
        hazard, tied = hazard * day_weight, tied * day_weight
    cumulative = np.concatenate([[0.0], np.cumsum(hazard)])
    n_patterns = at.weights.size

    def by_pattern(rows: _Rows, values: FloatArray) -> FloatArray:
        return _summed(rows.pattern, rows.n * values, n_patterns)

    expected = by_pattern(sets.exits, cumulative[sets.exits.until])
    if sets.entries.n.size:
        expected -= by_pattern(sets.entries, cumulative[sets.entries.until])
    if sets.ties == "efron":
        expected -= by_pattern(sets.events, tied[sets.events.until - 1])
    return expected * at.weights


def score(sets: RiskSets, expected: FloatArray, day_weight: FloatArray | None = None) -> FloatArray:
    """Return the sum of x (observed - expected) for each covariate, observed events weighted by day."""
    n = sets.events.n if day_weight is None else sets.events.n * day_weight[sets.events.until - 1]
    observed = _summed(sets.events.pattern, n, expected.size)
    excess = observed - expected
    return np.array([np.sum(values * excess) for values in sets.design])


def information(
    sets: RiskSets, at: Likelihood, expected: FloatArray, day_weight: FloatArray | None = None
) -> tuple[FloatArray, FloatArray]:
    """Return the information, weighted by day, and the second moments its diagonal is the rest of.

    It is sum(x x' expected) over patterns less, over terms, S1 S1' / S0**2 with S1 - (j/d) D1 and
    S0 - (j/d) D0 for S1 and S0.
    """
    plain, once, twice = ((square if day_weight is None else square * day_weight) for square in at.squares)
    s1, d1 = at.s1, at.d1
    matrix = _second_moments(sets.design, expected)
    moments = np.diagonal(matrix).copy()
    for k in range(moments.size):
        on_all, on_tied = plain * s1[k] - once * d1[k], twice * d1[k] - once * s1[k]
        matrix[k, k:] -= np.sum(on_all * s1[k:] + on_tied * d1[k:], axis=1)
        matrix[k:, k] = matrix[k, k:]
    return matrix, moments


def _second_moments(design: FloatArray, expected: FloatArray) -> FloatArray:
    """Return the upper triangle of sum(x x' expected), by blocks of patterns that stay in the cache."""
    size = design.shape[0]
    matrix = np.zeros((size, size))
    for start in range(0, expected.size, _BLOCK):
        x = design[:, start : start + _BLOCK]
        weighted = x * expected[start : start + _BLOCK]
        for k in range(size):
            matrix[k, k:] += np.sum(weighted[k] * x[k:], axis=1)
    return matrix
