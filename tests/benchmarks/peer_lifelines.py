"""lifelines' rows. It has no stratified log-rank test, and jitters tied times before an incidence."""

import warnings
from typing import Any

import numpy as np
import pandas as pd
from lifelines import AalenJohansenFitter, CoxPHFitter, KaplanMeierFitter
from lifelines.utils import restricted_mean_survival_time

from tests.benchmarks.cohort import COMPARED_DAYS, HORIZON_DAYS
from tests.benchmarks.rows import (
    COX,
    CURVE,
    INCIDENCE,
    RMST,
    Library,
    Numbers,
    Row,
    at_days,
    error_of_log_log_interval,
)

warnings.filterwarnings("ignore")  # it says that it jitters; so do our notes


def _read(cohort: str) -> pd.DataFrame:
    return pd.read_parquet(cohort)


def _arms(people: pd.DataFrame) -> list[pd.DataFrame]:
    return [people[people["arm"] == arm] for arm in (0, 1)]


def _curves(people: pd.DataFrame) -> list[Any]:
    return [KaplanMeierFitter().fit(arm["time_days"], arm["code"] == 1) for arm in _arms(people)]


def _curve_numbers(curves: list[Any]) -> Numbers:
    survival, errors = [], []
    for curve in curves:
        days = curve.survival_function_.index.to_numpy()
        estimate = at_days(days, curve.survival_function_.iloc[:, 0].to_numpy(), COMPARED_DAYS)
        limits = curve.confidence_interval_.to_numpy()
        low, high = (at_days(days, limits[:, side], COMPARED_DAYS) for side in (0, 1))
        survival.append(estimate)
        errors.append(error_of_log_log_interval(estimate, low, high))
    return {
        "survival": np.concatenate(survival).tolist(),
        "std_error": np.concatenate(errors).tolist(),
    }


def _cox(people: pd.DataFrame) -> Any:
    frame = people[["arm", "stratum", "time_days"]].assign(event=people["code"] == 1)
    return CoxPHFitter().fit(frame, "time_days", "event", strata=["stratum"])


def _cox_numbers(fit: Any) -> Numbers:
    return {
        "log_hazard_ratio": [float(fit.params_["arm"])],
        "std_error": [float(fit.standard_errors_["arm"])],
    }


def _means(people: pd.DataFrame) -> list[tuple[float, float]]:
    return [
        restricted_mean_survival_time(curve, t=HORIZON_DAYS, return_variance=True)
        for curve in _curves(people)
    ]


def _mean_numbers(means: list[tuple[float, float]]) -> Numbers:
    return {
        "rmst": [float(mean) for mean, _ in means],
        "std_error": [float(variance) ** 0.5 for _, variance in means],
    }


def _incidences(people: pd.DataFrame) -> list[Any]:
    return [
        AalenJohansenFitter(seed=1).fit(arm["time_days"], arm["code"], event_of_interest=1)
        for arm in _arms(people)
    ]


def _incidence_numbers(incidences: list[Any]) -> Numbers:
    estimates, errors = [], []
    for incidence in incidences:
        curve = incidence.cumulative_density_.iloc[:, 0]
        # Half a day later, so that all the jittered events of the compared day have happened.
        days = tuple(day + 0.5 for day in COMPARED_DAYS)
        estimates.append(at_days(curve.index.to_numpy(), curve.to_numpy(), days))
        errors.append(np.sqrt(at_days(curve.index.to_numpy(), incidence.variance_.to_numpy(), days)))
    return {
        "incidence": np.concatenate(estimates).tolist(),
        "std_error": np.concatenate(errors).tolist(),
    }


LIBRARY = Library(
    read=_read,
    rows={
        CURVE: Row(_curves, _curve_numbers),
        COX: Row(_cox, _cox_numbers),
        RMST: Row(_means, _mean_numbers),
        INCIDENCE: Row(_incidences, _incidence_numbers),
    },
)
