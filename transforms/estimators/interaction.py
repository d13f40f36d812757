"""The likelihood-ratio test of whether the hazard ratio of two arms differs between levels of a subgroup.

Belongs here: that test, R's `anova(coxph(S ~ arm + factor(level)), coxph(S ~ arm * factor(level)))`. Does not
belong here: the hazard ratio within a level (`cox`).
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from transforms.estimators.cox import Ties
from transforms.estimators.cox_regression import cox_regression
from transforms.estimators.elementary import chi_square_p
from transforms.estimators.partial_likelihood import PatternCounts, risk_sets_of_patterns
from transforms.estimators.risk_set import RiskSet

Arms = tuple[RiskSet, RiskSet]
"""Control and experimental arm."""


@dataclass(frozen=True, slots=True)
class Interaction:
    """The p-value of the test; None with the reason when there is none."""

    p_value: float | None
    reason: str


def interaction(levels: Mapping[str, Arms], pair: tuple[str, str], ties: Ties) -> Interaction:
    """Test arm x level against arm + level; levels - 1 degrees of freedom.

    Args:
        levels: control and experimental arm of each level that anybody is in.
        pair: experimental and control arm, for the reason.
        ties: how tied events count.
    """
    reason = _why_not(levels, pair)
    if reason:
        return Interaction(None, f"no interaction test: {reason}")
    counts = _pattern_counts([group for arms in levels.values() for group in arms])
    n_levels = len(levels)
    level, arm = np.divmod(np.arange(2 * n_levels), 2)
    is_level = (level == np.arange(1, n_levels)[:, None]).astype(np.float64)
    main = np.concatenate([[arm.astype(np.float64)], is_level])
    names = [*levels][1:]
    full = np.concatenate([main, is_level * arm])
    ratios = []
    for design, covariates in (
        (main, ["the arm", *names]),
        (full, ["the arm", *names, *(f"the arm in {name}" for name in names)]),
    ):
        fit = cox_regression(risk_sets_of_patterns(counts, design, ties), covariates)
        if fit.likelihood_ratio is None:
            return Interaction(None, f"no interaction test: {fit.reason}")
        ratios.append(fit.likelihood_ratio)
    return Interaction(chi_square_p(max(ratios[1] - ratios[0], 0.0), n_levels - 1), "")


def _why_not(levels: Mapping[str, Arms], pair: tuple[str, str]) -> str:
    if len(levels) < 2:
        return "the participants are of one level only"
    experimental, control = pair
    for level, groups in levels.items():
        for arm, group in zip((control, experimental), groups, strict=True):
            if group.participants == 0:
                return f"no participants of level {level} in arm {arm}"
            if group.events == 0:
                return f"no events of level {level} in arm {arm}"
    return ""


def _pattern_counts(groups: list[RiskSet]) -> PatternCounts:
    """Number the groups as patterns."""
    sizes = [group.time_days.size for group in groups]
    pattern = np.repeat(np.arange(len(groups)), sizes)
    day, n_event, n_exit, n_entered = (
        np.concatenate([getattr(group, name) for group in groups])
        for name in ("time_days", "n_event", "n_exit", "n_entered")
    )
    leaves, enters = n_exit > 0, (n_entered > 0) & (day > 0)
    return PatternCounts(
        exit_pattern=pattern[leaves],
        exit_day=day[leaves],
        n_event=n_event[leaves],
        n_exit=n_exit[leaves],
        entry_pattern=pattern[enters],
        entry_day=day[enters],
        n_entered=n_entered[enters],
    )
