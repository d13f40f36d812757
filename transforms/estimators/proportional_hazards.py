"""The score test of proportional hazards (Grambsch and Therneau 1994; R's `cox.zph` since survival 3.0).

Belongs here: the test for models of two arms, and the transform of time that every model's test uses. Does
not belong here: fitting the models.
"""

from dataclasses import dataclass

import numpy as np

from transforms.estimators.cox import CoxFit
from transforms.estimators.elementary import FloatArray, chi_square_p
from transforms.estimators.kaplan_meier import kaplan_meier
from transforms.estimators.risk_set import EventDays, IntArray, RiskSet, as_float


@dataclass(frozen=True, slots=True)
class ProportionalHazards:
    """Chi-squared on one degree of freedom and its p-value; None with the reason when there is none."""

    chisq: float | None
    p_value: float | None
    reason: str


ONE_EVENT_DAY = ProportionalHazards(
    None, None, "the test of proportional hazards needs events on two days while both arms are at risk"
)


def time_scale(everybody: RiskSet, days: IntArray) -> FloatArray:
    """Return 1 - survival just before each of some days: `transform = "km"` of R's `cox.zph`.

    Args:
        everybody: the participants of the model, strata and arms taken together.
        days: days of events.
    """
    curve = kaplan_meier(everybody)
    before = np.searchsorted(curve.time_days, days, side="left")
    return 1.0 - np.concatenate([[1.0], curve.survival])[before]


def two_arms(days: EventDays, fit: CoxFit, scaled_time: FloatArray) -> ProportionalHazards:
    """Test whether the hazard ratio of two arms changes with time.

    The score for adding arm x g(time) to the model, g being the scaled time, is sum(g (O - E)) over the
    event days. With i the information of each day its variance is sum(g**2 i) - sum(g i)**2 / sum(i), or
    sum((g - m)**2 i) with m the mean of g weighted by i; taking m from g does not change the score, as
    sum(O - E) = 0.

    Args:
        days: event days of the two arms, by stratum.
        fit: the model fitted to them, with an estimate.
        scaled_time: the scaled time of each of the days.
    """
    centred = scaled_time - np.sum(fit.information * scaled_time) / np.sum(fit.information)
    variance = float(np.sum(fit.information * centred * centred))
    if np.unique(scaled_time[fit.information > 0]).size < 2:
        return ONE_EVENT_DAY
    score = float(np.sum(centred * (as_float(days.experimental_events) - fit.expected_events)))
    return from_score(score, variance)


def from_score(score: float, variance: float) -> ProportionalHazards:
    """Return the test of a score with a variance above 0."""
    chisq = score * score / variance
    return ProportionalHazards(chisq, chi_square_p(chisq, 1), "")
