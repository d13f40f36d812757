"""The pairs of baseline and value of an arm: what the estimators of biomarker effects are given.

Belongs here: cutting the rows of `intermediate.int_biomarkers__pairs` into arms, logarithms, counts. Does not
belong here: estimates, and what makes a pair.
"""

import itertools
from collections.abc import Hashable, Iterator
from dataclasses import dataclass, field, replace

import numpy as np
import polars as pl
from numpy.typing import NDArray

from transforms.estimators.elementary import FloatArray
from transforms.estimators.fingerprint import fingerprint
from transforms.estimators.geometric_mean_ratios import log_ratios, logarithms

BOUNDS_ONLY = "none"
"""The imputation that leaves results censored: pairs have bounds of their ratio, and no baseline or value."""

GROUP_KEY = (
    "study_id",
    "kind",
    "analyte_id",
    "visit",
    "timepoint",
    "imputation",
    "is_plasma_volume_corrected",
)
IMPUTATION = GROUP_KEY.index("imputation")
GroupKey = tuple[str | bool, ...]
BoolArray = NDArray[np.bool_]

_NUMBERS = ("baseline", "value", "ratio_low", "ratio_high")


def _none() -> FloatArray:
    return np.empty(0)


@dataclass(frozen=True, slots=True)
class ArmPairs:
    """The participants of one arm of whom an analyte was measured, ordered by their numbers.

    Attributes:
        n_paired: pairs with a baseline and a value; where nothing is imputed, with a bound of their ratio.
        n_baseline: participants with a baseline; where nothing is imputed, of whom both ends were measured.
        n_value: participants with a value; as n_baseline where nothing is imputed.
        n_censored: pairs with an end beyond a limit; where nothing is imputed, whose ratio is not known but
            bounded.
        baselines: every baseline, of pairs or not.
        values: every value, of pairs or not.
        baseline: baselines of the pairs; value and log_ratio belong to the same.
        value: their values.
        log_ratio: logarithm of value over baseline, nan where one of the two is not above 0.
        log_low: where nothing is imputed, the lower bound of each pair's log ratio, -inf where there is none,
            nan where a bound of 0 or less has no logarithm.
        log_high: the upper bound, inf where there is none; as log_low where the ratio is known.
        is_reportable: whether the analyte may be reported.
        reason: why not.
        fingerprint: equal exactly for arms with the same numbers, which have the same estimates.
    """

    n_paired: int = 0
    n_baseline: int = 0
    n_value: int = 0
    n_censored: int = 0
    baselines: FloatArray = field(default_factory=_none)
    values: FloatArray = field(default_factory=_none)
    baseline: FloatArray = field(default_factory=_none)
    value: FloatArray = field(default_factory=_none)
    log_ratio: FloatArray = field(default_factory=_none)
    log_low: FloatArray = field(default_factory=_none)
    log_high: FloatArray = field(default_factory=_none)
    is_reportable: bool = True
    reason: str = ""
    fingerprint: Hashable = ()


def imputed_pairs(baseline: FloatArray, value: FloatArray, is_beyond_limit: BoolArray) -> ArmPairs:
    """Return the pairs of an arm under an imputation policy, from one element per participant.

    Args:
        baseline: baselines, in any order; nan without a number.
        value: values of the same participants.
        is_beyond_limit: whether one of the two was beyond a limit, whatever the policy made of it.
    """
    has_baseline, has_value = ~np.isnan(baseline), ~np.isnan(value)
    n_censored = int(np.count_nonzero(has_baseline & has_value & is_beyond_limit))
    baseline, value = _in_order(baseline, value)
    has_baseline, has_value = ~np.isnan(baseline), ~np.isnan(value)
    is_paired = has_baseline & has_value
    paired_baseline, paired_value = baseline[is_paired], value[is_paired]
    return ArmPairs(
        n_paired=paired_baseline.size,
        n_baseline=int(np.count_nonzero(has_baseline)),
        n_value=int(np.count_nonzero(has_value)),
        n_censored=n_censored,
        baselines=baseline[has_baseline],
        values=value[has_value],
        baseline=paired_baseline,
        value=paired_value,
        log_ratio=log_ratios(paired_baseline, paired_value),
        fingerprint=fingerprint((baseline, value)),
    )


def bounded_pairs(ratio_low: FloatArray, ratio_high: FloatArray) -> ArmPairs:
    """Return the pairs of an arm where nothing is imputed, from one element per pair.

    Args:
        ratio_low: lower bounds of the ratios, in any order; nan where there is none. A pair without a bound,
            both ends beyond the same limit, is counted among baselines and values alone.
        ratio_high: upper bounds of the same; equal where the ratio is known.
    """
    low, high = _in_order(ratio_low, ratio_high)
    return ArmPairs(
        n_paired=low.size,
        n_baseline=ratio_low.size,
        n_value=ratio_low.size,
        n_censored=int(np.count_nonzero(low != high)),
        log_low=np.where(np.isnan(low), -np.inf, logarithms(low)),
        log_high=np.where(np.isnan(high), np.inf, logarithms(high)),
        fingerprint=fingerprint((low, high)),
    )


def _in_order(first: FloatArray, second: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Sort pairs of numbers of which one at least is there, and leave the others out.

    In this order two imputations that change nothing are the same arm, whatever the order of their rows.
    """
    is_known = ~(np.isnan(first) & np.isnan(second))
    first, second = first[is_known], second[is_known]
    order = np.lexsort((second, first))
    return first[order], second[order]


def arms_by_group(pairs: pl.DataFrame) -> Iterator[tuple[GroupKey, dict[str, ArmPairs]]]:
    """Yield the arms of each group of pairs that share a GROUP_KEY, both in their order.

    Args:
        pairs: rows of `intermediate.int_biomarkers__pairs` in any order.
    """
    arms = (
        pairs.group_by(*GROUP_KEY, "arm_id")
        .agg(
            pl.col(_NUMBERS).cast(pl.Float64),
            pl.col("is_beyond_limit"),
            size=pl.len(),
            is_reportable=pl.col("is_reportable").all(),
            reason=pl.col("reason").max(),
        )
        .sort(*GROUP_KEY, "arm_id")
    )
    columns = {name: arms[name].explode().to_numpy() for name in (*_NUMBERS, "is_beyond_limit")}
    ends = [0, *itertools.accumulate(arms["size"].to_list())]
    slices = (
        {name: column[start:end] for name, column in columns.items()}
        for start, end in itertools.pairwise(ends)
    )
    verdicts = arms.select("is_reportable", "reason").iter_rows()
    keys = arms.select(*GROUP_KEY, "arm_id").iter_rows()
    rows = zip(keys, slices, verdicts, strict=True)
    for key, group in itertools.groupby(rows, key=lambda row: row[0][:-1]):
        yield (
            key,
            {
                arm_key[-1]: replace(_arm(key, **results), is_reportable=is_reportable, reason=reason or "")
                for arm_key, results, (is_reportable, reason) in group
            },
        )


def _arm(
    key: GroupKey,
    *,
    baseline: FloatArray,
    value: FloatArray,
    ratio_low: FloatArray,
    ratio_high: FloatArray,
    is_beyond_limit: BoolArray,
) -> ArmPairs:
    if key[IMPUTATION] == BOUNDS_ONLY:
        return bounded_pairs(ratio_low, ratio_high)
    return imputed_pairs(baseline, value, is_beyond_limit)
