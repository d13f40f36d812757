"""The counts of a study that may be published, in a declared order of importance.

What is tried first takes room from what is tried later: a study has so many atoms of 11. The order never
depends on the participants, so it tells nothing of them.
"""

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple, TypeVar

import numpy as np

from orchestration.privacy.atoms import Atoms, IntArray
from orchestration.privacy.cohort import (
    COMPETING,
    EVENT,
    Analysis,
    ArmOfCohort,
    BoolArray,
    Cohort,
    Design,
    Endings,
    PairKey,
)

Key = TypeVar("Key")

DAYS_PER_YEAR = 365.25
# Nobody is followed for longer; a fixed end tells nothing of who was.
_LAST_YEAR = 60
# The broadest endpoint and overall survival: those whose curves come before what is left.
N_MAIN_ENDPOINTS = 2


class Status(NamedTuple):
    """How many participants of an arm had left by a time, by how, and how many had not."""

    events: int
    competing: int
    censored: int
    remaining: int


@dataclass
class ArmCounts:
    """The counts of an arm that may be published; what is missing, or None, may not.

    Attributes:
        n: participants.
        endings: by analysis, how time at risk ended; `remaining` is 0.
        events: by analysis, participants with the event.
        statuses: by analysis, the status by a time in years.
        events_by: by analysis, participants with the event by a time whose status is not shown.
        classes: by endpoint and class of first event, participants.
        levels: by characteristic and level, participants.
        pairs: participants with a baseline and a value.
    """

    n: int | None = None
    endings: dict[Analysis, Status] = field(default_factory=dict)
    events: dict[Analysis, int] = field(default_factory=dict)
    statuses: dict[Analysis, dict[float, Status]] = field(default_factory=dict)
    events_by: dict[Analysis, dict[float, int]] = field(default_factory=dict)
    classes: dict[tuple[str, str], int] = field(default_factory=dict)
    levels: dict[tuple[str, str], int] = field(default_factory=dict)
    pairs: dict[PairKey, int] = field(default_factory=dict)


@dataclass
class StudyCounts:
    """The counts of a study that may be published, and all that the published tables are made of."""

    n: int | None
    arms: dict[str, ArmCounts]


def publishable_counts(cohort: Cohort) -> StudyCounts:
    """Choose the counts of a study that may be published.

    In this order: participants; by arm; how time at risk ended, of the broadest endpoint and of overall
    survival under the primary policy; their status at the landmarks, at every year and at every half of one;
    endings of the other endpoints; classes of first events; sex and age; pairs of biomarkers; the status of
    the other endpoints; endings under the other policies; events by the times whose status is not shown.
    Then zeros are hidden where `hide_zeros` says so.
    """
    counts = StudyCounts(None, {arm.arm_id: ArmCounts() for arm in cohort.arms})
    everybody = Atoms(cohort.n)
    if not everybody.publish(np.zeros(cohort.n, dtype=np.int64)):
        return counts
    counts.n = cohort.n
    arms = {arm.arm_id: arm for arm in _published_arms(cohort, everybody)}
    sizes = {arm_id: arm.n for arm_id, arm in arms.items()}
    for arm_id in hide_zeros(sizes, is_whole=len(arms) == len(cohort.arms)):
        counts.arms[arm_id] = _arm_counts(cohort.design, arms[arm_id])
    return counts


def _published_arms(cohort: Cohort, everybody: Atoms) -> Iterator[ArmOfCohort]:
    """Yield the arms whose size may be published: all, or one after the other."""
    of_arm = np.repeat(np.arange(len(cohort.arms)), [arm.n for arm in cohort.arms])
    if everybody.publish(of_arm):
        yield from cohort.arms
        return
    for place, arm in enumerate(cohort.arms):
        if everybody.publish((of_arm == place).astype(np.int64)):
            yield arm


def _arm_counts(design: Design, arm: ArmOfCohort) -> ArmCounts:
    counts, atoms = ArmCounts(n=arm.n), Atoms(arm.n)
    analyses = [Analysis(endpoint, design.policies[0]) for endpoint in design.endpoints]
    main, others = analyses[:N_MAIN_ENDPOINTS], analyses[N_MAIN_ENDPOINTS:]
    for analysis in main:
        _publish_endings(counts, atoms, arm, analysis)
    for analysis in main:
        _publish_statuses(counts, atoms, arm, analysis, _times(design))
    for analysis in others:
        _publish_endings(counts, atoms, arm, analysis)
    _publish_classes(counts, atoms, arm, design)
    _publish_levels(counts, atoms, arm, design)
    _publish_pairs(counts, atoms, arm, design)
    for analysis in others:
        _publish_statuses(counts, atoms, arm, analysis, _times(design))
    for policy in design.policies[1:]:
        for endpoint in design.endpoints:
            _publish_endings(counts, atoms, arm, Analysis(endpoint, policy))
    # Last, as these would take the room of counts that say more.
    for analysis in analyses:
        _publish_events_by(counts, atoms, arm, analysis, _times(design))
    _hide_analyses_without_events(counts, design)
    return counts


