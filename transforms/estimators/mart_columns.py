"""Columns of the estimated marts, in order and with their types, and frames built by them.

Belongs here: what the estimators promise about the shape of a mart. Does not belong here: estimates.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray
from polars.datatypes import DataTypeClass

Columns = Mapping[str, DataTypeClass]

_ANALYSIS: Columns = {"study_id": pl.String, "endpoint_id": pl.String, "policy_id": pl.String}
_ARM: Columns = {**_ANALYSIS, "arm_id": pl.String}
_INTERVAL: Columns = {"std_error": pl.Float64, "conf_low": pl.Float64, "conf_high": pl.Float64}
_OTHER_SCALES: Columns = {
    "conf_low_log_log": pl.Float64,
    "conf_high_log_log": pl.Float64,
    "conf_low_plain": pl.Float64,
    "conf_high_plain": pl.Float64,
}
_COMPARISON: Columns = {"experimental": pl.String, "control": pl.String}
_TEST: Columns = {**_INTERVAL, "p_value": pl.Float64, "reason": pl.String}

CURVE: Columns = {
    **_ARM,
    "time_days": pl.Int64,
    "n_at_risk": pl.Int64,
    "n_event": pl.Int64,
    "n_censored": pl.Int64,
    "survival": pl.Float64,
    **_INTERVAL,
    **_OTHER_SCALES,
    "cumulative_hazard": pl.Float64,
}
LANDMARK: Columns = {
    **_ARM,
    "landmark_years": pl.Float64,
    "n_at_risk": pl.Int64,
    "survival": pl.Float64,
    **_INTERVAL,
    **_OTHER_SCALES,
    "reason": pl.String,
}
LANDMARK_DIFFERENCE: Columns = {
    **_ANALYSIS,
    "landmark_years": pl.Float64,
    **_COMPARISON,
    "difference": pl.Float64,
    **_TEST,
}
SUMMARY: Columns = {
    **_ARM,
    "n": pl.Int64,
    "events": pl.Int64,
    "person_days": pl.Int64,
    "median_days": pl.Float64,
    "median_days_low": pl.Float64,
    "median_days_high": pl.Float64,
    "median_days_low_log_log": pl.Float64,
    "median_days_high_log_log": pl.Float64,
    "median_days_low_plain": pl.Float64,
    "median_days_high_plain": pl.Float64,
    "reverse_km_median_days": pl.Float64,
    "rmst_years": pl.Float64,
    "rmst_days": pl.Float64,
    "rmst_std_error": pl.Float64,
    "rmst_days_low": pl.Float64,
    "rmst_days_high": pl.Float64,
    "reason": pl.String,
}
RMST_DIFFERENCE: Columns = {
    **_ANALYSIS,
    **_COMPARISON,
    "rmst_years": pl.Float64,
    "difference_days": pl.Float64,
    **_TEST,
}
CUMULATIVE_INCIDENCE: Columns = {
    **_ARM,
    "outcome": pl.String,
    "time_days": pl.Int64,
    "n_at_risk": pl.Int64,
    "cumulative_incidence": pl.Float64,
    **_INTERVAL,
    **_OTHER_SCALES,
}
RECURRENCE_EFFECT: Columns = {
    **_ANALYSIS,
    **_COMPARISON,
    "model": pl.String,
    "hazard_ratio": pl.Float64,
    "conf_low": pl.Float64,
    "conf_high": pl.Float64,
    "log_hazard_ratio": pl.Float64,
    "std_error": pl.Float64,
    "p_value": pl.Float64,
    "gray_chisq": pl.Float64,
    "gray_p": pl.Float64,
    "n": pl.Int64,
    "events": pl.Int64,
    "competing_events": pl.Int64,
    "reason": pl.String,
}
TREATMENT_EFFECT: Columns = {
    **_ANALYSIS,
    **_COMPARISON,
    "model": pl.String,
    "ties": pl.String,
    "subgroup": pl.String,
    "level": pl.String,
    "hazard_ratio": pl.Float64,
    "conf_low": pl.Float64,
    "conf_high": pl.Float64,
    "log_hazard_ratio": pl.Float64,
    "std_error": pl.Float64,
    "p_value": pl.Float64,
    "logrank_chisq": pl.Float64,
    "logrank_p": pl.Float64,
    "strata": pl.String,
    "covariates": pl.String,
    "n": pl.Int64,
    "events": pl.Int64,
    "ph_chisq": pl.Float64,
    "ph_p": pl.Float64,
    "interaction_p": pl.Float64,
    "reason": pl.String,
}
_RATE: Columns = {
    "rate_per_1000_person_years": pl.Float64,
    "conf_low": pl.Float64,
    "conf_high": pl.Float64,
    "reason": pl.String,
}
_RATE_OF_ARM: Columns = {
    "n": pl.Int64,
    "n_participants": pl.Int64,
    "percent": pl.Float64,
    "person_days": pl.Int64,
    **_RATE,
}
PATTERN: Columns = {
    "study_id": pl.String,
    "endpoint_id": pl.String,
    "arm_id": pl.String,
    "event_class": pl.String,
    "organ": pl.String,
    **_RATE_OF_ARM,
}
YEARLY_RATE: Columns = {
    **_ARM,
    "year": pl.Int64,
    "n_at_risk": pl.Int64,
    "n_event": pl.Int64,
    "n_competing": pl.Int64,
    "n_censored": pl.Int64,
    "person_days": pl.Float64,
    **_RATE,
}
SECOND_PRIMARY: Columns = {
    "study_id": pl.String,
    "arm_id": pl.String,
    "organ": pl.String,
    **_RATE_OF_ARM,
}
SURVIVAL_AFTER_RECURRENCE: Columns = {
    "study_id": pl.String,
    "arm_id": pl.String,
    "time_days": pl.Int64,
    "n_at_risk": pl.Int64,
    "n_event": pl.Int64,
    "n_censored": pl.Int64,
    "survival": pl.Float64,
    **_INTERVAL,
}
SURVIVAL_AFTER_RECURRENCE_SUMMARY: Columns = {
    "study_id": pl.String,
    "arm_id": pl.String,
    "n": pl.Int64,
    "events": pl.Int64,
    "person_days": pl.Int64,
    "median_days": pl.Float64,
    "median_days_low": pl.Float64,
    "median_days_high": pl.Float64,
    "reverse_km_median_days": pl.Float64,
    "reason": pl.String,
}
PUBLISHED_RESULT: Columns = {
    "figure_id": pl.String,
    "study_id": pl.String,
    "quantity": pl.String,
    "endpoint_id": pl.String,
    "arm_id": pl.String,
    "experimental": pl.String,
    "control": pl.String,
    "kind": pl.String,
    "analyte_id": pl.String,
    "visit": pl.String,
    "timepoint": pl.String,
    "at_years": pl.Float64,
    "published_value": pl.Float64,
    "published_low": pl.Float64,
    "published_high": pl.Float64,
    "own_value": pl.Float64,
    "own_std_error": pl.Float64,
    "distance_se": pl.Float64,
    "verdict": pl.String,
    "source": pl.String,
}


def stacked(
    keys: Sequence[tuple[str, ...]], blocks: Sequence[Sequence[NDArray[Any]]], columns: Columns
) -> pl.DataFrame:
    """Put blocks of columns below each other, each row beside its block's key; NaN becomes null.

    Args:
        keys: one tuple of text per block, for the first of `columns`.
        blocks: the arrays of the remaining columns, all of one length within a block.
        columns: names and types of the frame.
    """
    if not blocks:
        return pl.DataFrame(schema=dict(columns))
    names = list(columns)
    n_keys = len(names) - len(blocks[0])
    owner = np.repeat(np.arange(len(blocks)), [len(block[0]) for block in blocks])
    values = {
        name: np.concatenate(parts)
        for name, parts in zip(names[n_keys:], zip(*blocks, strict=True), strict=True)
    }
    key_frame = pl.DataFrame(keys, schema=names[:n_keys], orient="row")
    return key_frame[owner].hstack(pl.DataFrame(values).fill_nan(None)).cast(pl.Schema(columns))
