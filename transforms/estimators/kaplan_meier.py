"""Kaplan-Meier curve with Greenwood's error, Nelson-Aalen hazard, median and landmark.

Follows R's `survfit`: a median by inverting the curve, and its interval by inverting the limits of the
curve (Brookmeyer and Crowley 1982).
"""

from dataclasses import dataclass

import numpy as np

from transforms.estimators.elementary import FloatArray
from transforms.estimators.intervals import ConfidenceLimits, confidence_limits
from transforms.estimators.risk_set import IntArray, RiskSet, as_float

_TOLERANCE = 2.0**-26  # R's survfit: sqrt of the machine epsilon


@dataclass(frozen=True, slots=True)
class SurvivalCurve:
    """A step function: one element for day 0 and for each day with an exit.

    `std_error` and all limits are NaN once survival has reached 0, where Greenwood's formula divides by
    zero.
    """

    time_days: IntArray
    n_at_risk: IntArray
    n_event: IntArray
    n_other_exit: IntArray
    survival: FloatArray
    std_error: FloatArray
    limits: ConfidenceLimits
    cumulative_hazard: FloatArray

    @property
    def conf_low(self) -> FloatArray:
        """Lower 95 % limit on the log scale, the one that is reported first."""
        return self.limits.log_low

    @property
    def conf_high(self) -> FloatArray:
        """Upper 95 % limit on the log scale."""
        return self.limits.log_high


def kaplan_meier(group: RiskSet) -> SurvivalCurve:
    """Estimate the survival of a group; competing exits count as censored.

    survival = prod(1 - d/n) (Kaplan and Meier 1958), variance of its logarithm = sum(d / (n (n - d)))
    (Greenwood 1926), cumulative_hazard = sum(d/n) (Nelson 1969), over the days with d events among n at risk.
    """
    steps = group.steps()
    event = as_float(steps.n_event)
    at_risk = as_float(np.maximum(steps.n_at_risk, 1))  # day 0 before the first delayed entry
    survival = np.cumprod((at_risk - event) / at_risk, dtype=np.float64)
    alive = survival > 0
    greenwood = np.divide(event, at_risk * (at_risk - event), out=np.zeros_like(event), where=alive)
    relative_error = np.where(alive, np.sqrt(np.cumsum(greenwood)), np.nan)
    std_error = survival * relative_error
    return SurvivalCurve(
        time_days=steps.time_days,
        n_at_risk=steps.n_at_risk,
        n_event=steps.n_event,
        n_other_exit=steps.n_competing + steps.n_censored,
        survival=survival,
        std_error=std_error,
        limits=confidence_limits(survival, std_error),
        cumulative_hazard=np.cumsum(event / at_risk),
    )


def first_day_at_half(days: IntArray, curve: FloatArray) -> float | None:
    """Return the day on which a falling step function reaches 50 %, None when it does not.

    A curve that is flat at exactly 50 % (within rounding) has its median halfway to the next step, if
    there is one: the rule of R's printed `survfit`.
    """
    reached = np.flatnonzero(curve < 0.5 + _TOLERANCE)
    if reached.size == 0:
        return None
    first = reached[0]
    below = reached[curve[reached] < curve[first]]
    if abs(curve[first] - 0.5) < _TOLERANCE and below.size:
        return float(days[first] + days[below[0]]) / 2
    return float(days[first])


def step_at(curve: SurvivalCurve, day: float) -> int:
    """Return the element of a curve that holds on a day: the last one not after it."""
    return int(np.searchsorted(curve.time_days, day, side="right")) - 1
