"""The estimated mart of effects on biomarkers: pairs of baseline and value in, one frame out.

Belongs here: which estimators an arm and a comparison get, what is not reported, the families of tests.
Does not belong here: the estimators (`biomarker_estimators`), and what makes a pair.
"""

from collections.abc import Hashable

import polars as pl

from transforms.estimators.biomarker_estimators import (
    BIOMARKER_ESTIMATORS,
    BiomarkerEstimator,
    Contrast,
)
from transforms.estimators.biomarker_pairs import (
    BOUNDS_ONLY,
    IMPUTATION,
    ArmPairs,
    GroupKey,
    arms_by_group,
)
from transforms.estimators.comparisons import pairs_by_study
from transforms.estimators.multiplicity import ADJUSTED, with_adjusted
from transforms.estimators.myokine_columns import EFFECT, EFFECT_KEY
from transforms.estimators.point_estimate import PointEstimate

_FAMILY = (
    "study_id",
    "kind",
    "visit",
    "arm_id",
    "comparator_arm_id",
    "imputation",
    "is_plasma_volume_corrected",
    "estimator",
)
_ESTIMATED = {name: dtype for name, dtype in EFFECT.items() if name not in ADJUSTED}

Row = tuple[str | bool | float | int | None, ...]
Found = dict[Hashable, PointEstimate]
"""Estimates by estimator and the pairs it was given: imputations mostly change none of them."""


def effect(pairs: pl.DataFrame, comparisons: pl.DataFrame) -> pl.DataFrame:
    """Effects within arms and between those of each comparison: rows of `myokine.effect`.

    Every analyte, visit, timepoint, imputation and correction has a row for each arm and estimator within an
    arm, and for each comparison and estimator between arms. Where nothing is imputed these are the estimators
    that take a bound for a ratio, elsewhere the others. An analyte that may not be reported keeps its counts
    and has no estimates. Intervals are 95 %, tests two-sided.

    Adjusted p-values are of the family of all analytes and timepoints of the same study, kind, visit, arms,
    imputation, correction and estimator that have a p-value.

    Rows are ordered by key and, to the last bit, the same for pairs in any order.

    Args:
        pairs: rows of `intermediate.int_biomarkers__pairs`.
        comparisons: study_id, experimental, control, comparison_order.
    """
    compared = pairs_by_study(comparisons)
    rows: list[Row] = []
    found: Found = {}
    for key, arms in arms_by_group(pairs):
        uses_bounds = key[IMPUTATION] == BOUNDS_ONLY
        within, between = _estimators("within_arm", uses_bounds), _estimators("between_arms", uses_bounds)
        for arm_id, arm in arms.items():
            rows += [_row(key, (arm_id, ""), (arm,), estimator, found) for estimator in within]
        for pair in compared.get(str(key[0]), []):
            if any(arm_id in arms for arm_id in pair):
                both = tuple(arms.get(arm_id, ArmPairs()) for arm_id in pair)
                rows += [_row(key, pair, both, estimator, found) for estimator in between]
    table = pl.DataFrame(rows, schema=_ESTIMATED, orient="row")
    return with_adjusted(table, _FAMILY).select(*EFFECT).sort(*EFFECT_KEY)


def _estimators(contrast: Contrast, uses_bounds: bool) -> list[BiomarkerEstimator]:
    return [
        estimator
        for estimator in BIOMARKER_ESTIMATORS
        if estimator.contrast == contrast and estimator.uses_bounds == uses_bounds
    ]


def _row(
    key: GroupKey,
    arm_ids: tuple[str, str],
    arms: tuple[ArmPairs, ...],
    estimator: BiomarkerEstimator,
    found: Found,
) -> Row:
    study_id, kind, analyte_id, *rest = key
    arm, *comparators = arms
    refusals = [each.reason for each in arms if not each.is_reportable]
    if refusals:
        point = PointEstimate(reason=refusals[0])
    else:
        given = (estimator.name, *(each.fingerprint for each in arms))
        if given not in found:
            found[given] = estimator.estimate(*arms)
        point = found[given]
    return (
        *(study_id, kind, analyte_id, *arm_ids, *rest, estimator.name, estimator.scale),
        *(arm.n_paired, arm.n_baseline, arm.n_value),
        sum(comparator.n_paired for comparator in comparators),
        sum(each.n_censored for each in arms),
        *(point.estimate, point.std_error, point.conf_low, point.conf_high, point.conf_level, point.p_value),
        *(not refusals, point.reason),
    )
