"""Estimates from grouped counts: how many left by a time, by how, and how many had not.

Belongs here: the actuarial estimates of survival and of incidence, which need no day. Does not belong here:
estimates from the risk table, which know every day.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from transforms.estimators.elementary import FloatArray

IntArray = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class LifeTable:
    """The intervals of an arm in order, one element each; an interval begins where the last one ends.

    Attributes:
        end_years: end of the interval in years from the time origin.
        n_start: participants under observation and free of the event when it starts.
        n_event: events in it.
        n_competing: competing events in it.
        n_censored: censorings in it.
    """

    end_years: FloatArray
    n_start: IntArray
    n_event: IntArray
    n_competing: IntArray
    n_censored: IntArray


@dataclass(frozen=True, slots=True)
class LifeTableEstimates:
    """Estimates at the end of each interval, NaN once nobody is left before it.

    Attributes:
        survival: probability of being free of the event, competing events taken as censorings.
        std_error: its standard error (Greenwood 1926); NaN where survival is 0.
        event_incidence: cumulative incidence of the event.
        competing_incidence: that of competing events.
    """

    survival: FloatArray
    std_error: FloatArray
    event_incidence: FloatArray
    competing_incidence: FloatArray


def actuarial(table: LifeTable) -> LifeTableEstimates:
    """Estimate survival and incidence: who is censored counts for half of the interval.

    Source: Cutler and Ederer 1958 (J Chronic Dis 8:699); with competing events Kalbfleisch and Prentice, The
    Statistical Analysis of Failure Time Data, 8.2, on the same effective numbers at risk.
    """
    at_risk = table.n_start - (table.n_censored + table.n_competing) / 2
    hazard = _ratio(table.n_event, at_risk)
    survival = np.cumprod(1 - hazard)
    with np.errstate(divide="ignore", invalid="ignore"):
        variance = np.cumsum(table.n_event / (at_risk * (at_risk - table.n_event)))
        std_error: FloatArray = np.where(survival > 0, survival * np.sqrt(variance), np.nan)
    at_risk_of_both = table.n_start - table.n_censored / 2
    free = np.cumprod(1 - _ratio(table.n_event + table.n_competing, at_risk_of_both))
    free_before = np.concatenate([[1.0], free[:-1]])
    return LifeTableEstimates(
        np.asarray(survival, dtype=np.float64),
        std_error,
        np.cumsum(free_before * _ratio(table.n_event, at_risk_of_both)),
        np.cumsum(free_before * _ratio(table.n_competing, at_risk_of_both)),
    )


def _ratio(numerator: IntArray, denominator: FloatArray) -> FloatArray:
    ratio: FloatArray = np.divide(
        numerator, denominator, out=np.full(denominator.shape, np.nan), where=denominator > 0
    )
    return ratio
