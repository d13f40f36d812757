"""This project's rows: one SQL pass from Parquet to the risk table, then the estimators on its counts."""

from collections.abc import Callable
from typing import Any

import duckdb
import numpy as np
import polars as pl
import pyarrow as pa  # noqa: TC002 -- DuckDB imports it on first use, and imports are not timed

from tests.benchmarks.cohort import COMPARED_DAYS, HORIZON_DAYS
from tests.benchmarks.rows import COX, CURVE, FAMILY, INCIDENCE, LOGRANK, RMST, Library, Numbers, Row, at_days
from transforms.estimators.competing_risks import Incidence, cumulative_incidence
from transforms.estimators.cox import CoxFit, cox_two_arms
from transforms.estimators.kaplan_meier import SurvivalCurve, kaplan_meier
from transforms.estimators.logrank import LogRank, logrank
from transforms.estimators.restricted_mean import restricted_mean
from transforms.estimators.risk_set import EventDays, RiskSet, event_days, risk_sets

# As the imports of every library, opening the engine is not timed. No bytes of a file are kept between reads.
_ENGINE = duckdb.connect(config={"threads": 2, "enable_external_file_cache": False})

RISK_TABLE = """
with stays as (
    select arm, stratum, time_days, code, count(*) as n
    from read_parquet('{cohort}')
    group by arm, stratum, time_days, code
),

changes as (
    select
        arm, stratum, time_days,
        case when code = 1 then n else 0 end as n_event,
        case when code = 2 then n else 0 end as n_competing,
        case when code = 0 then n else 0 end as n_censored,
        0 as n_entered
    from stays
    union all
    select arm, stratum, 0 as time_days, 0, 0, 0, n
    from stays
),

days as (
    select
        arm, stratum, time_days,
        cast(sum(n_event) as bigint) as n_event,
        cast(sum(n_competing) as bigint) as n_competing,
        cast(sum(n_censored) as bigint) as n_censored,
        cast(sum(n_entered) as bigint) as n_entered
    from changes
    group by arm, stratum, time_days
)

select
    cast(arm as varchar) as arm,
    cast(stratum as varchar) as stratum,
    time_days,
    cast(
        coalesce(
            sum(n_entered - n_event - n_competing - n_censored) over (
                partition by arm, stratum
                order by time_days
                rows between unbounded preceding and 1 preceding
            ),
            0
        ) + case when time_days = 0 then n_entered else 0 end as bigint
    ) as n_at_risk,
    n_event,
    n_competing,
    n_censored,
    n_entered
from days
"""
"""models/marts/survival/risk_table.sql for one endpoint that nobody enters late."""


def read(cohort: str) -> pl.DataFrame:
    """Aggregate the participants of a Parquet file into their risk table."""
    # Binding the path as a parameter would make DuckDB import pandas.
    query = RISK_TABLE.format(cohort=cohort.replace("'", "''"))
    counts: pa.Table = _ENGINE.execute(query).to_arrow_table()
    risk_table = pl.from_arrow(counts)
    assert isinstance(risk_table, pl.DataFrame)
    return risk_table


def _arms(risk_table: pl.DataFrame) -> tuple[RiskSet, ...]:
    return tuple(group for _, group in risk_sets(risk_table, ["arm"]))


def _event_days(risk_table: pl.DataFrame) -> EventDays:
    strata: dict[str, list[RiskSet]] = {}
    for (stratum, _arm), group in risk_sets(risk_table, ["stratum", "arm"]):
        strata.setdefault(stratum, []).append(group)
    return event_days([(control, experimental) for control, experimental in strata.values()])


Curves = list[SurvivalCurve]
Incidences = list[tuple[Incidence, Incidence]]
Means = list[tuple[float, float]]


def _curves(arms: tuple[RiskSet, ...]) -> Curves:
    return [kaplan_meier(arm) for arm in arms]


def _incidences(arms: tuple[RiskSet, ...]) -> Incidences:
    return [cumulative_incidence(arm) for arm in arms]


def _means(curves: Curves) -> Means:
    return [restricted_mean(curve, HORIZON_DAYS) for curve in curves]


def _family(risk_table: pl.DataFrame) -> dict[str, Any]:
    """Estimate everything from one risk table: what the marts hold for one endpoint."""
    arms, days = _arms(risk_table), _event_days(risk_table)
    curves = _curves(arms)
    return {
        CURVE: curves,
        LOGRANK: logrank(days),
        COX: cox_two_arms(days),
        RMST: _means(curves),
        INCIDENCE: _incidences(arms),
    }


def _curve_numbers(curves: Curves) -> Numbers:
    return {
        "survival": _on_days(curves, lambda curve: curve.survival),
        "std_error": _on_days(curves, lambda curve: curve.std_error),
    }


def _incidence_numbers(incidences: Incidences) -> Numbers:
    events = [event for event, _ in incidences]
    return {
        "incidence": _on_days(events, lambda incidence: incidence.cumulative_incidence),
        "std_error": _on_days(events, lambda incidence: incidence.std_error),
    }


def _on_days(estimates: list[Any], values: Callable[[Any], Any]) -> list[float]:
    return np.concatenate([at_days(e.time_days, values(e), COMPARED_DAYS) for e in estimates]).tolist()


def _test_numbers(test: LogRank) -> Numbers:
    assert test.chisq is not None
    return {"chisq": [test.chisq]}


def _cox_numbers(fit: CoxFit) -> Numbers:
    assert fit.log_hazard_ratio is not None
    assert fit.std_error is not None
    return {"log_hazard_ratio": [fit.log_hazard_ratio], "std_error": [fit.std_error]}


def _mean_numbers(means: Means) -> Numbers:
    return {"rmst": [mean for mean, _ in means], "std_error": [error for _, error in means]}


_NUMBERS: dict[str, Callable[[Any], Numbers]] = {
    CURVE: _curve_numbers,
    LOGRANK: _test_numbers,
    COX: _cox_numbers,
    RMST: _mean_numbers,
    INCIDENCE: _incidence_numbers,
}


def _family_numbers(family: dict[str, Any]) -> Numbers:
    return {
        f"{row}: {name}": values
        for row, estimate in family.items()
        for name, values in _NUMBERS[row](estimate).items()
    }


LIBRARY = Library(
    read=read,
    rows={
        CURVE: Row(lambda risk_table: _curves(_arms(risk_table)), _curve_numbers),
        LOGRANK: Row(lambda risk_table: logrank(_event_days(risk_table)), _test_numbers),
        COX: Row(lambda risk_table: cox_two_arms(_event_days(risk_table)), _cox_numbers),
        RMST: Row(lambda risk_table: _means(_curves(_arms(risk_table))), _mean_numbers),
        INCIDENCE: Row(lambda risk_table: _incidences(_arms(risk_table)), _incidence_numbers),
        FAMILY: Row(_family, _family_numbers),
    },
)
