"""Disease events: what kind, which organ, and which of them are seen and written down."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import polars as pl

from seeds.studies.arrays import Floats, Integers, Truths
from seeds.studies.challenge.assumptions import ARMS, Assumptions
from seeds.studies.challenge.histories import NEVER, RECURRENCE, SECOND_PRIMARY, TrialBlock, to_day
from seeds.studies.challenge.participants import as_dates, as_text
from seeds.studies.streams import choose

CONFIRMATIONS = ("pathology", "imaging", "clinical")


@dataclass(frozen=True)
class DiseaseEvents:
    """At most one disease event per participant; day `NEVER` where none is seen.

    Attributes:
        day: days since randomisation.
        event_type: positions in `Assumptions.event_types`.
        organ: positions in `Assumptions.organ_ids`.
    """

    day: Integers
    event_type: Integers
    organ: Integers


def draw_events(block: TrialBlock) -> dict[str, DiseaseEvents]:
    """Draw every disease event that is seen: first, further, and those nobody counts."""
    first = _first_events(block)
    uncounted = {name: _uncounted_events(block, name) for name in block.assumptions.uncounted_events_per_year}
    return {"first": first, "further": _further_events(block, first), **uncounted}


def recurrence_days(events: Mapping[str, DiseaseEvents], assumptions: Assumptions) -> Integers:
    """Day of each participant's earliest recurrence that is seen."""
    is_recurrence = _is_recurrence(assumptions)
    days: Integers = np.min(
        [np.where(is_recurrence[e.event_type], e.day, NEVER) for e in events.values()], axis=0
    )
    return days


def disease_events_frame(block: TrialBlock, events: Mapping[str, DiseaseEvents]) -> pl.DataFrame:
    """Rows of `disease_events`, by participant and day."""
    frames = [_event_rows(block, name, drawn) for name, drawn in events.items()]
    return pl.concat(frames).sort("participant_id", "event_on", "event_type", maintain_order=True)


def _first_events(block: TrialBlock) -> DiseaseEvents:
    histories, assumptions = block.histories, block.assumptions
    event_type = np.zeros_like(histories.first_event)
    uniform = block.streams.uniform("event_type")
    for event, name in ((RECURRENCE, "recurrence"), (SECOND_PRIMARY, "second_primary")):
        shares = assumptions.first_event_types[name]
        positions = np.array([assumptions.event_types.index(kind) for kind in shares])
        drawn = positions[choose(uniform, shares)]
        event_type = np.where(histories.first_event == event, drawn, event_type)
    is_disease = histories.first_event <= SECOND_PRIMARY
    day = np.where(is_disease & histories.is_seen(histories.first_day), histories.first_day, NEVER)
    return DiseaseEvents(day, event_type, _organs(block, "organ", event_type))


def _further_events(block: TrialBlock, first: DiseaseEvents) -> DiseaseEvents:
    """One event after the first, in another organ or of another type."""
    assumptions = block.assumptions
    rules = [assumptions.further_events.get(name) for name in assumptions.event_types]
    chance = np.array([rule.chance if rule else 0.0 for rule in rules])
    follows = np.array([assumptions.event_types.index(rule.event_type) if rule else 0 for rule in rules])
    event_type = follows[first.event_type]
    organ = _organs(block, "further_organ", event_type)
    delay = block.streams.exponential("further_delay") * assumptions.further_event_mean_days
    day = first.day + to_day(delay)
    happens = (
        (block.streams.uniform("further_event") < chance[first.event_type])
        & ((event_type != first.event_type) | (organ != first.organ))
        & block.histories.is_seen(day)
    )
    return DiseaseEvents(np.where(happens, day, NEVER), event_type, organ)


def _uncounted_events(block: TrialBlock, name: str) -> DiseaseEvents:
    rate = block.assumptions.uncounted_events_per_year[name] / 365.25
    day = to_day(block.streams.exponential(f"time_of_{name}") / rate)
    event_type = np.full_like(day, block.assumptions.event_types.index(name))
    organ = _organs(block, f"{name}_organ", event_type)
    return DiseaseEvents(np.where(block.histories.is_seen(day), day, NEVER), event_type, organ)


def _organs(block: TrialBlock, column: str, event_type: Integers) -> Integers:
    """Draw organs by type of event and, where the assumptions say so, by arm or sex."""
    assumptions = block.assumptions
    uniform = block.streams.uniform(column)
    groups = _groups(block)
    result = np.zeros_like(event_type)
    for position, by_group in enumerate(assumptions.organs.values()):
        for group, shares in by_group.items():
            organs = np.array([assumptions.organ_ids.index(organ) for organ in shares])
            among = groups[group] & (event_type == position)
            result[among] = organs[choose(uniform[among], shares)]
    return result


def _groups(block: TrialBlock) -> dict[str, Truths]:
    baseline, sexes = block.baseline, block.assumptions.covariates.sex
    everybody = {"all": np.ones(len(baseline.arm), dtype=np.bool_)}
    by_arm = {arm: baseline.arm == position for position, arm in enumerate(ARMS)}
    by_sex = {sex: baseline.levels["sex"] == position for position, sex in enumerate(sexes)}
    return everybody | by_arm | by_sex


def _is_recurrence(assumptions: Assumptions) -> Truths:
    recurrences = assumptions.first_event_types["recurrence"]
    return np.array([name in recurrences for name in assumptions.event_types])


def _event_rows(block: TrialBlock, name: str, drawn: DiseaseEvents) -> pl.DataFrame:
    assumptions = block.assumptions
    rows = np.flatnonzero(drawn.day < NEVER)
    event_type = drawn.event_type[rows]
    confirmation = _confirmations(
        block.streams.uniform(f"{name}_confirmed_by")[rows],
        _is_recurrence(assumptions)[event_type],
        assumptions,
    )
    return pl.DataFrame(
        {
            "participant_id": block.baseline.participant_ids.gather(rows),
            "event_on": as_dates(block.baseline.index_day[rows] + drawn.day[rows]),
            "event_type": as_text(event_type, assumptions.event_types),
            "organ": as_text(drawn.organ[rows], assumptions.organ_ids),
            "confirmed_by": as_text(confirmation, CONFIRMATIONS),
        }
    )


def _confirmations(uniform: Floats, is_recurrence: Truths, assumptions: Assumptions) -> Integers:
    by_kind = assumptions.confirmed_by
    recurrence, other = (
        choose(uniform, {word: by_kind[kind][word] for word in CONFIRMATIONS})
        for kind in ("recurrence", "other")
    )
    return np.where(is_recurrence, recurrence, other)
