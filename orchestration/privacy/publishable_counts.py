"""The counts of a study that may be published, in a declared order of importance.

What is tried first takes room from what is tried later: a study has so many atoms of 11. The order never
depends on the participants, so it tells nothing of them.
"""

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from orchestration.privacy.atoms import Atoms, IntArray
from orchestration.privacy.cohort import (
    COMPETING,
    EVENT,
    Analysis,
    ArmOfCohort,
    Cohort,
    Design,
    Endings,
    PairKey,
)

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
        classes: by endpoint and class of first event, participants.
        levels: by characteristic and level, participants.
        pairs: participants with a baseline and a value.
    """

    n: int | None = None
    endings: dict[Analysis, Status] = field(default_factory=dict)
    events: dict[Analysis, int] = field(default_factory=dict)
    statuses: dict[Analysis, dict[float, Status]] = field(default_factory=dict)
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
    the other endpoints; endings under the other policies.
    """
    counts = StudyCounts(None, {arm.arm_id: ArmCounts() for arm in cohort.arms})
    everybody = Atoms(cohort.n)
    if not everybody.publish(np.zeros(cohort.n, dtype=np.int64)):
        return counts
    counts.n = cohort.n
    for arm in _published_arms(cohort, everybody):
        counts.arms[arm.arm_id] = _arm_counts(cohort.design, arm)
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
    for analysis in analyses:
        _publish_classes(counts, atoms, arm, design, analysis)
    _publish_levels(counts, atoms, arm, design)
    _publish_pairs(counts, atoms, arm, design)
    for analysis in others:
        _publish_statuses(counts, atoms, arm, analysis, _times(design))
    for policy in design.policies[1:]:
        for endpoint in design.endpoints:
            _publish_endings(counts, atoms, arm, Analysis(endpoint, policy))
    return counts


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
        # What comes after everybody has left, as is published, says nothing new.
        if years in published or any(t < years and s.remaining == 0 for t, s in published.items()):
            continue
        has_left_as = _status_by(arm.endings[analysis], years)
        if atoms.publish(has_left_as):
            remaining, censored, events, competing = np.bincount(has_left_as, minlength=4).tolist()
            published[years] = Status(events, competing, censored, remaining)


def _status_by(endings: Endings, years: float) -> IntArray:
    """0 for who is still there after the day, else 1 more than the code of how time at risk ended."""
    return np.where(endings.time_days <= math.floor(years * DAYS_PER_YEAR), endings.code + 1, 0)


def _publish_classes(
    counts: ArmCounts, atoms: Atoms, arm: ArmOfCohort, design: Design, analysis: Analysis
) -> None:
    places = arm.endings[analysis].event_class
    for event_class in design.counted_classes[analysis.endpoint_id]:
        has_class = places == design.event_classes.index(event_class)
        if atoms.publish(has_class.astype(np.int64)):
            counts.classes[analysis.endpoint_id, event_class] = int(has_class.sum())


def _publish_levels(counts: ArmCounts, atoms: Atoms, arm: ArmOfCohort, design: Design) -> None:
    for name, vocabulary in design.characteristics.items():
        for place, level in enumerate(vocabulary):
            has_level = arm.levels[name] == place
            if atoms.publish(has_level.astype(np.int64)):
                counts.levels[name, level] = int(has_level.sum())


def _publish_pairs(counts: ArmCounts, atoms: Atoms, arm: ArmOfCohort, design: Design) -> None:
    for key in design.pair_keys:
        has_pair = arm.pairs.get(key, np.zeros(arm.n, dtype=bool))
        if atoms.publish(has_pair.astype(np.int64)):
            counts.pairs[key] = int(has_pair.sum())
