"""What is timed: the rows of the benchmark, and what a library must provide for one."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

CURVE = "curve with SE"
LOGRANK = "log-rank, stratified"
COX = "Cox, stratified"
RMST = "RMST with SE"
INCIDENCE = "cumulative incidence with SE"
ROWS = (CURVE, LOGRANK, COX, RMST, INCIDENCE)
FAMILY = "whole family"

Numbers = dict[str, list[float]]
"""The estimates at points all libraries share, by name: compared, not timed."""

_NORMAL_975 = 1.959963984540054


@dataclass(frozen=True)
class Row:
    """One estimate of a library: `estimate` is timed, `numbers` reads what is compared off its result."""

    estimate: Callable[[Any], Any]
    numbers: Callable[[Any], Numbers]


@dataclass(frozen=True)
class Library:
    """How a library reads the cohort (timed with every row) and which rows it can do."""

    read: Callable[[str], Any]
    rows: dict[str, Row]


def at_days(
    time_days: NDArray[Any], values: NDArray[Any], compared_days: Sequence[float]
) -> NDArray[np.float64]:
    """Read a step function, given by its steps in order, on the compared days; NaN before the first."""
    last = np.searchsorted(np.asarray(time_days, dtype=np.float64), compared_days, side="right") - 1
    read = np.asarray(values, dtype=np.float64)[np.maximum(last, 0)]
    return np.where(last >= 0, read, np.nan)


def error_of_log_log_interval(
    estimate: NDArray[np.float64], low: NDArray[np.float64], high: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Recover a standard error from the 95 % limits of a log(-log) interval, all that some libraries show."""
    with np.errstate(all="ignore"):
        spread = np.abs(np.log(-np.log(low)) - np.log(-np.log(high))) / (2 * _NORMAL_975)
        return estimate * -np.log(estimate) * spread


def largest_difference(numbers: Numbers, own: Numbers) -> float | None:
    """Return the largest relative difference to our numbers; None if nothing can be compared.

    A point that only one side defines makes the difference infinite.
    """
    differences = [
        _relative(a, b)
        for name in own.keys() & numbers.keys()
        for a, b in zip(numbers[name], own[name], strict=True)
        if not (math.isnan(a) and math.isnan(b))
    ]
    return max(differences) if differences else None


def _relative(a: float, b: float) -> float:
    if a == b:
        return 0.0
    difference = abs(a - b) / max(abs(a), abs(b))
    return math.inf if math.isnan(difference) else difference
