"""Who takes part: allocation, dates and baseline covariates."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl

from seeds.studies.arrays import Floats, Integers
from seeds.studies.challenge.assumptions import ARMS, Assumptions, Covariates
from seeds.studies.challenge.observation import accrual_knots
from seeds.studies.streams import Streams

CATEGORICAL = ("sex", "disease_stage", "bmi_group", "ecog")


@dataclass(frozen=True)
class Baseline:
    """A block of participants, one value each, before any follow-up.

    Attributes:
        number: place in the study, from 0.
        arm: positions in `ARMS`.
        index_day: day of randomisation, counted from 1970-01-01.
        age_years: completed years at randomisation.
        levels: positions of the levels of each categorical covariate.
    """

    number: Integers
    arm: Integers
    index_day: Integers
    age_years: Integers
    levels: Mapping[str, Integers]

    @property
    def participant_ids(self) -> pl.Series:
        """Identifiers: CH-0000001 is the first of a study."""
        return "CH-" + pl.Series(self.number + 1).cast(pl.String).str.zfill(7)


def draw_baseline(first: int, participants: int, streams: Streams, assumptions: Assumptions) -> Baseline:
    """Draw the participants from number `first` on, in a study of `participants`."""
    number = first + np.arange(streams.size)
    shares, days = accrual_knots(assumptions)
    covariates = assumptions.covariates
    age = _at_quantile(streams.uniform("age_years"), covariates.age_years_quantiles).astype(np.int64)
    levels = {name: streams.choice(name, covariates.shares(name)) for name in CATEGORICAL}
    starts = list(covariates.age_group_starts.values())
    levels["age_group"] = np.searchsorted(starts, age, side="right") - 1
    return Baseline(
        number=number,
        arm=_allocate(number, participants, streams),
        index_day=np.ceil(np.interp(streams.uniform("index_date"), shares, days)).astype(np.int64),
        age_years=age,
        levels=levels,
    )


def participants_frame(baseline: Baseline, streams: Streams, assumptions: Assumptions) -> pl.DataFrame:
    """Rows of `participants`: identity, arm, and the baseline covariates."""
    covariates = assumptions.covariates
    met_hours = _at_quantile(streams.uniform("met_hours_baseline"), covariates.met_hours_baseline_quantiles)
    categorical = {
        name: as_text(positions, tuple(covariates.shares(name)))
        for name, positions in baseline.levels.items()
    }
    return pl.DataFrame(
        {
            "participant_id": baseline.participant_ids,
            "index_date": as_dates(baseline.index_day),
            "site_id": _centres(streams.uniform("site_id"), covariates),
            "arm_id": as_text(baseline.arm, ARMS),
            "age_years": baseline.age_years,
            **categorical,
            "met_hours_baseline": np.round(met_hours, 1),
        }
    )


def as_dates(days: Integers) -> pl.Series:
    """A date column from days counted from 1970-01-01."""
    return pl.Series(days).cast(pl.Int32).cast(pl.Date)


def as_text(positions: Integers, names: Sequence[str | None]) -> pl.Series:
    """A text column from positions in a list of names."""
    return pl.Series(names, dtype=pl.String).gather(positions)


def _allocate(number: Integers, participants: int, streams: Streams) -> Integers:
    """Permuted blocks of two, so that the arms stay level; an odd last participant exercises."""
    exercises_first = streams.uniform("arm_id")[number // 2 * 2 - number[0]] < 0.5
    arm = (number + exercises_first + 1) % 2
    is_odd_last = (number == participants - 1) & (participants % 2 == 1)
    return np.where(is_odd_last, 0, arm)


def _at_quantile(uniform: Floats, quantiles: Mapping[float, float]) -> Floats:
    return np.interp(uniform, list(quantiles), list(quantiles.values()))


def _centres(uniform: Floats, covariates: Covariates) -> pl.Series:
    # Centres differ in size: the first recruits some ten times what the last does.
    number = (covariates.centres * uniform**1.5).astype(np.int64) + 1
    return "C" + pl.Series(number).cast(pl.String).str.zfill(2)
