"""greenwood's rows: one fit an arm on numpy columns, which is faster than its own grouping by labels."""

from typing import Any

import greenwood
import numpy as np
import polars as pl

from tests.benchmarks.cohort import COMPARED_DAYS, HORIZON_DAYS
from tests.benchmarks.rows import COX, CURVE, INCIDENCE, LOGRANK, RMST, Library, Numbers, Row, at_days

_NORMAL_975 = 1.959963984540054
_CODES = pl.Enum(["censored", "event", "competing"])


def _read(cohort: str) -> pl.DataFrame:
    return pl.read_parquet(cohort)


def _arms(people: pl.DataFrame) -> list[pl.DataFrame]:
    return [people.filter(pl.col("arm") == arm) for arm in (0, 1)]


def _outcome(people: pl.DataFrame) -> Any:
    return greenwood.Surv(people["time_days"].to_numpy(), event=(people["code"] == 1).to_numpy())


def _curves(people: pl.DataFrame) -> list[Any]:
    return [greenwood.KaplanMeier().fit(_outcome(arm)) for arm in _arms(people)]


def _curve_numbers(curves: list[Any]) -> Numbers:
    def on_days(name: str) -> list[float]:
        return np.concatenate(
            [at_days(curve.time_, getattr(curve, name), COMPARED_DAYS) for curve in curves]
        ).tolist()

    return {"survival": on_days("survival_"), "std_error": on_days("std_error_")}


def _logrank(people: pl.DataFrame) -> Any:
    return greenwood.logrank_test(
        _outcome(people), people["arm"].to_numpy(), strata=people["stratum"].to_numpy()
    )


def _cox(people: pl.DataFrame) -> Any:
    return greenwood.CoxPH(ties="efron").fit(
        _outcome(people), people.select(pl.col("arm").cast(pl.Float64)), strata=people["stratum"].to_numpy()
    )


def _cox_numbers(fit: Any) -> Numbers:
    return {"log_hazard_ratio": [float(fit.coef_[0])], "std_error": [float(fit.std_error_[0])]}


def _means(people: pl.DataFrame) -> list[tuple[float, float, float]]:
    return [curve.rmst(HORIZON_DAYS, ci=True) for curve in _curves(people)]


def _mean_numbers(means: list[tuple[float, float, float]]) -> Numbers:
    return {
        "rmst": [mean for mean, _, _ in means],
        "std_error": [(high - mean) / _NORMAL_975 for mean, _, high in means],
    }


def _incidences(people: pl.DataFrame) -> list[Any]:
    return [
        greenwood.AalenJohansen().fit(
            greenwood.Surv(arm["time_days"].to_numpy(), event=arm["code"].cast(pl.UInt8).cat.to(_CODES))
        )
        for arm in _arms(people)
    ]


def _incidence_numbers(incidences: list[Any]) -> Numbers:
    frames = [i.to_frame(format="polars").filter(pl.col("cause") == "event") for i in incidences]

    def on_days(name: str) -> list[float]:
        return np.concatenate(
            [at_days(f["time"].to_numpy(), f[name].to_numpy(), COMPARED_DAYS) for f in frames]
        ).tolist()

    return {"incidence": on_days("estimate"), "std_error": on_days("std_error")}


LIBRARY = Library(
    read=_read,
    rows={
        CURVE: Row(_curves, _curve_numbers),
        LOGRANK: Row(_logrank, lambda test: {"chisq": [float(test.statistic)]}),
        COX: Row(_cox, _cox_numbers),
        RMST: Row(_means, _mean_numbers),
        INCIDENCE: Row(_incidences, _incidence_numbers),
    },
)
