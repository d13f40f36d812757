"""A hazard ratio with its interval and test, from its logarithm and standard error.

Belongs here: Wald's interval and test, which every model of hazards has. Does not belong here: the models.
"""

import numpy as np

from transforms.estimators.elementary import NORMAL_975, exp, two_sided_p

Number = float | None


def wald(log_hazard_ratio: Number, std_error: Number) -> tuple[Number, Number, Number, Number, str]:
    """Return hazard ratio, lower and upper 95 % limit, p-value, and why a limit is missing.

    Without an error there is a ratio alone; a limit that no double can hold is missing.
    """
    if log_hazard_ratio is None:
        return None, None, None, None, ""
    margin = 0.0 if std_error is None else NORMAL_975 * std_error
    ratio, low, high = exp(log_hazard_ratio + np.array([0.0, -margin, margin])).tolist()
    if std_error is None:
        return ratio, None, None, None, ""
    p_value = two_sided_p(log_hazard_ratio / std_error)
    if not np.isfinite(high):
        return ratio, low, None, p_value, "the upper limit of the hazard ratio is beyond 1e308"
    return ratio, low, high, p_value, ""
