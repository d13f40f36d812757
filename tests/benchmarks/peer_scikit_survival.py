"""scikit-survival's rows. Its Cox model and log-rank test know no strata, and it has no restricted mean."""

import numpy as np
import pyarrow.parquet as pq
from numpy.typing import NDArray
from sksurv.nonparametric import cumulative_incidence_competing_risks, kaplan_meier_estimator

from tests.benchmarks.cohort import COMPARED_DAYS
from tests.benchmarks.rows import (
    CURVE,
    INCIDENCE,
    Library,
    Numbers,
    Row,
    at_days,
    error_of_log_log_interval,
)

Columns = dict[str, NDArray[np.generic]]
Estimate = tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]
"""Days, estimates, and the limits as two rows."""


def _read(cohort: str) -> Columns:
    table = pq.read_table(cohort)
    return {name: table[name].to_numpy() for name in table.column_names}


def _curves(people: Columns) -> list[Estimate]:
    return [
        kaplan_meier_estimator(
            people["code"][people["arm"] == arm] == 1,
            people["time_days"][people["arm"] == arm],
            conf_type="log-log",
        )
        for arm in (0, 1)
    ]


def _incidences(people: Columns) -> list[Estimate]:
    estimates = [
        cumulative_incidence_competing_risks(
            people["code"][people["arm"] == arm].astype(int),
            people["time_days"][people["arm"] == arm],
            conf_type="log-log",
            var_type="Aalen",
        )
        for arm in (0, 1)
    ]
    return [(days, incidence[1], limits[1]) for days, incidence, limits in estimates]


def _numbers(name: str, estimates: list[Estimate]) -> Numbers:
    values, errors = [], []
    for days, estimate, limits in estimates:
        value, low, high = (at_days(days, column, COMPARED_DAYS) for column in (estimate, *limits))
        values.append(value)
        errors.append(error_of_log_log_interval(value, low, high))
    return {name: np.concatenate(values).tolist(), "std_error": np.concatenate(errors).tolist()}


LIBRARY = Library(
    read=_read,
    rows={
        CURVE: Row(_curves, lambda estimates: _numbers("survival", estimates)),
        INCIDENCE: Row(_incidences, lambda estimates: _numbers("incidence", estimates)),
    },
)
