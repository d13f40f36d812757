"""Responses of single participants: the marts of acute responses and resting changes.

Belongs here: what SQL cannot say with the same bits on every machine, the logarithm of a ratio. Does not
belong here: everything else about these rows (`transforms/models/intermediate`).
"""

import numpy as np
import polars as pl

from transforms.estimators.elementary import log
from transforms.estimators.mart_columns import Columns
from transforms.estimators.myokine_columns import (
    ACUTE_RESPONSE,
    ACUTE_RESPONSE_KEY,
    RESTING_CHANGE,
    RESTING_CHANGE_KEY,
)


def acute_response(responses: pl.DataFrame) -> pl.DataFrame:
    """Responses of single bouts with the natural logarithm of their ratio: rows of `myokine.acute_response`.

    Args:
        responses: rows of `intermediate.int_biomarkers__acute` in any order.
    """
    return _with_log_ratio(responses, ACUTE_RESPONSE, ACUTE_RESPONSE_KEY)


def resting_change(changes: pl.DataFrame) -> pl.DataFrame:
    """Changes at rest with the natural logarithm of their ratio: rows of `myokine.resting_change`.

    Args:
        changes: rows of `intermediate.int_biomarkers__resting` in any order.
    """
    return _with_log_ratio(changes, RESTING_CHANGE, RESTING_CHANGE_KEY)


def _with_log_ratio(rows: pl.DataFrame, columns: Columns, key: tuple[str, ...]) -> pl.DataFrame:
    """Add log_ratio, null where the ratio is null or not above 0, and order the rows by their key."""
    ratio = rows["ratio"].cast(pl.Float64).fill_null(0.0).to_numpy()
    is_positive = ratio > 0.0
    logarithm = np.where(is_positive, log(np.where(is_positive, ratio, 1.0)), np.nan)
    with_log = rows.with_columns(pl.Series("log_ratio", logarithm).fill_nan(None))
    return with_log.select(*columns).cast(pl.Schema(columns)).sort(key)
