"""The estimated marts on competing risks: a risk table in, rows of a mart out.

Belongs here: splitting a risk table into arms and comparisons, calling an estimator on each, saying in
`reason` why an estimate is missing. Does not belong here: formulas.

Every function takes the rows of `survival.risk_table`, of any number of studies, endpoints and policies in
any order, pools the strata, and returns rows ordered by key. Times are days, intervals are 95 %.
"""

from typing import Any

import numpy as np
import polars as pl

from transforms.estimators import competing_risks
from transforms.estimators.comparisons import (
    arms_by_analysis,
    pairs_by_study,
    sentences,
    without_participants,
)
from transforms.estimators.cox import cox_two_arms
from transforms.estimators.fine_gray import fine_gray
from transforms.estimators.gray_test import gray_test
from transforms.estimators.infinitesimal_jackknife import stays_by_arm
from transforms.estimators.mart_columns import CUMULATIVE_INCIDENCE, RECURRENCE_EFFECT, stacked
from transforms.estimators.risk_set import ARM_KEY, RiskSet, event_days, no_participants, risk_sets
from transforms.estimators.wald import wald


def cumulative_incidence(risk_table: pl.DataFrame, delayed_stays: pl.DataFrame | None = None) -> pl.DataFrame:
    """Aalen-Johansen incidence of event and competing event: rows of `recurrence.cumulative_incidence`.

    One row per arm, outcome (event, competing) and day, the days being those of `survival.curve`.

    Args:
        risk_table: rows of `survival.risk_table`.
        delayed_stays: rows of `intermediate.int_delayed_entry__stays`, in any order. Needed for the arms in
            which anybody enters after day 0; those of other arms are not used.

    Raises:
        ValueError: such an arm has no stays, or they do not add up to its risk table.
    """
    stays = {} if delayed_stays is None else stays_by_arm(delayed_stays)
    keys, blocks = [], []
    for key, group in risk_sets(risk_table, ARM_KEY):
        try:
            estimates = competing_risks.cumulative_incidence(group, stays.get(key))
        except ValueError as error:
            raise ValueError(f"{' / '.join(key)}: {error}") from error
        for outcome, estimate in zip(("competing", "event"), reversed(estimates), strict=True):
            keys.append((*key, outcome))
            curve = estimate.time_days, estimate.n_at_risk, estimate.cumulative_incidence
            blocks.append((*curve, estimate.std_error, *estimate.limits.in_order))
    return stacked(keys, blocks, CUMULATIVE_INCIDENCE)


def effect(risk_table: pl.DataFrame, comparisons: pl.DataFrame) -> pl.DataFrame:
    """Cause-specific and subdistribution hazard ratio of each comparison: rows of `recurrence.effect`.

    cause_specific is Cox's model with Efron's ties and competing events censored: the unadjusted one of
    `survival.treatment_effect`. fine_gray has Breslow's ties and a robust error, and Gray's test beside it.
    Only the two arms' participants count, for the censoring weights too. Rows are ordered by study,
    endpoint, policy, comparison and model.

    Args:
        risk_table: rows of `survival.risk_table`.
        comparisons: study_id, experimental, control, comparison_order.
    """
    pairs = pairs_by_study(comparisons)
    rows = [
        (*key, experimental, control, *row)
        for key, arms in arms_by_analysis(risk_table).items()
        for experimental, control in pairs.get(key[0], [])
        for row in _effects(arms, experimental, control)
    ]
    return pl.DataFrame(rows, schema=RECURRENCE_EFFECT, orient="row")


def _effects(arms: dict[str, RiskSet], experimental: str, control: str) -> list[tuple[Any, ...]]:
    """Return what follows the comparison's key: the cause-specific row, then that of Fine and Gray."""
    groups = arms.get(control, no_participants()), arms.get(experimental, no_participants())
    empty = [(True, reason) for reason in without_participants(arms, (experimental, control))]
    cox = cox_two_arms(event_days([groups]))
    fit, test = fine_gray(*groups), gray_test(*groups)
    counts = (
        sum(group.participants for group in groups),
        sum(group.events for group in groups),
        sum(int(np.sum(group.n_competing)) for group in groups),
    )
    ratios = []
    for model in (cox, fit):
        *ratio, p_value, why_no_limit = wald(model.log_hazard_ratio, model.std_error)
        ratios.append(((*ratio, model.log_hazard_ratio, model.std_error, p_value), why_no_limit))
    (cause_specific, why_no_limit), (subdistribution, why_no_robust_limit) = ratios
    cause_specific_reason = sentences(*(empty or [(True, cox.reason)]), (True, why_no_limit))
    why_neither = [(True, fit.reason), (True, test.reason)]
    fine_gray_reason = sentences(*(empty or why_neither), (True, why_no_robust_limit))
    return [
        ("cause_specific", *cause_specific, None, None, *counts, cause_specific_reason),
        ("fine_gray", *subdistribution, test.chisq, test.p_value, *counts, fine_gray_reason),
    ]
