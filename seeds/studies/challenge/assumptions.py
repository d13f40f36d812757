"""What the simulator assumes besides the hazards, read from `assumptions.yaml` and `study.yaml`."""

import datetime as dt
from collections.abc import Mapping
from functools import cache
from pathlib import Path

import numpy as np
import yaml
from pydantic import BaseModel, ConfigDict

from seeds.studies.arrays import Floats, Integers
from seeds.studies.laboratory import Assay

FOLDER = Path(__file__).parent

# Randomised one to one; the arm that gets the odd participant stands first.
ARMS = ("EXERCISE", "HEALTH_EDUCATION")

EPOCH = dt.date(1970, 1, 1)

Shares = Mapping[str, float]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class AccrualPoint(_Part):
    """Share of participants randomised by the end of a day."""

    by: dt.date
    share: float


class Observation(_Part):
    """How long a participant is observed."""

    withdrawal_per_year: float
    reporting_lag_days: int
    late_report_share: float
    late_report_days: int


class Visits(_Part):
    """When disease is looked for."""

    half_yearly_until_month: int
    yearly_until_month: int
    jitter_days: int
    missed: float
    not_evaluable: float
    contact_only_after_recurrence: float

    @property
    def planned_days(self) -> Integers:
        """Days since randomisation of the visits after the one at randomisation."""
        half_yearly = range(6, self.half_yearly_until_month + 1, 6)
        yearly = range(self.half_yearly_until_month + 12, self.yearly_until_month + 1, 12)
        months = np.array([*half_yearly, *yearly], dtype=np.float64)
        return np.rint(months * 365.25 / 12).astype(np.int64)

    @property
    def without_verdict(self) -> float:
        """Chance that a visit says nothing about disease."""
        return self.missed + self.not_evaluable


class Covariates(_Part):
    """Distributions of the baseline covariates, independent of each other and of the arm."""

    sex: Shares
    disease_stage: Shares
    bmi_group: Shares
    ecog: Shares
    centres: int
    age_years_quantiles: Mapping[float, float]
    age_group_starts: Mapping[str, int]
    met_hours_baseline_quantiles: Mapping[float, float]

    @property
    def age_group(self) -> Shares:
        """Shares of the age groups, which follow from the quantiles of age."""
        quantiles = self.age_years_quantiles
        upper = [*list(self.age_group_starts.values())[1:], max(quantiles.values())]
        below = np.interp(upper, list(quantiles.values()), list(quantiles))
        return dict(zip(self.age_group_starts, np.diff(below, prepend=0.0).tolist(), strict=True))

    def shares(self, covariate: str) -> Shares:
        """Levels of a categorical covariate with their shares, in order."""
        shares: Shares = getattr(self, covariate)
        return shares


class FurtherEvent(_Part):
    """What may follow a first disease event, and how often it does."""

    event_type: str
    chance: float


class NewLine(_Part):
    """A new line of anticancer therapy after recurrence."""

    chance: float
    from_days: int
    until_days: int
    therapies: Shares


class Plates(_Part):
    """How the sub-study's samples are measured: those of some participants together, in their order."""

    participants: int
    per_day: int
    per_kit_lot: int
    first_assayed_on: dt.date


class Biomarker(_Part):
    """How much of an analyte there is at rest, and how it is measured.

    Attributes:
        assay: the measurement; a single is read by an analyser, without a plate.
        median: at baseline, and in the control arm throughout.
        between_sd: standard deviation of the natural logarithm between persons.
        within_sd: the same within a person, from one visit to another.
        exercise_ratio: expected ratio of exercising participants at every later visit to baseline.
    """

    assay: Assay
    median: float
    between_sd: float
    within_sd: float
    exercise_ratio: float = 1.0


class BiomarkerSubStudy(_Part):
    """Blood at rest of the first participants of the trial, whatever its size.

    Attributes:
        visits: months since randomisation by visit, in order.
    """

    participants: int
    visits: Mapping[str, int]
    within_days: int
    plates: Plates
    analytes: tuple[Biomarker, ...]


class Assumptions(_Part):
    """The whole of `assumptions.yaml`, with the data cutoff of `study.yaml`."""

    data_cutoff: dt.date
    accrual: tuple[AccrualPoint, ...]
    observation: Observation
    visits: Visits
    covariates: Covariates
    prognosis: Mapping[str, Mapping[str, Mapping[str, float]]]
    first_event_types: Mapping[str, Shares]
    organs: Mapping[str, Mapping[str, Shares]]
    further_events: Mapping[str, FurtherEvent]
    further_event_mean_days: float
    uncounted_events_per_year: Mapping[str, float]
    confirmed_by: Mapping[str, Shares]
    death_causes: Mapping[str, Shares]
    new_line_after_recurrence: NewLine
    biomarkers: BiomarkerSubStudy

    @property
    def data_cutoff_day(self) -> int:
        """The data cutoff, counted from 1970-01-01."""
        return (self.data_cutoff - EPOCH).days

    @property
    def event_types(self) -> tuple[str, ...]:
        """Every type of disease event, in a fixed order."""
        return tuple(self.organs)

    @property
    def organ_ids(self) -> tuple[str, ...]:
        """Every organ an event can have, in a fixed order."""
        groups = (shares for by_group in self.organs.values() for shares in by_group.values())
        return tuple(dict.fromkeys(organ for shares in groups for organ in shares))

    def multipliers(self, transition: str, positions: Mapping[str, Integers]) -> Floats:
        """Hazard multipliers of a transition.

        Args:
            transition: name of the transition.
            positions: for each prognostic covariate the positions of its levels, all of one length.
        """
        factors = [
            self._multiplier_by_level(covariate, transition)[positions[covariate]]
            for covariate in self.prognosis
        ]
        multipliers: Floats = np.prod(factors, axis=0)
        return multipliers

    def patterns(self) -> tuple[Floats, dict[str, Integers]]:
        """Share of every combination of prognostic levels, and positions of its levels by covariate."""
        by_covariate = [list(self.covariates.shares(name).values()) for name in self.prognosis]
        grid = np.indices([len(shares) for shares in by_covariate]).reshape(len(by_covariate), -1)
        share = np.prod([np.array(s)[p] for s, p in zip(by_covariate, grid, strict=True)], axis=0)
        return share, dict(zip(self.prognosis, grid, strict=True))

    def _multiplier_by_level(self, covariate: str, transition: str) -> Floats:
        named = self.prognosis[covariate]
        levels = self.covariates.shares(covariate)
        return np.array([named.get(level, {}).get(transition, 1.0) for level in levels])


@cache
def load_assumptions() -> Assumptions:
    """Read the shipped assumptions.

    Raises:
        pydantic.ValidationError: the file does not have the parts named above.
    """
    study = yaml.safe_load((FOLDER / "study.yaml").read_text(encoding="utf-8"))
    parts = yaml.safe_load((FOLDER / "assumptions.yaml").read_text(encoding="utf-8"))
    return Assumptions(data_cutoff=study["data_cutoff"], **parts)
