"""Counts of a risk table as arrays: one group of participants, or two arms side by side.

Belongs here: from rows to arrays, and who is at risk when. Does not belong here: any estimate.
"""

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import ArrayLike, NDArray

from transforms.estimators.elementary import FloatArray

IntArray = NDArray[np.int64]

ANALYSIS_KEY = ("study_id", "endpoint_id", "policy_id")
ARM_KEY = (*ANALYSIS_KEY, "arm_id")
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
    def first_entry_day(self) -> int:
        """The day on which the first participant enters; 0 when nobody does."""
        return int(self.time_days[np.argmax(self.n_entered > 0)]) if self.time_days.size else 0

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

    time_days: IntArray
    control_events: IntArray
    control_at_risk: IntArray
    experimental_events: IntArray
    experimental_at_risk: IntArray


def event_days(strata: Sequence[tuple[RiskSet, RiskSet]]) -> EventDays:
    """Line up control and experimental arm of each stratum on the days when either has an event."""
    parts = [_event_days_of_stratum(control, experimental) for control, experimental in strata]
    if not parts:
        parts = [_event_days_of_stratum(no_participants(), no_participants())]
    return EventDays(*(np.concatenate(column) for column in zip(*parts, strict=True)))


def _event_days_of_stratum(
    control: RiskSet, experimental: RiskSet
) -> tuple[IntArray, IntArray, IntArray, IntArray, IntArray]:
    days = np.union1d(
        control.time_days[control.n_event > 0], experimental.time_days[experimental.n_event > 0]
    )
    return (
        days,
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


def added(groups: Sequence[RiskSet]) -> RiskSet:
    """Return the risk set of several groups taken together."""
    if not groups:
        return no_participants()
    days, position = np.unique(np.concatenate([group.time_days for group in groups]), return_inverse=True)
    counts = (np.concatenate([getattr(group, name) for group in groups]) for name in COUNTS)
    # Sums of counts below 2**53 are exact as floating-point numbers, which is what bincount adds.
    return RiskSet(days, *(np.bincount(position, column, days.size).astype(np.int64) for column in counts))


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
    groups, starts, arrays = _added(risk_table, by)
    for key, (start, end) in zip(groups.iter_rows(), itertools.pairwise(starts), strict=True):
        group = RiskSet(*(array[start:end] for array in arrays))
        _check_exits(key, group)
        yield key, group


def pool_strata(risk_table: pl.DataFrame) -> pl.DataFrame:
    """Add up the strata of each arm: fewer rows that give the same unstratified estimates.

    Worth calling once before several estimators run on one large table, each of which would add them up.

    Args:
        risk_table: rows of `survival.risk_table`.

    Returns:
        study_id, endpoint_id, policy_id, arm_id, stratum (empty), time_days and the counts that add:
        n_event, n_competing, n_censored, n_entered; ordered by key.
    """
    by = [*ARM_KEY, "stratum"]
    groups, starts, arrays = _added(risk_table.with_columns(stratum=pl.lit("")), by)
    counts = dict(zip(("time_days", *COUNTS), arrays, strict=True))
    return groups[np.repeat(np.arange(groups.height), np.diff(starts))].hstack(pl.DataFrame(counts))


def _added(
    risk_table: pl.DataFrame, by: Sequence[str]
) -> tuple[pl.DataFrame, list[int], tuple[IntArray, ...]]:
    """Add up the rows of each group and day, ordered by them.

    Groups are numbered first, so that text is compared once per group and not once per row.

    Returns:
        The keys of the groups; the first row of each, and the number of rows; time_days and the counts.
    """
    groups = risk_table.select(by).unique().sort(by).with_row_index("group")
    number = risk_table.select(by).join(groups, on=by, how="left", maintain_order="left", nulls_equal=True)
    group, day, *counts = (
        column.cast(pl.Int64).to_numpy()
        for column in (number["group"], *(risk_table[name] for name in ("time_days", *COUNTS)))
    )
    order = np.lexsort((day, group))
    group, day = group[order], day[order]
    first = np.flatnonzero((np.diff(group, prepend=-1) != 0) | (np.diff(day, prepend=-1) != 0))
    starts = np.searchsorted(group[first], np.arange(groups.height + 1)).tolist()
    sums = [np.add.reduceat(count[order], first) if first.size else count for count in counts]
    return groups.drop("group"), starts, (day[first], *sums)


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
