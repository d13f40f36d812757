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

CURVE: Columns = {
    **_ARM,
    "time_days": pl.Int64,
    "n_at_risk": pl.Int64,
    "n_event": pl.Int64,
    "n_censored": pl.Int64,
    "survival": pl.Float64,
    **_INTERVAL,
    "cumulative_hazard": pl.Float64,
}
LANDMARK: Columns = {
    **_ARM,
    "landmark_years": pl.Float64,
    "n_at_risk": pl.Int64,
    "survival": pl.Float64,
    **_INTERVAL,
    "reason": pl.String,
}
SUMMARY: Columns = {
    **_ARM,
    "n": pl.Int64,
    "events": pl.Int64,
    "person_days": pl.Int64,
    "median_days": pl.Float64,
    "median_days_low": pl.Float64,
    "median_days_high": pl.Float64,
    "reverse_km_median_days": pl.Float64,
    "rmst_years": pl.Float64,
    "rmst_days": pl.Float64,
    "rmst_std_error": pl.Float64,
    "reason": pl.String,
}
CUMULATIVE_INCIDENCE: Columns = {
    **_ARM,
    "outcome": pl.String,
    "time_days": pl.Int64,
    "n_at_risk": pl.Int64,
    "cumulative_incidence": pl.Float64,
    **_INTERVAL,
}
TREATMENT_EFFECT: Columns = {
    **_ANALYSIS,
    "experimental": pl.String,
    "control": pl.String,
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
    "n": pl.Int64,
    "events": pl.Int64,
    "ph_chisq": pl.Float64,
    "ph_p": pl.Float64,
    "interaction_p": pl.Float64,
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
