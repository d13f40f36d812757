"""What the simulator assumes, read from `assumptions.yaml`."""

import datetime as dt
from collections.abc import Mapping
from functools import cache
from pathlib import Path

import numpy as np
import yaml
from pydantic import BaseModel, ConfigDict

from seeds.studies.arrays import Floats
from seeds.studies.laboratory import Assay

FOLDER = Path(__file__).parent

ARMS = ("RESISTANCE", "HIIT")

ByArm = Mapping[str, float]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Spread(_Part):
    """A quantity that is nearly normally distributed within bounds."""

    mean: float
    sd: float
    lowest: float
    highest: float

    def at(self, standard_normal: Floats) -> Floats:
        """Values at draws from the standard normal distribution."""
        return np.clip(self.mean + self.sd * standard_normal, self.lowest, self.highest)


class Calendar(_Part):
    """When things happen, in days after a participant's index_date."""

    first_index_date: dt.date
    days_between_pairs: int
    bout_day: int
    resting_day: int
    first_session_day: int
    session_weekdays: tuple[int, ...]
    weeks: int
    last_resting_day: int

    @property
    def session_days(self) -> list[int]:
        """Days of the prescribed sessions, in order."""
        return [
            self.first_session_day + 7 * week + weekday
            for week in range(self.weeks)
            for weekday in self.session_weekdays
        ]


class Breach(_Part):
    """A last resting sample that was drawn too soon after exercise."""

    participant: int
    day: int
    time: dt.time


class Programme(_Part):
    """The exercise of an arm."""

    modality: str
    attendance: float
    prescribed_minutes: int
    bout_minutes: int
    met: float
    protocol: str


class Haematology(_Part):
    """Haemoglobin and haematocrit before a bout, and the plasma that is lost in it."""

    haemoglobin_g_dl: Spread
    haematocrit_per_haemoglobin: Spread
    plasma_volume_change_pct: Mapping[str, Mapping[str, Spread]]


class Deviations(_Part):
    """Standard deviations of natural logarithms of concentrations."""

    between: float
    within_bout: float
    within_weeks: float


class Analyte(_Part):
    """How much of an analyte there is, what exercise does to it, and how it is measured."""

    assay: Assay
    median: float
    sd: Deviations
    ratio: Mapping[str, ByArm]


class Plates(_Part):
    """How samples are spread over plates."""

    number: int
    sd: float
    bridging_participant: int
    first_kit_lot_until: int
    first_assayed_on: dt.date
    days_between: int


class Place(_Part):
    """All wells of one sample and analyte on the participant's own plate."""

    participant: int
    sample: int
    analyte: str


class Fault(Place):
    """Wells without a result, and the word the laboratory writes instead."""

    result_text: str


class WidePair(Place):
    """Duplicates that lie further apart than the laboratory accepts."""

    share: float


class Assumptions(_Part):
    """The whole of `assumptions.yaml`. Participants, samples and plates are numbered from 1."""

    participants: int
    with_resting_blood: int
    characteristics: Mapping[str, Spread]
    calendar: Calendar
    breach: Breach
    programmes: Mapping[str, Programme]
    haematology: Haematology
    analytes: tuple[Analyte, ...]
    plates: Plates
    faults: tuple[Fault, ...]
    wide_pair: WidePair


@cache
def load_assumptions() -> Assumptions:
    """Read the shipped assumptions.

    Raises:
        pydantic.ValidationError: the file does not have the parts named above.
    """
    return Assumptions(**yaml.safe_load((FOLDER / "assumptions.yaml").read_text(encoding="utf-8")))
