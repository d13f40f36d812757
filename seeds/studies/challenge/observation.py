"""How long participants of the simulated trial are observed, as distributions over days.

Belongs here: the accrual, the data cutoff, withdrawal and the visits, in probabilities. The same rules are
drawn from in `participants` and `follow_up`; a test holds the two against each other.
"""

from dataclasses import dataclass

import numpy as np

from seeds.studies.arrays import Floats
from seeds.studies.challenge.assumptions import EPOCH, Assumptions


@dataclass(frozen=True)
class ObservationPlan:
    """Probabilities by day since randomisation, from day 0.

    Attributes:
        ends: probability that observation, cut at the data cutoff, ends on the day.
        assumptions: where the visits come from.
    """

    ends: Floats
    assumptions: Assumptions

    @property
    def still_observed(self) -> Floats:
        """Probability that observation ends on the day or later."""
        return self.ends[::-1].cumsum()[::-1]

    @property
    def median_days(self) -> int:
        """Median follow-up, as the reversed Kaplan-Meier estimate finds it."""
        return int(np.argmax(self.still_observed <= 0.5)) - 1

    def last_assessments(self, weights: Floats) -> Floats:
        """Distribute weights by the day observation ends to the day of the last assessment by then.

        Args:
            weights: mass of participants without disease, by the day their observation ends.

        Returns:
            The same mass by the day of the last assessment that says something about disease.
        """
        visits = self.assumptions.visits
        jitter, lost = visits.jitter_days, visits.without_verdict
        chance = (1 - lost) / (2 * jitter + 1)
        result = np.zeros_like(weights)
        last = np.zeros_like(weights)
        last[0] = 1.0
        since = 0
        for planned in visits.planned_days.tolist():
            if planned - jitter >= len(weights):
                break
            result += weights[since : planned - jitter].sum() * last
            for end in range(planned - jitter, min(planned + jitter, len(weights))):
                came = slice(planned - jitter, end + 1)
                n_days = end + 1 - came.start
                result += weights[end] * (1 - chance * n_days) * last
                result[came] += weights[end] * chance
            since = planned + jitter
            last = lost * last
            last[planned - jitter : planned + jitter + 1] += chance
        result += weights[since:].sum() * last
        return result


def plan_observation(assumptions: Assumptions, days: int) -> ObservationPlan:
    """Probabilities of observation ending on day 0 to `days` since randomisation."""
    rules = assumptions.observation
    until_cutoff = _days_until_cutoff(assumptions, days)
    lags = np.full(
        rules.reporting_lag_days + 1, (1 - rules.late_report_share) / (rules.reporting_lag_days + 1)
    )
    # What is reported after the cutoff does not count, so these are observed until the cutoff itself.
    lags[0] += rules.late_report_share
    ends_by_cutoff = np.zeros(days + 1)
    for lag, chance in enumerate(lags.tolist()):
        ends_by_cutoff[: days + 1 - lag] += chance * until_cutoff[lag:]
    followed = ends_by_cutoff[::-1].cumsum()[::-1]
    days_before = np.maximum(np.arange(days + 1) - 1, 0)
    not_withdrawn = np.exp(-rules.withdrawal_per_year / 365.25 * days_before)
    observed = followed * not_withdrawn
    return ObservationPlan(observed - np.append(observed[1:], 0.0), assumptions)


def accrual_knots(assumptions: Assumptions) -> tuple[Floats, Floats]:
    """Shares randomised and the days by whose end they are reached, counted from 1970-01-01."""
    shares = np.array([point.share for point in assumptions.accrual])
    return shares, np.array([float((point.by - EPOCH).days) for point in assumptions.accrual])


def _days_until_cutoff(assumptions: Assumptions, days: int) -> Floats:
    """Probability of each number of days, from 0, between randomisation and the data cutoff."""
    shares, on = accrual_knots(assumptions)
    calendar = assumptions.data_cutoff_day - np.arange(-1, days + 1)
    randomised_by = np.interp(calendar, on, shares)
    return randomised_by[:-1] - randomised_by[1:]