def _hide_analyses_without_events(counts: ArmCounts, design: Design) -> None:
    """Hide an analysis without events where the events of another are hidden, as `hide_zeros` does."""
    n_analyses = len(design.endpoints) * len(design.policies)
    shown = hide_zeros(counts.events, is_whole=len(counts.events) == n_analyses)
    for analysis in counts.events.keys() - shown.keys():
        counts.endings.pop(analysis, None)
        counts.statuses.pop(analysis, None)
        counts.events_by.pop(analysis, None)
    counts.events = shown


def hide_zeros(shown: dict[Key, int], is_whole: bool) -> dict[Key, int]:
    """Return which parts of a whole to show: no zero if a part that is not 0 is hidden.

    Beside a zero that is shown a hidden part is known to be at least 1, and of eleven hidden parts that are
    together 11 each is 1. Who sees no zero cannot say of any hidden part that it is not 0.

    Args:
        shown: sizes of the parts that may be published; every part that is 0 may.
        is_whole: whether they are all parts.
    """
    return shown if is_whole else {key: n for key, n in shown.items() if n}


def _times(design: Design) -> Iterator[float]:
    yield from design.landmarks_years
    yield from map(float, range(1, _LAST_YEAR + 1))
    yield from (year + 0.5 for year in range(_LAST_YEAR))


def _publish_endings(counts: ArmCounts, atoms: Atoms, arm: ArmOfCohort, analysis: Analysis) -> None:
    code = arm.endings[analysis].code
    if atoms.publish(code):
        status = Status(int((code == EVENT).sum()), int((code == COMPETING).sum()), int((code == 0).sum()), 0)
        counts.endings[analysis] = status
        counts.events[analysis] = status.events
    elif atoms.publish((code == EVENT).astype(np.int64)):
        counts.events[analysis] = int((code == EVENT).sum())


def _publish_statuses(
    counts: ArmCounts, atoms: Atoms, arm: ArmOfCohort, analysis: Analysis, times: Iterable[float]
) -> None:
    published = counts.statuses.setdefault(analysis, {})
    if arm.has_delayed_entry:
        # Who enters late is at risk later: numbers at risk are then no matter of leaving alone.
        return
    for years in times:
        has_left_as = _status_by(arm.endings[analysis], years)
        # A time that is hidden must not tell that anybody left: so it is where nobody did, too.
        if _somebody_left(arm.n, published, has_left_as) and atoms.publish(has_left_as):
            remaining, censored, events, competing = np.bincount(has_left_as, minlength=4).tolist()
            published[years] = Status(events, competing, censored, remaining)


def _publish_events_by(
    counts: ArmCounts, atoms: Atoms, arm: ArmOfCohort, analysis: Analysis, times: Iterable[float]
) -> None:
    statuses, published = counts.statuses[analysis], counts.events_by.setdefault(analysis, {})
    if arm.has_delayed_entry:
        return
    n_event = int((arm.endings[analysis].code == EVENT).sum())
    for years in times:
        has_event = _status_by(arm.endings[analysis], years) == EVENT + 1
        n = int(has_event.sum())
        known = {0, n_event, *published.values(), *(status.events for status in statuses.values())}
        if years not in statuses and n not in known and atoms.publish(has_event.astype(np.int64)):
            published[years] = n


def _somebody_left(n: int, published: Mapping[float, Status], has_left_as: IntArray) -> bool:
    """Whether somebody left between a time and those published before and after it; n are there at first."""
    remaining = int((has_left_as == 0).sum())
    others = {n, 0, *(status.remaining for status in published.values())}
    return remaining not in others


def _status_by(endings: Endings, years: float) -> IntArray:
    """0 for who is still there after the day, else 1 more than the code of how time at risk ended."""
    return np.where(endings.time_days <= math.floor(years * DAYS_PER_YEAR), endings.code + 1, 0)


def _publish_classes(counts: ArmCounts, atoms: Atoms, arm: ArmOfCohort, design: Design) -> None:
    first_of = {
        endpoint: arm.endings[Analysis(endpoint, design.policies[0])].event_class
        for endpoint in design.endpoints
    }
    # The classes of all endpoints together: those of two may be parts of a third's.
    classes = {
        (endpoint, event_class): first_of[endpoint] == design.event_classes.index(event_class)
        for endpoint in design.endpoints
        for event_class in design.counted_classes[endpoint]
    }
    counts.classes |= _publish_parts(atoms, classes)


def _publish_levels(counts: ArmCounts, atoms: Atoms, arm: ArmOfCohort, design: Design) -> None:
    levels = {
        (name, level): arm.levels[name] == place
        for name, vocabulary in design.characteristics.items()
        for place, level in enumerate(vocabulary)
    }
    counts.levels |= _publish_parts(atoms, levels)


def _publish_pairs(counts: ArmCounts, atoms: Atoms, arm: ArmOfCohort, design: Design) -> None:
    nobody = np.zeros(arm.n, dtype=bool)
    counts.pairs |= _publish_parts(atoms, {key: arm.pairs.get(key, nobody) for key in design.pair_keys})


def _publish_parts(atoms: Atoms, parts: Mapping[Key, BoolArray]) -> dict[Key, int]:
    """Publish the sizes of some parts of an arm, one after the other as far as they may be."""
    shown = {key: int(has.sum()) for key, has in parts.items() if atoms.publish(has.astype(np.int64))}
    return hide_zeros(shown, is_whole=len(shown) == len(parts))
