"""The log-rank test of two arms (Mantel 1966; R's `survdiff`)."""

import math
from dataclasses import dataclass

import numpy as np

from transforms.estimators.elementary import FloatArray, two_sided_p
from transforms.estimators.risk_set import EventDays, as_float


@dataclass(frozen=True, slots=True)
class LogRank:
    """Chi-square on one degree of freedom and its p-value; None with the reason when there is none."""

    chisq: float | None
    p_value: float | None
    reason: str


def logrank(days: EventDays) -> LogRank:
    """Test whether the hazards of two arms are equal, summed over strata when there are several.

    Under equality the events of the experimental arm on a day are hypergeometric: with d events among
    n = n0 + n1 at risk their mean is d n1/n and their variance d n0 n1 (n - d) / (n**2 (n - 1)).
    """
    n0, n1 = as_float(days.control_at_risk), as_float(days.experimental_at_risk)
    n = n0 + n1
    d = as_float(days.control_events + days.experimental_events)
    share = n1 / n
    variance = float(
        np.sum(np.divide(d * share * (n0 / n) * (n - d), n - 1, out=np.zeros_like(n), where=n > 1))
    )
    if variance == 0.0:
        return LogRank(None, None, _why_no_variance(d))
    excess = float(np.sum(as_float(days.experimental_events) - d * share))
    chisq = excess * excess / variance
    return LogRank(chisq, two_sided_p(math.sqrt(chisq)), "")


def _why_no_variance(events: FloatArray) -> str:
    if events.size == 0:
        return "no events in either arm"
    return "the log-rank test has no variance: no event left survivors while both arms were at risk"
