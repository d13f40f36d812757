"""Gray's test (1988) of two arms' equal cumulative incidence, exact on counts.

Equals R's `cmprsk::cuminc` (its Tests, rho = 0, no strata) for the event of interest.
"""

import math
from dataclasses import dataclass

import numpy as np

from transforms.estimators.competing_arms import (
    CompetingArms,
    after,
    before,
    competing_arms,
    why_not_comparable,
)
from transforms.estimators.elementary import FloatArray, two_sided_p
from transforms.estimators.risk_set import RiskSet


@dataclass(frozen=True, slots=True)
class GrayTest:
    """Chi-square on one degree of freedom and its p-value; None with the reason when there is none."""

    chisq: float | None
    p_value: float | None
    reason: str


@dataclass(frozen=True, slots=True)
class _Curves:
    """What the test is made of, rows control and experimental arm, one column per day.

    `scale` is Y / S(t-), the participants an arm would have at risk had nobody had an event (0 once nobody
    is at risk); `free` and `free_before` are the shares S without any event after and before the day,
    `without_event_before` one less the incidence of the event before it.
    """

    free: FloatArray
    free_before: FloatArray
    without_event_before: FloatArray
    scale: FloatArray


def gray_test(control: RiskSet, experimental: RiskSet) -> GrayTest:
    """Test whether two arms have the same incidence of the event, competing events allowed for.

    With R_a = Y_a (1 - F_a) / S_a, all just before the day, the score is the experimental arm's events less
    what the day's events of both would give it in proportion to R_a (Gray 1988, with K = R).
    """
    reason = why_not_comparable(control, experimental, "Gray's test")
    if reason:
        return GrayTest(None, None, reason)
    arms = competing_arms(control, experimental)
    curves = _curves(arms)
    events = arms.n_event
    at_stake = curves.scale * curves.without_event_before
    score = float(np.sum((events[1] * at_stake[0] - events[0] * at_stake[1]) / (at_stake[0] + at_stake[1])))
    variance = _variance(arms, curves)
    if variance == 0.0:
        why = "Gray's test has no variance: no event left survivors while both arms were at risk"
        return GrayTest(None, None, why)
    if not math.isfinite(variance) or variance < 0.0:
        return GrayTest(None, None, "Gray's test has no variance: too many ties for so few participants")
    chisq = score * score / variance
    return GrayTest(chisq, two_sided_p(math.sqrt(chisq)), "")


def _curves(arms: CompetingArms) -> _Curves:
    at_risk = np.maximum(arms.n_at_risk, 1.0)
    free = np.cumprod((at_risk - arms.n_event - arms.n_competing) / at_risk, axis=-1, dtype=np.float64)
    free_before = before(free, 1.0)
    competing_incidence = np.cumsum(free_before * arms.n_competing / at_risk, axis=-1)
    populated = arms.n_at_risk > 0
    return _Curves(
        free=free,
        free_before=free_before,
        without_event_before=free_before + before(competing_incidence, 0.0),
        scale=np.divide(arms.n_at_risk, free_before, out=np.zeros_like(free), where=populated),
    )


def _variance(arms: CompetingArms, curves: _Curves) -> float:
    """Return the variance of the score as cmprsk estimates it, under one incidence F of both arms.

    F grows by the events of both arms over h_0 + h_1, h = Y / S(t-). An event of arm a moves the score by
    direct + (1 - (1 - F) / S_a) * later, a competing event by -(1 - F) / S_a * later: direct is
    h_0 h_1 / (h_0 + h_1), and later sums direct * dF / (1 - F(t-)) over the days to come. The squares are
    summed with the variances of the daily counts, which ties shrink as in the hypergeometric distribution.
    """
    scale = curves.scale
    events = arms.n_event[0] + arms.n_event[1]
    pooled = scale[0] + scale[1]
    grown = events / pooled
    incidence = np.cumsum(grown)
    remaining = 1.0 - incidence
    direct = scale[0] * (scale[1] / pooled)
    with np.errstate(divide="ignore", invalid="ignore"):
        # An F of exactly 1 before both arms are empty leaves no variance; after, there is nothing to divide.
        later = after(np.where(direct * grown > 0, direct * grown / before(remaining, 1.0), 0.0))

    inherited = np.divide(remaining, curves.free, out=np.zeros_like(scale), where=curves.free > 0)
    populated = arms.n_at_risk > 0
    in_arm = np.where(populated, pooled * curves.free_before, np.inf)
    spread = _tied(events, in_arm) * np.divide(
        curves.free_before * events, pooled * arms.n_at_risk, out=np.zeros_like(scale), where=populated
    )
    moved = direct + (1.0 - inherited) * later
    own = spread * moved * moved

    share = np.divide(curves.free_before, arms.n_at_risk, out=np.zeros_like(scale), where=populated)
    spread = _tied(arms.n_competing, arms.n_at_risk) * share * share * arms.n_competing
    moved = inherited * later
    other = spread * moved * moved
    return sum(float(np.sum(row)) for row in (*own, *other))


def _tied(events: FloatArray, at_risk: FloatArray) -> FloatArray:
    """Return the factor (n - d) / (n - 1) by which d tied events of n at risk vary less than single ones."""
    tied = np.broadcast_to(events > 1, at_risk.shape)
    return 1.0 - np.divide(events - 1.0, at_risk - 1.0, out=np.zeros_like(at_risk), where=tied)
