"""Mean survival time up to a horizon (Royston and Parmar 2013)."""

import numpy as np

from transforms.estimators.kaplan_meier import SurvivalCurve, step_at
from transforms.estimators.risk_set import as_float


def restricted_mean(curve: SurvivalCurve, horizon_days: float) -> tuple[float, float]:
    """Return the area under a curve up to a horizon and its standard error, both in days.

    The variance is sum(A**2 d / (n (n - d))) over the event days, A being the area from that day to the
    horizon (Klein and Moeschberger 2003, 4.5.2; R's `survfit` and survRM2). Where everybody at risk has
    the event, A is 0 and so is the term. The caller sees to it that the curve is known up to the horizon,
    and that nobody enters once it has reached 0.
    """
    last = step_at(curve, horizon_days)
    steps = as_float(curve.time_days[: last + 1])
    areas = curve.survival[: last + 1] * np.diff(steps, append=horizon_days)
    remaining = np.cumsum(areas[::-1])[::-1]
    event = as_float(curve.n_event[: last + 1])
    at_risk = as_float(curve.n_at_risk[: last + 1])
    survivors = at_risk - event
    greenwood = np.divide(
        event, at_risk * survivors, out=np.zeros_like(event), where=(event > 0) & (survivors > 0)
    )
    return float(remaining[0]), float(np.sqrt(np.sum(remaining * remaining * greenwood)))
