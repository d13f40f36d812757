"""What happens to participants: states of the multi-state model, and until when they are observed."""

from dataclasses import dataclass

import numpy as np

from seeds.studies.arrays import Floats, Integers, Truths
from seeds.studies.challenge.assumptions import ARMS, Assumptions
from seeds.studies.challenge.hazards import AFTER_DISEASE, FROM_NO_DISEASE, Hazards
from seeds.studies.challenge.participants import Baseline
from seeds.studies.streams import Streams

# A day after every data cutoff, for what does not happen.
NEVER = 1_000_000

RECURRENCE, SECOND_PRIMARY, DEATH = range(len(FROM_NO_DISEASE))


@dataclass(frozen=True)
class Histories:
    """Days since randomisation, one value per participant; `NEVER` for what does not happen.

    Attributes:
        first_event: positions in `FROM_NO_DISEASE` of what ends the state without disease.
        first_day: day it does.
        death_day: day of death, from whatever state.
        end_day: last day of which anything is known, at or before the data cutoff or soon after it.
        cutoff_day: the data cutoff.
        withdraws: whether observation ends because the participant withdraws.
    """

    first_event: Integers
    first_day: Integers
    death_day: Integers
    end_day: Integers
    cutoff_day: Integers
    withdraws: Truths

    def is_seen(self, day: Integers) -> Truths:
        """Whether an event of this day is observed: in life, and before observation ends."""
        return day <= np.minimum(self.end_day, self.death_day)


@dataclass(frozen=True)
class TrialBlock:
    """A block of participants with what happens to them: all that records are made from."""

    baseline: Baseline
    histories: Histories
    streams: Streams
    assumptions: Assumptions


def draw_histories(
    baseline: Baseline, streams: Streams, hazards: Hazards, assumptions: Assumptions
) -> Histories:
    """Draw the history of each participant, by inversion of cumulative hazards."""
    times = np.stack(
        [_times_without_disease(name, baseline, streams, hazards, assumptions) for name in FROM_NO_DISEASE]
    )
    first_event, first_time = times.argmin(axis=0), times.min(axis=0)
    death_time = np.where(first_event == DEATH, first_time, np.inf)
    for event, transition in ((RECURRENCE, AFTER_DISEASE[0]), (SECOND_PRIMARY, AFTER_DISEASE[1])):
        later = _death_times(transition, first_time, baseline, streams, hazards)
        death_time = np.where(first_event == event, later, death_time)

    rules = assumptions.observation
    cutoff_day = assumptions.data_cutoff_day - baseline.index_day
    lag = streams.whole_number("reporting_lag", 0, rules.reporting_lag_days)
    late = streams.whole_number("late_report_days", 1, rules.late_report_days)
    is_late = streams.uniform("late_report") < rules.late_report_share
    reported_day = cutoff_day + np.where(is_late, late, -lag)
    withdrawal_day = to_day(streams.exponential("withdrawal") / rules.withdrawal_per_year * 365.25)
    death_day = to_day(death_time)
    return Histories(
        first_event=first_event,
        first_day=to_day(first_time),
        death_day=death_day,
        end_day=np.minimum(reported_day, withdrawal_day),
        cutoff_day=cutoff_day,
        withdraws=(withdrawal_day <= reported_day) & (withdrawal_day < death_day),
    )


def to_day(time: Floats) -> Integers:
    """The day in which a time in days lies: day 1 ends at time 1."""
    return np.clip(np.ceil(time), 1, NEVER).astype(np.int64)


def _times_without_disease(
    transition: str,
    baseline: Baseline,
    streams: Streams,
    hazards: Hazards,
    assumptions: Assumptions,
) -> Floats:
    multiplier = assumptions.multipliers(transition, baseline.levels)
    cumulative = streams.exponential(f"time_of_{transition}") / multiplier
    return _per_arm(baseline, [hazards.time_of(arm, transition, cumulative) for arm in ARMS])


def _death_times(
    transition: str, since: Floats, baseline: Baseline, streams: Streams, hazards: Hazards
) -> Floats:
    further = streams.exponential(f"time_of_{transition}")
    return _per_arm(
        baseline,
        [
            hazards.time_of(arm, transition, hazards.cumulative(arm, transition, since) + further)
            for arm in ARMS
        ],
    )


def _per_arm(baseline: Baseline, by_arm: list[Floats]) -> Floats:
    return np.choose(baseline.arm, by_arm)
