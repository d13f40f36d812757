"""What the simulated trial shows on average, computed day by day without drawing anything.

The figures are those the warehouse would find with infinitely many participants: events on whole days,
overall survival censored at the last contact, disease-free survival at the last disease assessment. An
event between the last assessment and the end of observation is seen, while being free of events there is
not, so the risk set is smaller than the number observed, and the estimate a little below the truth. Trials
that censor so share the trait: it is the estimate, not the truth, that is held against published figures.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from seeds.studies.arrays import Floats
from seeds.studies.challenge.assumptions import ARMS, Assumptions
from seeds.studies.challenge.hazards import AFTER_DISEASE, FROM_NO_DISEASE, Hazards, year_ends
from seeds.studies.challenge.observation import ObservationPlan, plan_observation


@dataclass(frozen=True)
class Process:
    """Expected events and numbers at risk by day, from day 1, per participant of an arm."""

    n_event: Floats
    n_at_risk: Floats

    @property
    def events(self) -> float:
        """Expected share of participants with an observed event."""
        return float(self.n_event.sum())

    def survival(self, years: float) -> float:
        """Limit of the Kaplan-Meier estimate at a time in years of 365.25 days."""
        until = int(years * 365.25)
        return float(np.prod(1.0 - self.n_event[:until] / self.n_at_risk[:until]))

    def survival_error(self, years: float, participants: int) -> float:
        """Standard error of that estimate in an arm of this size (Greenwood's formula)."""
        until = int(years * 365.25)
        n_event, n_at_risk = self.n_event[:until], self.n_at_risk[:until]
        total = float((n_event / (n_at_risk * (n_at_risk - n_event))).sum())
        return self.survival(years) * math.sqrt(total / participants)


@dataclass(frozen=True)
class ArmFigures:
    """Expected figures of an arm.

    Attributes:
        processes: events and numbers at risk by endpoint_id.
        first_events: share of participants by the transition that is observed first.
    """

    processes: Mapping[str, Process]
    first_events: Mapping[str, float]


def cox_log_hazard_ratio(experimental: Process, control: Process) -> tuple[float, float]:
    """Limit of the Cox estimate under equal allocation, and its information.

    Newton's method on the expected score equation (Lin and Wei 1989, J Am Stat Assoc 84:1074-8). Where
    hazards are not proportional the solution depends on the censoring, which is part of the processes.

    Returns:
        The log hazard ratio, and the expected information of a trial divided by its participants.
    """
    beta, information = 0.0, 0.0
    n_event = (experimental.n_event + control.n_event) / 2
    for _ in range(20):
        weighted = experimental.n_at_risk * np.exp(beta)
        share = weighted / np.maximum(weighted + control.n_at_risk, np.finfo(float).tiny)
        information = float((n_event * share * (1 - share)).sum())
        beta += (experimental.events / 2 - float((n_event * share).sum())) / information
    return beta, information


def expected_arms(hazards: Hazards, assumptions: Assumptions) -> dict[str, ArmFigures]:
    """Expected figures of each arm under the shipped observation plan."""
    plan = plan_observation(assumptions, int(year_ends(hazards.years)[-1]))
    return {arm: _expected_arm(hazards, assumptions, plan, arm) for arm in ARMS}


def _expected_arm(hazards: Hazards, assumptions: Assumptions, plan: ObservationPlan, arm: str) -> ArmFigures:
    shares, positions = assumptions.patterns()
    multipliers = {name: assumptions.multipliers(name, positions) for name in FROM_NO_DISEASE}
    exits = {name: np.outer(m, hazards.daily(arm, name)) for name, m in multipliers.items()}
    total = sum(exits.values(), start=np.zeros(()))
    free = np.hstack([np.ones((len(shares), 1)), np.exp(-np.cumsum(total, axis=1))])
    alive = free.copy()
    for name, death in zip(("recurrence", "second_primary"), AFTER_DISEASE, strict=True):
        alive[:, 1:] += _occupation(free, total, exits[name], hazards.daily(arm, death))
    observed = plan.still_observed[1:]
    first = {
        name: float(shares @ ((free[:, :-1] - free[:, 1:]) * exits[name] / total) @ observed)
        for name in FROM_NO_DISEASE
    }
    processes = {
        "DFS_CHALLENGE": _disease_free(shares @ free, plan),
        "OS": _overall(shares @ alive, plan),
    }
    return ArmFigures(processes, first)


def _occupation(free: Floats, total: Floats, entry: Floats, death: Floats) -> Floats:
    """Probability of living in a state by the end of each day, by pattern and day.

    Within a day all hazards are constant, so who enters and stays to its end has a closed form.
    """
    stay = (np.exp(-total) - np.exp(-death)) / (death - total)
    cumulative = np.cumsum(death)
    entered = free[:, :-1] * entry * stay
    return np.exp(-cumulative) * np.cumsum(entered * np.exp(cumulative), axis=1)


def _overall(alive: Floats, plan: ObservationPlan) -> Process:
    observed = plan.still_observed[1:]
    return Process((alive[:-1] - alive[1:]) * observed, alive[:-1] * observed)


def _disease_free(free: Floats, plan: ObservationPlan) -> Process:
    observed = plan.still_observed[1:]
    stays_free = plan.ends * free
    event_later = free[:-1] * observed - stays_free[::-1].cumsum()[::-1][1:]
    assessed = plan.last_assessments(stays_free)
    assessed_later = assessed[::-1].cumsum()[::-1][1:]
    return Process((free[:-1] - free[1:]) * observed, event_later + assessed_later)
