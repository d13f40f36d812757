"""Counts of a risk table as arrays: one group of participants, or two arms side by side.

Belongs here: from rows to arrays, and who is at risk when. Does not belong here: any estimate.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import ArrayLike, NDArray

from transforms.estimators.elementary import FloatArray

IntArray = NDArray[np.int64]

ARM_KEY = ("study_id", "endpoint_id", "policy_id", "arm_id")
COUNTS = ("n_event", "n_competing", "n_censored", "n_entered")


@dataclass(frozen=True, slots=True)
class Steps:
    """Counts of a group on day 0 and each day with an exit, one element per day."""

    time_days: IntArray
    n_at_risk: IntArray
    n_event: IntArray
    n_competing: IntArray
    n_censored: IntArray


@dataclass(frozen=True, slots=True)
class RiskSet:
    """The counts of one group of participants on its distinct days, days ascending.

    All arrays have one element per day. A participant is at risk on day t when they entered before t,
    or on day 0, and did not leave before t: Surv(entry, exit] of R, with those who leave on day 0 at
    risk on day 0.
    """

    time_days: IntArray
    n_event: IntArray
    n_competing: IntArray
    n_censored: IntArray
    n_entered: IntArray

    @property
    def n_exit(self) -> IntArray:
        """Participants who leave on each day, for whatever reason."""
        return self.n_event + self.n_competing + self.n_censored

    @property
    def n_at_risk(self) -> IntArray:
        """Participants at risk on each day."""
        return self.at_risk_on(self.time_days)

    @property
    def participants(self) -> int:
        """Participants who are ever at risk."""
        return int(np.sum(self.n_entered))

    @property
    def events(self) -> int:
        """Participants with the event."""
        return int(np.sum(self.n_event))

    @property
    def last_exit_day(self) -> int:
        """The day on which follow-up ends; 0 when nobody leaves."""
        left = self.time_days[self.n_exit > 0]
        return int(left[-1]) if left.size else 0

    @property
    def person_days(self) -> int:
        """Days at risk, summed over participants."""
        return int(np.sum((self.n_exit - self.n_entered) * self.time_days))

    def at_risk_on(self, days: NDArray[np.int64] | FloatArray) -> IntArray:
        """Count the participants at risk on any days, which need not be whole."""
        at_origin = self.time_days <= 0
        later_entries = np.where(at_origin, 0, self.n_entered)
        balance = np.concatenate([[0], np.cumsum(later_entries - self.n_exit)])
        days_before = np.searchsorted(self.time_days, days, side="left")
        counts: IntArray = np.sum(self.n_entered[at_origin]) + balance[days_before]
        return counts

    def steps(self) -> "Steps":
        """Return day 0 and the days with an exit, the days on which estimates change or are printed."""
        rows = np.flatnonzero(self.n_exit > 0)
        starts_at_origin = rows.size > 0 and self.time_days[rows[0]] == 0
        origin = np.zeros(0 if starts_at_origin else 1, dtype=np.int64)
        days, *counts = (
            np.concatenate([origin, column[rows]])
            for column in (self.time_days, self.n_event, self.n_competing, self.n_censored)
        )
        return Steps(days, self.at_risk_on(days), *counts)

    def reversed(self) -> "RiskSet":
        """Return the group with the roles of event and censoring exchanged."""
        return RiskSet(
            time_days=self.time_days,
            n_event=self.n_competing + self.n_censored,
            n_competing=np.zeros_like(self.n_event),
            n_censored=self.n_event,
            n_entered=self.n_entered,
        )


@dataclass(frozen=True, slots=True)
class EventDays:
    """Two arms on the days of their events: one element per stratum and day with an event.

    What sums over strata (log-rank, partial likelihood) sums over these elements, so a stratified
    analysis differs from an unstratified one only in how many risk sets it is built from.
    """

    control_events: IntArray
    control_at_risk: IntArray
    experimental_events: IntArray
    experimental_at_risk: IntArray


def event_days(strata: Sequence[tuple[RiskSet, RiskSet]]) -> EventDays:
    """Line up control and experimental arm of each stratum on the days when either has an event."""
    parts = [_event_days_of_stratum(control, experimental) for control, experimental in strata]
    return EventDays(*(np.concatenate(column) for column in zip(*parts, strict=True)))


def _event_days_of_stratum(
    control: RiskSet, experimental: RiskSet
) -> tuple[IntArray, IntArray, IntArray, IntArray]:
    days = np.union1d(
        control.time_days[control.n_event > 0], experimental.time_days[experimental.n_event > 0]
    )
    return (
        _events_on(control, days),
        control.at_risk_on(days),
        _events_on(experimental, days),
        experimental.at_risk_on(days),
    )


def _events_on(group: RiskSet, days: IntArray) -> IntArray:
    events = np.zeros_like(days)
    has_event = group.n_event > 0
    events[np.searchsorted(days, group.time_days[has_event])] = group.n_event[has_event]
    return events


def no_participants() -> RiskSet:
    """Return the risk set of an arm that nobody was ever at risk in."""
    return RiskSet(*(np.zeros(0, dtype=np.int64) for _ in range(5)))


def risk_sets(risk_table: pl.DataFrame, by: Sequence[str]) -> Iterator[tuple[tuple[str, ...], RiskSet]]:
    """Split a risk table into the risk sets of its groups, ordered by their keys.

    Args:
        risk_table: rows of `survival.risk_table`, of any number of studies, in any order; rows of the
            same group and day are added. Its n_at_risk is not used: at-risk counts follow from entries
            and exits, which unlike them can be added over strata.
        by: the text columns that make a group.

    Yields:
        The group's key and its counts.

    Raises:
        ValueError: more participants leave a group by some day than have entered it.
    """
    table = _added(risk_table, by)
    groups = table.group_by(by, maintain_order=True).agg(pl.len())
    ends = np.cumsum(groups["len"].to_numpy()).astype(np.int64)
    arrays = [table[name].cast(pl.Int64).to_numpy() for name in ("time_days", *COUNTS)]
    start = 0
    for key, end in zip(groups.select(by).iter_rows(), ends.tolist(), strict=True):
        group = RiskSet(*(array[start:end] for array in arrays))
        _check_exits(key, group)
        yield key, group
        start = end


def pool_strata(risk_table: pl.DataFrame) -> pl.DataFrame:
    """Add up the strata of each arm: fewer rows that give the same unstratified estimates.

    Worth calling once before several estimators run on one large table, each of which would add them up.

    Args:
        risk_table: rows of `survival.risk_table`.

    Returns:
        study_id, endpoint_id, policy_id, arm_id, stratum (empty), time_days and the counts that add:
        n_event, n_competing, n_censored, n_entered; ordered by key.
    """
    return _added(risk_table.with_columns(stratum=pl.lit("")), [*ARM_KEY, "stratum"])


def _added(risk_table: pl.DataFrame, by: Sequence[str]) -> pl.DataFrame:
    return (
        risk_table.lazy()
        .group_by(*by, "time_days")
        .agg(pl.col(name).cast(pl.Int64).sum() for name in COUNTS)
        .sort(*by, "time_days")
        .collect()
    )


def _check_exits(key: tuple[str, ...], group: RiskSet) -> None:
    remaining = group.n_at_risk - group.n_exit
    if np.any(remaining < 0):
        day = int(group.time_days[np.argmax(remaining < 0)])
        raise ValueError(
            f"survival.risk_table, {' / '.join(key)}: by day {day} more participants have left than "
            "entered. Every exit needs an entry on an earlier day or on day 0."
        )


def as_float(counts: ArrayLike) -> FloatArray:
    """Return counts as floating-point numbers; exact below 2**53."""
    return np.asarray(counts, dtype=np.float64)
