"""95 % confidence limits of a probability on the scales of R's `survfit`.

Belongs here: from an estimate and its standard error to limits, for curves of survival and of incidence
alike. Does not belong here: the standard error.
"""

from dataclasses import dataclass

import numpy as np

from transforms.estimators.elementary import NORMAL_975, FloatArray, exp, log


@dataclass(frozen=True, slots=True)
class ConfidenceLimits:
    """Lower and upper limits on three scales, one element per estimate, NaN where R's are NA.

    log: symmetric about log p and cut at 1; NaN where p is 0.
    log_log: symmetric about log(-log p); NaN where p is 0 or 1.
    plain: symmetric about p, cut at 0 and 1.
    """

    log_low: FloatArray
    log_high: FloatArray
    log_log_low: FloatArray
    log_log_high: FloatArray
    plain_low: FloatArray
    plain_high: FloatArray

    @property
    def in_order(self) -> tuple[FloatArray, ...]:
        """The limits in the order of the marts' columns."""
        return (
            *(self.log_low, self.log_high),
            *(self.log_log_low, self.log_log_high),
            *(self.plain_low, self.plain_high),
        )


def confidence_limits(estimate: FloatArray, std_error: FloatArray) -> ConfidenceLimits:
    """Return the 95 % limits of probabilities (R: survfit's conf.type log, log-log and plain).

    Args:
        estimate: probabilities from 0 to 1, of survival or of an incidence.
        std_error: standard errors on the plain scale; NaN (Greenwood's at a survival of 0) gives NaN.
    """
    known = np.isfinite(std_error)
    error = np.where(known, std_error, 0.0)
    positive = estimate > 0.0
    inner = positive & (estimate < 1.0)
    on_log = np.where(known & positive, 1.0, np.nan)
    on_log_log = np.where(known & inner, 1.0, np.nan)
    relative = NORMAL_975 * np.divide(error, estimate, out=np.zeros_like(estimate), where=positive)
    factor = exp(relative)
    logarithm = log(np.where(inner, estimate, 0.5))
    power = exp(relative / logarithm)
    plain = np.where(known, NORMAL_975 * error, np.nan)
    with np.errstate(divide="ignore", over="ignore"):  # an interval too wide for a double is [0, 1]
        log_log_low, log_log_high = exp(logarithm / power), exp(logarithm * power)
        log_low, log_high = estimate / factor, np.minimum(estimate * factor, 1.0)
    return ConfidenceLimits(
        log_low=log_low * on_log,
        log_high=log_high * on_log,
        log_log_low=log_log_low * on_log_log,
        log_log_high=log_log_high * on_log_log,
        plain_low=np.maximum(estimate - plain, 0.0),
        plain_high=np.minimum(estimate + plain, 1.0),
    )
