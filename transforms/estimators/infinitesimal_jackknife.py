"""The infinitesimal jackknife of the Aalen-Johansen estimator (1978) with delayed entry, exact on counts.

How far a participant moves the incidence depends on the days of entry and exit both, so a risk table is not
enough: the distinct stays are needed, with the number of participants who have each. Belongs here: stays and
the variance made of them. Does not belong here: the incidence, and the variance when everybody enters on
day 0, which the risk table gives alone (`competing_risks`).
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import polars as pl

from transforms.estimators.elementary import FloatArray
from transforms.estimators.risk_set import ARM_KEY, IntArray, RiskSet, Steps, as_float


@dataclass(frozen=True, slots=True)
class Stays:
    """The distinct stays of a group of participants, ordered; one element per stay.

    competing_code says how a stay ends: 0 by a censoring, 1 by the event, 2 by a competing event. n
    participants have the stay. Who enters on day 0 is at risk on it, anybody else from the day after entry.
    """

    entry_days: IntArray
    time_days: IntArray
    competing_code: IntArray
    n: IntArray


def stays_by_arm(delayed_stays: pl.DataFrame) -> dict[tuple[str, ...], Stays]:
    """Split the rows of `intermediate.int_delayed_entry__stays`, in any order, into arms of analyses.

    Rows of the same stay are added.
    """
    stay = ["entry_days", "time_days", "competing_code"]
    distinct = delayed_stays.group_by(*ARM_KEY, *stay).agg(pl.col("n").sum()).sort(*ARM_KEY, *stay)
    arms = distinct.partition_by(*ARM_KEY, as_dict=True, include_key=False)
    return {
        tuple(str(part) for part in key): Stays(*(rows[c].cast(pl.Int64).to_numpy() for c in (*stay, "n")))
        for key, rows in arms.items()
    }


def has_delayed_entry(group: RiskSet) -> bool:
    """Return whether anybody of a group entered after day 0."""
    return bool(np.any(group.n_entered[group.time_days > 0]))


def incidence_variances(steps: Steps, stays: Stays) -> tuple[FloatArray, FloatArray]:
    """Return the variance of the incidence of the event, and of the competing event, by each day.

    It is the sum over participants of their squared influences, the derivative of the estimate by the weight
    of a participant (R: survfit of a multi-state Surv(entry, exit, state) with id). With k the
    outcome and o the other, of whom d_k and d_o have theirs among the n at risk on day v, h = d / n,
    c = 1 / (n - d_k - d_o), F and O the incidences of k and o and S = 1 - F - O, the influence on F(t) is

        sum over the days v <= t at risk of
            c(v) {[own_k - h_k(v)] [S(t) + O(t) - O(v)] - [own_o - h_o(v)] [F(t) - F(v)]},

    own_k being 1 when the participant has outcome k on day v. That is S(t) M_k + Q(t), where M_k is the sum
    of c (own_k - h_k) up to t, M_o that of c (own_o - h_o), and Q, 0 at first, grows by M_k dO - M_o dF
    every day, M as before the day. On a day when all at risk have an outcome c is infinite, but S(t) c is
    S(v-) / n: there Q grows by S(v-) / n (own_k - h_k) as well, and nothing changes later. With the roles of
    k and o exchanged Q changes its sign, so both variances follow from the six sums over participants of
    products of M_k, M_o and Q. Besides what the growth of Q makes of them, a day adds to these sums

        the squares and products of the day's terms, multinomial: c^2 d_k (1 - h_k) and -c^2 d_k h_o;
        the day's terms times M and Q so far. Among those at risk M and Q depend on the entry alone, so this
        is c times the sum, over those with the outcome, of M or Q less its mean at risk. It is 0 when all
        entered together, which leaves the variance that a risk table gives.

    Nothing is taken away when participants leave, and but for the differences from the mean the increments
    are of one sign, so little cancels. The work grows with stays plus days, not with their product.

    Args:
        steps: the group on day 0 and its days with an exit.
        stays: the same participants.

    Raises:
        ValueError: the stays are not those of the group.
    """
    _check(steps, stays)
    days = _days_of(steps)
    free, event, competing = days.free, days.grown_event, days.grown_competing
    of_event, of_competing = _apart_from_the_mean(days, steps, stays)
    weight, squared = days.weight, days.weight * days.weight

    m_m = np.cumsum(2.0 * weight * of_event.m + squared * days.event_spread)
    o_o = np.cumsum(2.0 * weight * of_competing.o + squared * days.competing_spread)
    m_o = np.cumsum(weight * (of_event.o + of_competing.m) - squared * days.shared)
    m_m_before, m_o_before, o_o_before = (_previous(sums, 0.0) for sums in (m_m, m_o, o_o))
    m_q = np.cumsum(competing * m_m_before - event * m_o_before + weight * of_event.q)
    o_q = np.cumsum(competing * m_o_before - event * o_o_before + weight * of_competing.q)
    q_q = np.cumsum(
        2.0 * (competing * _previous(m_q, 0.0) - event * _previous(o_q, 0.0))
        + competing * competing * m_m_before
        - 2.0 * competing * event * m_o_before
        + event * event * o_o_before
        + days.last_weight * (2.0 * of_event.q + days.last_weight * days.event_spread)
    )
    variance = free * free * m_m + 2.0 * free * m_q + q_q
    other_variance = free * free * o_o - 2.0 * free * o_q + q_q
    return np.maximum(variance, 0.0), np.maximum(other_variance, 0.0)


@dataclass(frozen=True, slots=True)
class _Days:
    """What the variance needs of each day; k is the event, o the competing event.

    free is S, grown_event dF and grown_competing dO, weight c, last_weight S(v-) / n where c is infinite.
    The spreads are d_k (1 - h_k) and d_o (1 - h_o), shared is d_k h_o.
    """

    at_risk: FloatArray
    free: FloatArray
    grown_event: FloatArray
    grown_competing: FloatArray
    event_share: FloatArray
    competing_share: FloatArray
    weight: FloatArray
    last_weight: FloatArray
    event_spread: FloatArray
    competing_spread: FloatArray
    shared: FloatArray


def _days_of(steps: Steps) -> _Days:
    at_risk = as_float(np.maximum(steps.n_at_risk, 1))  # day 0 before the first delayed entry
    event, competing = as_float(steps.n_event), as_float(steps.n_competing)
    survivors = at_risk - event - competing
    free = np.cumprod(survivors / at_risk, dtype=np.float64)
    free_before = _previous(free, 1.0)
    event_share, competing_share = event / at_risk, competing / at_risk
    return _Days(
        at_risk=at_risk,
        free=free,
        grown_event=free_before * event_share,
        grown_competing=free_before * competing_share,
        event_share=event_share,
        competing_share=competing_share,
        weight=np.divide(1.0, survivors, out=np.zeros_like(free), where=survivors > 0),
        last_weight=np.where(survivors > 0, 0.0, free_before / at_risk),
        event_spread=event * ((at_risk - event) / at_risk),
        competing_spread=competing * ((at_risk - competing) / at_risk),
        shared=event * competing_share,
    )


@dataclass(frozen=True, slots=True)
class _Apart:
    """What those who have an outcome on a day add up to in M_k, M_o and Q, less as many times the mean."""

    m: FloatArray
    o: FloatArray
    q: FloatArray


def _apart_from_the_mean(days: _Days, steps: Steps, stays: Stays) -> tuple[_Apart, _Apart]:
    """Return the differences of those with the event, and of those with a competing event.

    While at risk M_k and M_o have only fallen, by the sums of c h since entry, and Q has moved as they did.
    Between participants on one day they therefore differ by what these sums were at their entries.
    """
    incidence, other_incidence = np.cumsum(days.grown_event), np.cumsum(days.grown_competing)
    fall = np.cumsum(days.weight * days.event_share)
    other_fall = np.cumsum(days.weight * days.competing_share)
    drift = np.cumsum(
        _previous(fall, 0.0) * days.grown_competing - _previous(other_fall, 0.0) * days.grown_event
    )
    at_entry = drift - fall * other_incidence + other_fall * incidence

    def apart(excess: _Excess) -> _Apart:
        m, o = excess(fall), excess(other_fall)
        return _Apart(m, o, excess(at_entry) + m * other_incidence - o * incidence)

    of_event, of_competing = _excesses(steps, stays, days.at_risk)
    return apart(of_event), apart(of_competing)


_Excess = Callable[[FloatArray], FloatArray]


def _excesses(steps: Steps, stays: Stays, at_risk: FloatArray) -> tuple[_Excess, _Excess]:
    """Return what sums a function of the entry over those with the event, or with a competing one, by day.

    Each counts less the mean of all at risk. The function is given as it stands after each day; before day 0
    it is 0.
    """
    size = steps.time_days.size
    entered, leaves = _places(steps, stays)

    def excess(code: int) -> _Excess:
        chosen = stays.competing_code == code
        on, n = leaves[chosen], as_float(stays.n[chosen])

        def of(function: FloatArray) -> FloatArray:
            at_entry = np.concatenate([[0.0], function])[entered]
            mean = _of_those_at_risk(stays.n * at_entry, entered, leaves, size) / at_risk
            return np.bincount(on, n * (at_entry[chosen] - mean[on]), size).astype(np.float64)

        return of

    return excess(1), excess(2)


def _places(steps: Steps, stays: Stays) -> tuple[IntArray, IntArray]:
    """Return the first and the last of the days on which each stay is at risk."""
    after_entry = np.searchsorted(steps.time_days, stays.entry_days, side="right")
    return np.where(stays.entry_days > 0, after_entry, 0), np.searchsorted(steps.time_days, stays.time_days)


def _of_those_at_risk(values: FloatArray, entered: IntArray, leaves: IntArray, size: int) -> FloatArray:
    """Return the sum over the stays at risk on each of `size` days."""
    came = np.bincount(entered, values, size)
    went = np.bincount(leaves + 1, values, size + 1)[:size]
    return np.cumsum(came - went)


def _check(steps: Steps, stays: Stays) -> None:
    """Make sure that the stays add up to the risk table."""
    days = steps.time_days
    known = np.isin(stays.time_days, days) & ((stays.entry_days < stays.time_days) | (stays.entry_days == 0))
    if np.all(known):
        entered, leaves = _places(steps, stays)
        ends = (
            np.bincount(leaves, np.where(stays.competing_code == code, stays.n, 0), days.size)
            for code in range(3)
        )
        counted = (_of_those_at_risk(as_float(stays.n), entered, leaves, days.size), *ends)
        wanted = (steps.n_at_risk, steps.n_censored, steps.n_event, steps.n_competing)
        if all(np.array_equal(own, theirs) for own, theirs in zip(counted, wanted, strict=True)):
            return
    raise ValueError(
        "the stays of intermediate.int_delayed_entry__stays do not add up to survival.risk_table: "
        "they are not of the same participants"
    )


def _previous(values: FloatArray, start: float) -> FloatArray:
    return np.concatenate([[start], values[:-1]])
