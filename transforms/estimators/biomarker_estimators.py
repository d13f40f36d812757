"""The estimators of biomarker effects by name, with their contrast and scale.

Belongs here: which estimators there are and what of an arm's pairs each of them gets. Does not belong here:
formulas. `seeds/reference/biomarker_estimators.csv` describes the same estimators for readers.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np

from transforms.estimators import censored_normal, ranks
from transforms.estimators.biomarker_pairs import ArmPairs
from transforms.estimators.geometric_mean_ratios import (
    UNIT,
    ancova_on_logs,
    exponentiated,
    logarithms,
    paired_geometric_mean_ratio,
    ratio_of_geometric_mean_ratios,
    without_logarithm,
)
from transforms.estimators.mean_changes import (
    difference_of_mean_changes,
    paired_change_of_means,
    paired_mean_difference,
    unpaired_change_of_means,
)
from transforms.estimators.point_estimate import PointEstimate

Contrast = Literal["within_arm", "between_arms"]
Scale = Literal["ratio", "percent", "difference"]
Estimate = Callable[..., PointEstimate]
"""From the pairs of an arm or, between arms, of the experimental arm and its comparator."""


@dataclass(frozen=True, slots=True)
class BiomarkerEstimator:
    """One way to estimate an effect on a biomarker.

    Attributes:
        name: its name in `myokine.effect`.
        contrast: whether it is of one arm or between two.
        scale: of estimate and interval; none is at 1 for a ratio, at 0 for percent and difference.
        estimate: the estimator.
        uses_bounds: whether it takes ratios known only as a bound, of results that are not imputed.
    """

    name: str
    contrast: Contrast
    scale: Scale
    estimate: Estimate
    uses_bounds: bool = False


def _of_log_ratios(estimator: Estimate) -> Estimate:
    """Let an estimator of log ratios estimate ratios of pairs."""

    def estimate(*arms: ArmPairs) -> PointEstimate:
        changes = [arm.log_ratio for arm in arms]
        reason = without_logarithm(*changes)
        return PointEstimate(reason=reason) if reason else exponentiated(estimator(*changes))

    return estimate


def _of_bounds(estimator: Estimate) -> Estimate:
    """Let an estimator of bounded log ratios estimate ratios of pairs."""

    def estimate(*arms: ArmPairs) -> PointEstimate:
        reason = without_logarithm(*(np.where(np.isnan(arm.log_low), np.nan, arm.log_high) for arm in arms))
        if reason:
            return PointEstimate(reason=reason)
        ends = (bounds for arm in arms for bounds in (arm.log_low, arm.log_high))
        return exponentiated(estimator(*ends, least=UNIT))

    return estimate


def _paired_geometric_mean_ratio(arm: ArmPairs) -> PointEstimate:
    return paired_geometric_mean_ratio(arm.log_ratio)


def _paired_mean_difference(arm: ArmPairs) -> PointEstimate:
    return paired_mean_difference(arm.baseline, arm.value)


def _paired_change_of_means(arm: ArmPairs) -> PointEstimate:
    return paired_change_of_means(arm.baseline, arm.value)


def _unpaired_change_of_means(arm: ArmPairs) -> PointEstimate:
    return unpaired_change_of_means(arm.baselines, arm.values)


def _ratio_of_geometric_mean_ratios(arm: ArmPairs, comparator: ArmPairs) -> PointEstimate:
    return ratio_of_geometric_mean_ratios(arm.log_ratio, comparator.log_ratio)


def _difference_of_mean_changes(arm: ArmPairs, comparator: ArmPairs) -> PointEstimate:
    return difference_of_mean_changes(arm.baseline, arm.value, comparator.baseline, comparator.value)


def _ancova_on_logs(arm: ArmPairs, comparator: ArmPairs) -> PointEstimate:
    return ancova_on_logs(*(logarithms(x) for each in (arm, comparator) for x in (each.baseline, each.value)))


BIOMARKER_ESTIMATORS = (
    BiomarkerEstimator("paired_geometric_mean_ratio", "within_arm", "ratio", _paired_geometric_mean_ratio),
    BiomarkerEstimator("paired_median_ratio", "within_arm", "ratio", _of_log_ratios(ranks.median)),
    BiomarkerEstimator("wilcoxon_signed_rank", "within_arm", "ratio", _of_log_ratios(ranks.signed_rank)),
    BiomarkerEstimator("paired_mean_difference", "within_arm", "difference", _paired_mean_difference),
    BiomarkerEstimator("paired_change_of_means", "within_arm", "percent", _paired_change_of_means),
    BiomarkerEstimator("unpaired_change_of_means", "within_arm", "percent", _unpaired_change_of_means),
    BiomarkerEstimator(
        "censored_geometric_mean_ratio",
        "within_arm",
        "ratio",
        _of_bounds(censored_normal.censored_mean),
        uses_bounds=True,
    ),
    BiomarkerEstimator(
        "ratio_of_geometric_mean_ratios", "between_arms", "ratio", _ratio_of_geometric_mean_ratios
    ),
    BiomarkerEstimator("ancova_on_logs", "between_arms", "ratio", _ancova_on_logs),
    BiomarkerEstimator("wilcoxon_rank_sum", "between_arms", "ratio", _of_log_ratios(ranks.rank_sum)),
    BiomarkerEstimator(
        "difference_of_mean_changes", "between_arms", "difference", _difference_of_mean_changes
    ),
    BiomarkerEstimator(
        "censored_ratio_of_geometric_mean_ratios",
        "between_arms",
        "ratio",
        _of_bounds(censored_normal.censored_difference),
        uses_bounds=True,
    ),
)
