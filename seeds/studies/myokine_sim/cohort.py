"""Who takes part: allocation, dates and what the participants are like."""

import datetime as dt
from dataclasses import dataclass

import numpy as np
import polars as pl

from seeds.studies.arrays import Floats, Integers, Truths
from seeds.studies.myokine_sim.assumptions import ARMS, Assumptions, ByArm
from seeds.studies.streams import Streams


@dataclass(frozen=True)
class Cohort:
    """All participants, one value each.

    Attributes:
        arm: positions in `ARMS`.
        index_on: days of randomisation, Mondays.
        has_resting_blood: who takes part in the programme of exercise and gives blood at rest.
        streams: where further numbers are drawn from.
        assumptions: what the numbers are drawn with.
    """

    arm: Integers
    index_on: tuple[dt.date, ...]
    has_resting_blood: Truths
    streams: Streams
    assumptions: Assumptions

    @property
    def participant_ids(self) -> list[str]:
        """Identifiers: MS-01 is the first."""
        return [f"MS-{number:02d}" for number in range(1, len(self.arm) + 1)]

    @property
    def is_rested(self) -> Truths:
        """Whose blood at rest was drawn as planned, both times."""
        rested = self.has_resting_blood.copy()
        rested[self.assumptions.breach.participant - 1] = False
        return rested

    def by_arm(self, values: ByArm) -> Floats:
        """The value of each participant's arm."""
        return np.array([values[arm] for arm in ARMS])[self.arm]

    def centred(self, noise: Floats, among: Truths) -> Floats:
        """Noise less its mean among some participants of the arm."""
        shift = np.zeros(len(noise))
        for position in range(len(ARMS)):
            in_arm = self.arm == position
            shift[in_arm] = noise[in_arm & among].mean()
        return noise - shift


def draw_cohort(seed: int, assumptions: Assumptions) -> Cohort:
    """Draw the participants: two by two, one to each arm in either order."""
    participants = assumptions.participants
    streams = Streams(seed, 0, participants)
    number = np.arange(participants)
    resistance_first = streams.uniform("arm_id")[number // 2 * 2] < 0.5
    arm = (number + ~resistance_first) % 2
    calendar = assumptions.calendar
    starts = (dt.timedelta(days=calendar.days_between_pairs * (n // 2)) for n in range(participants))
    return Cohort(
        arm=arm,
        index_on=tuple(calendar.first_index_date + start for start in starts),
        has_resting_blood=_stay(arm, streams.uniform("stays"), assumptions.with_resting_blood),
        streams=streams,
        assumptions=assumptions,
    )


def participants_frame(cohort: Cohort) -> pl.DataFrame:
    """Rows of `participants`."""
    spread, streams = cohort.assumptions.characteristics, cohort.streams
    values = {name: spread[name].at(streams.normal(name)) for name in spread}
    whole = {name: np.rint(values[name]).astype(np.int64) for name in ("age_years", "months_since_diagnosis")}
    return pl.DataFrame(
        {
            "participant_id": cohort.participant_ids,
            "index_date": cohort.index_on,
            "arm_id": [ARMS[position] for position in cohort.arm.tolist()],
            "age_years": whole["age_years"],
            "sex": ["female"] * len(cohort.arm),
            "bmi_kg_m2": np.round(values["bmi_kg_m2"], 1),
            "months_since_diagnosis": whole["months_since_diagnosis"],
        }
    )


def _stay(arm: Integers, uniform: Floats, staying: int) -> Truths:
    """Choose who stays, as many in each arm."""
    stays = np.zeros(len(arm), dtype=np.bool_)
    for position in range(len(ARMS)):
        members = np.flatnonzero(arm == position)
        stays[members[np.argsort(uniform[members])[: staying // len(ARMS)]]] = True
    return stays
