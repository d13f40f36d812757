"""The pairs of baseline and value of an arm: what the estimators of biomarker effects are given.

Belongs here: cutting the rows of `intermediate.int_biomarkers__pairs` into arms, logarithms, counts. Does not
belong here: estimates, and what makes a pair.
"""

import itertools
from collections.abc import Hashable, Iterator
from dataclasses import dataclass

import numpy as np
import polars as pl

from transforms.estimators.elementary import FloatArray
from transforms.estimators.fingerprint import fingerprint
from transforms.estimators.geometric_mean_ratios import log_ratios, logarithms

BOUNDS_ONLY = "none"
"""The imputation of pairs that bound their ratio, and have neither a baseline nor a value."""

GROUP_KEY = (
    "study_id",
    "kind",
    "analyte_id",
    "visit",
    "timepoint",
    "imputation",
    "is_plasma_volume_corrected",
)
GroupKey = tuple[str | bool, ...]

_NUMBERS = ("baseline", "value", "ratio_low", "ratio_high")


@dataclass(frozen=True, slots=True)
class ArmPairs:
    """The participants of one arm with a baseline or a value of an analyte, ordered by these numbers.

    Attributes:
        baselines: every baseline, of pairs or not.
        values: every value, of pairs or not.
        baseline: baselines of the pairs; value and log_ratio belong to the same.
        value: their values.
        log_ratio: logarithm of value over baseline, nan where one of the two is not above 0.
        log_low: where nothing is imputed, the lower bound of each pair's log ratio, -inf where there is none.
        log_high: the upper bound, inf where there is none; as log_low where the ratio is known.
        is_reportable: whether the analyte may be reported.
        reason: why not.
        fingerprint: equal exactly for arms with the same numbers.
    """

    baselines: FloatArray
    values: FloatArray
    baseline: FloatArray
    value: FloatArray
    log_ratio: FloatArray
    log_low: FloatArray
    log_high: FloatArray
    is_reportable: bool
    reason: str
    fingerprint: Hashable

    @property
    def n_paired(self) -> int:
        """Pairs, those with a bounded ratio included."""
        return self.baseline.size + self.log_low.size

    @property
    def n_baseline(self) -> int:
        """Participants with a baseline; a pair that bounds its ratio has one."""
        return self.baselines.size + self.log_low.size

    @property
    def n_value(self) -> int:
        """Participants with a value; a pair that bounds its ratio has one."""
        return self.values.size + self.log_low.size

    @property
    def n_censored(self) -> int:
        """Pairs whose ratio is known only as a bound."""
        return int(np.count_nonzero(self.log_low < self.log_high))


def arm_pairs(
    baseline: FloatArray,
    value: FloatArray,
    ratio_low: FloatArray,
    ratio_high: FloatArray,
    *,
    is_reportable: bool = True,
    reason: str = "",
) -> ArmPairs:
    """Return the pairs of an arm from one element per participant, nan where something is missing.

    Args:
        baseline: baselines, in any order.
        value: values of the same participants.
        ratio_low: lower bounds of their ratios, where nothing is imputed.
        ratio_high: upper bounds; a pair has at least one of the two.
        is_reportable: whether the analyte may be reported.
        reason: why not.
    """
    # In this order two imputations that change nothing are the same arm, whatever the order of their rows.
    order = np.lexsort((ratio_high, ratio_low, value, baseline))
    columns = [column[order] for column in (baseline, value, ratio_low, ratio_high)]
    baseline, value, ratio_low, ratio_high = columns
    has_baseline, has_value = ~np.isnan(baseline), ~np.isnan(value)
    is_paired = has_baseline & has_value
    paired_baseline, paired_value = baseline[is_paired], value[is_paired]
    is_bounded = ~(np.isnan(ratio_low) & np.isnan(ratio_high))
    low, high = ratio_low[is_bounded], ratio_high[is_bounded]
    return ArmPairs(
        baselines=baseline[has_baseline],
        values=value[has_value],
        baseline=paired_baseline,
        value=paired_value,
        log_ratio=log_ratios(paired_baseline, paired_value),
        log_low=np.where(np.isnan(low), -np.inf, logarithms(low)),
        log_high=np.where(np.isnan(high), np.inf, logarithms(high)),
        is_reportable=is_reportable,
        reason=reason,
        fingerprint=fingerprint(columns),
    )


def no_pairs() -> ArmPairs:
    """Return the pairs of an arm that has none."""
    nobody = np.empty(0)
    return arm_pairs(nobody, nobody, nobody, nobody)


def arms_by_group(pairs: pl.DataFrame) -> Iterator[tuple[GroupKey, dict[str, ArmPairs]]]:
    """Yield the arms of each group of pairs that share a GROUP_KEY, both in their order.

    Args:
        pairs: rows of `intermediate.int_biomarkers__pairs` in any order.
    """
    arms = (
        pairs.group_by(*GROUP_KEY, "arm_id")
        .agg(
            pl.col(_NUMBERS).cast(pl.Float64),
            size=pl.len(),
            is_reportable=pl.col("is_reportable").all(),
            reason=pl.col("reason").max(),
        )
        .sort(*GROUP_KEY, "arm_id")
    )
    numbers = [arms[name].explode().to_numpy() for name in _NUMBERS]
    ends = [0, *itertools.accumulate(arms["size"].to_list())]
    slices = ([column[start:end] for column in numbers] for start, end in itertools.pairwise(ends))
    verdicts = arms.select("is_reportable", "reason").iter_rows()
    keys = arms.select(*GROUP_KEY, "arm_id").iter_rows()
    rows = zip(keys, slices, verdicts, strict=True)
    for key, group in itertools.groupby(rows, key=lambda row: row[0][:-1]):
        yield (
            key,
            {
                arm_key[-1]: arm_pairs(*columns, is_reportable=is_reportable, reason=reason or "")
                for arm_key, columns, (is_reportable, reason) in group
            },
        )
