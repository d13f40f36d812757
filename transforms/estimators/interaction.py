"""The likelihood-ratio test of whether the hazard ratio of two arms differs between levels of a subgroup.

Belongs here: that test, R's `anova(coxph(S ~ arm + factor(level)), coxph(S ~ arm * factor(level)))`, also
where levels are sparse. Does not belong here: the hazard ratio within a level (`cox`).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from transforms.estimators.cox import Ties
from transforms.estimators.cox_regression import CoxRegression, cox_regression, independent
from transforms.estimators.elementary import FloatArray, chi_square_p
from transforms.estimators.partial_likelihood import PatternCounts, RiskSets, risk_sets_of_patterns
from transforms.estimators.risk_set import IntArray, RiskSet

Arms = tuple[RiskSet, RiskSet]
"""Control and experimental arm."""

_ARM = "the arm"
_ARM_ROW = 0


@dataclass(frozen=True, slots=True)
class Interaction:
    """The p-value of the test; None with the reason when there is none."""

    p_value: float | None
    reason: str


@dataclass(frozen=True, slots=True)
class _Cells:
    """Participants by level, a number from 0, and arm, 1 for the experimental one."""

    names: list[str]
    level: IntArray
    arm: IntArray
    groups: list[RiskSet]

    def with_events(self) -> "_Cells":
        kept = [k for k, group in enumerate(self.groups) if group.events]
        return _Cells(self.names, self.level[kept], self.arm[kept], [self.groups[k] for k in kept])

    def design(self) -> FloatArray:
        """Return the arm, the levels but the first, and the arm within each of those."""
        is_level = (self.level == np.arange(1, len(self.names))[:, None]).astype(np.float64)
        return np.concatenate([[self.arm.astype(np.float64)], is_level, is_level * self.arm])

    def covariates(self) -> list[str]:
        return [_ARM, *self.names[1:], *(f"{_ARM} in {name}" for name in self.names[1:])]


def interaction(levels: Mapping[str, Arms], ties: Ties) -> Interaction:
    """Test arm x level against arm + level by the ratio of their largest partial likelihoods.

    Each level but one whose arms are both at risk at the events makes a degree of freedom. Where a
    coefficient has no finite estimate, the likelihood is what it tends to:

    - a level in one arm only has no interaction; its participants are in both models (R's coefficient is NA);
    - a level without events in one of its arms has an interaction that tends to infinity, and its degree of
      freedom counts; the likelihood of arm x level tends to that without these participants. arm + level is
      fitted to everybody, so the two are compared by themselves and not by their ratios to a null model;
    - a level without events in either arm is left out of both models. R counts a degree of freedom of it, of
      which the likelihood knows nothing, and its p-value is too large;
    - without a finite hazard ratio of the arm in arm + level there is nothing to compare with, and no test.

    Args:
        levels: control and experimental arm of each level that anybody is in.
        ties: how tied events count.
    """
    reason = _why_not(levels)
    if reason:
        return _no_test(reason)
    cells = _cells(levels)
    kept = _independent(cells, range(len(cells.covariates())), ties)
    effects = [covariate for covariate in kept if covariate < len(cells.names)]
    if len(kept) == len(effects):
        return _no_test("fewer than two levels have participants of both arms at risk at the events")
    main = _fit(cells, effects, ties)
    if main.likelihood_ratio is None or _ARM_ROW in main.infinite:
        return _no_test(main.reason)
    with_events = cells.with_events()
    is_reduced = len(with_events.groups) < len(cells.groups)
    full = _fit(with_events, _independent(with_events, kept, ties) if is_reduced else kept, ties)
    if full.likelihood_ratio is None:
        return _no_test(full.reason)
    # The nulls of the same risk sets cancel without rounding.
    nulls = 2.0 * (full.null_log_likelihood - main.null_log_likelihood)
    ratio = full.likelihood_ratio - main.likelihood_ratio + nulls
    return Interaction(chi_square_p(max(ratio, 0.0), len(kept) - len(effects)), "")


def _no_test(reason: str) -> Interaction:
    return Interaction(None, f"no interaction test: {reason}")


def _why_not(levels: Mapping[str, Arms]) -> str:
    if len(levels) < 2:
        return "the participants are of one level only"
    with_events = _with_events(levels)
    if not with_events:
        return "no events in either arm"
    return f"no events but of level {with_events[0]}" if len(with_events) < 2 else ""


def _with_events(levels: Mapping[str, Arms]) -> list[str]:
    return [level for level, arms in levels.items() if any(group.events for group in arms)]


def _cells(levels: Mapping[str, Arms]) -> _Cells:
    names = _with_events(levels)
    cells = [
        (number, arm, group)
        for number, name in enumerate(names)
        for arm, group in enumerate(levels[name])
        if group.participants
    ]
    level, arm, groups = zip(*cells, strict=True)
    return _Cells(names, np.array(level), np.array(arm), list(groups))


def _independent(cells: _Cells, covariates: Sequence[int], ties: Ties) -> list[int]:
    """Return those of some covariates of the design that do not follow from the others in these cells."""
    return [covariates[k] for k in independent(_sets(cells, covariates, ties))]


def _fit(cells: _Cells, covariates: Sequence[int], ties: Ties) -> CoxRegression:
    names = cells.covariates()
    return cox_regression(_sets(cells, covariates, ties), [names[k] for k in covariates])


def _sets(cells: _Cells, covariates: Sequence[int], ties: Ties) -> RiskSets:
    return risk_sets_of_patterns(_pattern_counts(cells.groups), cells.design()[list(covariates)], ties)


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
