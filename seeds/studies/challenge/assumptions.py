"""What the simulator assumes besides the hazards, read from `assumptions.yaml` and `study.yaml`."""

import datetime as dt
from collections.abc import Mapping
from functools import cache
from itertools import product
from pathlib import Path

import numpy as np
import numpy.typing as npt
import yaml
from pydantic import BaseModel, ConfigDict

FOLDER = Path(__file__).parent

# Randomised one to one; the arm that gets the odd participant stands first.
ARMS = ("EXERCISE", "HEALTH_EDUCATION")

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]
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

    disease_stage: Shares
    bmi_group: Shares
    ecog: Shares
    sex: Shares
    centres: int
    age_years_quantiles: Mapping[float, float]
    age_groups: Mapping[str, int]
    met_hours_baseline_quantiles: Mapping[float, float]

    @property
    def age_group(self) -> Shares:
        """Shares of the age groups, which follow from the quantiles of age."""
        quantiles = self.age_years_quantiles
        starts = [*self.age_groups.values(), 999]
        below = np.interp(starts, list(quantiles.values()), list(quantiles))
        return dict(zip(self.age_groups, np.diff(below).tolist(), strict=True))


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


class Assumptions(_Part):
    """The whole of `assumptions.yaml`, with the data cutoff of `study.yaml`."""

    data_cutoff: dt.date
    accrual: tuple[AccrualPoint, ...]
    observation: Observation
    visits: Visits
    covariates: Covariates
    prognosis: Mapping[str, Mapping[str, Mapping[str, float]]]
    first_event_types: Mapping[str, Shares]
    organs: Mapping[str, Shares | Mapping[str, Shares]]
    further_events: Mapping[str, FurtherEvent]
    further_event_mean_days: float
    uncounted_events_per_year: Mapping[str, float]
    confirmed_by: Mapping[str, Shares]
    death_causes: Mapping[str, Shares]
    new_line_after_recurrence: NewLine

    def multiplier(self, transition: str, levels: Mapping[str, str]) -> float:
        """Hazard multiplier of a transition for a participant with these covariate levels."""
        return float(
            np.prod(
                [
                    by_level.get(levels[covariate], {}).get(transition, 1.0)
                    for covariate, by_level in self.prognosis.items()
                ]
            )
        )

    def patterns(self) -> list[tuple[float, dict[str, str]]]:
        """Every combination of levels of the prognostic covariates with its share."""
        shares = {name: getattr(self.covariates, name) for name in self.prognosis}
        return [
            (
                float(np.prod([shares[name][level] for name, level in zip(shares, levels, strict=True)])),
                dict(zip(shares, levels, strict=True)),
            )
            for levels in product(*shares.values())
        ]


@cache
def load_assumptions() -> Assumptions:
    """Read the shipped assumptions.

    Raises:
        pydantic.ValidationError: the file does not have the parts named above.
    """
    study = yaml.safe_load((FOLDER / "study.yaml").read_text(encoding="utf-8"))
    parts = yaml.safe_load((FOLDER / "assumptions.yaml").read_text(encoding="utf-8"))
    return Assumptions(data_cutoff=study["data_cutoff"], **parts)
