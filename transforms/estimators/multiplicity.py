"""P-values adjusted for the number of tests in a family, as R's `p.adjust`.

Belongs here: the adjustments, of numbers and of a table. Does not belong here: which tests make a family.
"""

from collections.abc import Sequence

import numpy as np
import polars as pl
from numpy.typing import NDArray

from transforms.estimators.elementary import FloatArray


def holm(p_values: FloatArray) -> FloatArray:
    """Return p-values adjusted for the chance of any false rejection (Holm 1979, Scand J Stat 6:65-70).

    Args:
        p_values: one per test; nan, a test that could not be made, stays nan and does not count.
    """
    order = _ascending(p_values)
    larger_or_equal = np.arange(order.size, 0, -1)
    return _placed(np.maximum.accumulate(larger_or_equal * p_values[order]), order, p_values.size)


def benjamini_hochberg(p_values: FloatArray) -> FloatArray:
    """Return p-values adjusted for the expected share of false rejections.

    Benjamini and Hochberg 1995, J R Stat Soc B 57:289-300.

    Args:
        p_values: one per test; nan, a test that could not be made, stays nan and does not count.
    """
    order = _ascending(p_values)[::-1]
    rank = np.arange(order.size, 0, -1)
    return _placed(np.minimum.accumulate(order.size / rank * p_values[order]), order, p_values.size)


ADJUSTED = {"p_holm": holm, "p_bh": benjamini_hochberg}
"""The columns of adjusted p-values, with their adjustments."""


def with_adjusted(table: pl.DataFrame, family: Sequence[str]) -> pl.DataFrame:
    """Add the columns `ADJUSTED` to a table with a p_value, null where there is none.

    Args:
        table: one row per test that was wanted.
        family: columns that the tests of a family share.
    """
    p_values = table["p_value"].to_numpy()
    families = table.with_row_index("row").group_by(family).agg("row")["row"]
    columns = []
    for name, adjust in ADJUSTED.items():
        adjusted = p_values.copy()
        for members in families:
            places = members.to_numpy()
            adjusted[places] = adjust(p_values[places])
        columns.append(pl.Series(name, adjusted).fill_nan(None))
    return table.with_columns(columns)


def _ascending(p_values: FloatArray) -> NDArray[np.intp]:
    """Return the places of the p-values that are known, from the smallest to the largest."""
    return np.argsort(p_values, kind="stable")[: np.count_nonzero(~np.isnan(p_values))]


def _placed(adjusted: FloatArray, order: NDArray[np.intp], size: int) -> FloatArray:
    placed = np.full(size, np.nan)
    placed[order] = np.minimum(1.0, adjusted)
    return placed
