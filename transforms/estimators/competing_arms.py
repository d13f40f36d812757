"""Two arms side by side on the days anybody leaves, with competing events kept apart.

Belongs here: what the Fine-Gray model and Gray's test share. Does not belong here: either of them.
"""

from dataclasses import dataclass

import numpy as np

from transforms.estimators.elementary import FloatArray
from transforms.estimators.risk_set import IntArray, RiskSet, as_float


@dataclass(frozen=True, slots=True)
class CompetingArms:
    """Counts of control (row 0) and experimental arm (row 1); one column per day with an exit, ascending."""

    time_days: IntArray
    n_at_risk: FloatArray
    n_event: FloatArray
    n_competing: FloatArray
    n_censored: FloatArray


def competing_arms(control: RiskSet, experimental: RiskSet) -> CompetingArms:
    """Line up two arms on the days when a participant of either leaves."""
    arms = (control, experimental)
    days = np.union1d(*(arm.time_days[arm.n_exit > 0] for arm in arms))
    return CompetingArms(
        time_days=days,
        n_at_risk=as_float([arm.at_risk_on(days) for arm in arms]),
        n_event=as_float([_on(days, arm, arm.n_event) for arm in arms]),
        n_competing=as_float([_on(days, arm, arm.n_competing) for arm in arms]),
        n_censored=as_float([_on(days, arm, arm.n_censored) for arm in arms]),
    )


def _on(days: IntArray, arm: RiskSet, counts: IntArray) -> IntArray:
    lined_up = np.zeros_like(days)
    leaves = arm.n_exit > 0
    lined_up[np.searchsorted(days, arm.time_days[leaves])] = counts[leaves]
    return lined_up


def why_not_comparable(control: RiskSet, experimental: RiskSet, method: str) -> str:
    """Return why no method that weights by the censoring can compare two arms; empty if one can."""
    arms = (control, experimental)
    if min(arm.participants for arm in arms) == 0:
        return "an arm has no participants"
    if any(np.any(arm.n_entered[arm.time_days > 0]) for arm in arms):
        return f"{method} is not computed with delayed entry, and a participant entered after day 0"
    if sum(arm.events for arm in arms) == 0:
        return "no events in either arm"
    return ""


def before(values: FloatArray, start: float) -> FloatArray:
    """Return what right-continuous steps were just before each day; the last axis is the days."""
    earlier = np.full_like(values, start)
    earlier[..., 1:] = values[..., :-1]
    return earlier


def after(increments: FloatArray) -> FloatArray:
    """Return the sum of the increments of later days, the day itself not among them."""
    from_day = np.cumsum(increments[..., ::-1], axis=-1)
    return before(from_day, 0.0)[..., ::-1]
