"""What an estimator of biomarker effects returns."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class PointEstimate:
    """An estimate with its interval and test; what cannot be had is None, and `reason` says why.

    Attributes:
        estimate: the estimate, on the scale the estimator names.
        conf_low: lower end of the confidence interval; None also where the interval is unbounded below.
        conf_high: upper end; None also where it is unbounded above.
        conf_level: the level that the interval has, 0.95 or, of exact intervals, at least that.
        p_value: two-sided, of no effect.
        reason: '' when nothing is missing.
        std_error: of the estimate, or of the logarithm that a ratio is made of; None of exact intervals.
    """

    estimate: float | None = None
    conf_low: float | None = None
    conf_high: float | None = None
    conf_level: float | None = None
    p_value: float | None = None
    reason: str = ""
    std_error: float | None = None
