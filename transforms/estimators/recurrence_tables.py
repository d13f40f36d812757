"""The marts of recurrence rates: counts and risk tables in, one frame per mart out.

Belongs here: rates of first events, second primaries and years of follow-up, and survival after recurrence,
with the reason where one is missing. Does not belong here: formulas, and the incidence of an endpoint beside
its competing events (`competing_tables`).

Every function takes rows of any number of studies in any order and returns rows ordered by key. Rates are per
1000 person-years of 365.25 days, intervals are 95 %.
"""

from typing import Any

import numpy as np
import polars as pl

from transforms.estimators.elementary import FloatArray
from transforms.estimators.kaplan_meier import first_day_at_half, kaplan_meier
from transforms.estimators.mart_columns import (
    PATTERN,
    SECOND_PRIMARY,
    SURVIVAL_AFTER_RECURRENCE,
    SURVIVAL_AFTER_RECURRENCE_SUMMARY,
    YEARLY_RATE,
    Columns,
    stacked,
)
from transforms.estimators.poisson_rate import NO_PERSON_TIME, rates
from transforms.estimators.risk_set import ARM_KEY, IntArray, RiskSet, as_float, risk_sets

_ARM_OF_STUDY = ("study_id", "arm_id")
_QUARTERS_PER_YEAR = 1461  # 365.25 days in whole quarters of a day: sums stay exact
_QUARTERS_PER_DAY = 4


def pattern(counts: pl.DataFrame) -> pl.DataFrame:
    """Class and organ of first events with rates: rows of `recurrence.pattern`.

    Args:
        counts: rows of `intermediate.int_recurrence__pattern_counts`.
    """
    return _rates_of_arms(counts, PATTERN)


def second_primary(counts: pl.DataFrame) -> pl.DataFrame:
    """First second primary cancers by organ with rates: rows of `recurrence.second_primary`.

    Args:
        counts: rows of `intermediate.int_recurrence__second_primary_counts`.
    """
    return _rates_of_arms(counts, SECOND_PRIMARY)


def _rates_of_arms(counts: pl.DataFrame, columns: Columns) -> pl.DataFrame:
    ordered = counts.select(name for name in columns if name in counts.columns)
    ordered = ordered.sort(pl.exclude("n", "n_participants", "person_days"))
    share = pl.col("n") * 100.0 / pl.col("n_participants")
    return (
        _with_rates(ordered, "n")
        .with_columns(
            percent=pl.when(pl.col("n_participants") > 0).then(share),
            reason=_sentences(
                pl.when(pl.col("n_participants") == 0).then(pl.lit("no percent: nobody is in the arm")),
                pl.when(pl.col("person_days") <= 0).then(pl.lit(NO_PERSON_TIME)),
            ),
        )
        .select(*columns)
        .cast(pl.Schema(columns))
    )


def _with_rates(table: pl.DataFrame, n_event: str) -> pl.DataFrame:
    """Add the rates of a table's counts and person_days; null where there is no person-time."""
    estimated = rates(table[n_event].cast(pl.Int64).to_numpy(), as_float(table["person_days"].to_numpy()))
    return table.with_columns(
        pl.Series("rate_per_1000_person_years", estimated.rate).fill_nan(None),
        pl.Series("conf_low", estimated.conf_low).fill_nan(None),
        pl.Series("conf_high", estimated.conf_high).fill_nan(None),
    )


def _sentences(*reasons: pl.Expr) -> pl.Expr:
    return pl.concat_str(*reasons, separator="; ", ignore_nulls=True)


def yearly_rate(risk_table: pl.DataFrame) -> pl.DataFrame:
    """Event rates of each arm in each year since the time origin: rows of `recurrence.yearly_rate`.

    Year k lasts from day 365.25 (k - 1), exclusive, to day 365.25 k, inclusive; day 0 belongs to year 1. The
    last year is that of the last exit. Person-days are exact to the quarter of a day and, like the events,
    add up over the years to those of `survival.summary`.

    Args:
        risk_table: rows of `survival.risk_table`; strata are added up.
    """
    keys, blocks = [], []
    for key, group in risk_sets(risk_table, ARM_KEY):
        keys.append(key)
        blocks.append(_years(group))
    counted = {name: dtype for name, dtype in YEARLY_RATE.items() if name not in _ESTIMATED}
    years = stacked(keys, blocks, counted)
    no_time = pl.when(pl.col("person_days") <= 0).then(pl.lit(NO_PERSON_TIME)).otherwise(pl.lit(""))
    return _with_rates(years, "n_event").with_columns(reason=no_time).select(*YEARLY_RATE)


_ESTIMATED = ("rate_per_1000_person_years", "conf_low", "conf_high", "reason")


def _years(group: RiskSet) -> tuple[IntArray | FloatArray, ...]:
    """Return year, number at risk when it starts, events, competing events, censorings and person-days."""
    day = group.time_days * _QUARTERS_PER_DAY
    n_years = max(1, -(-group.last_exit_day * _QUARTERS_PER_DAY // _QUARTERS_PER_YEAR))
    ends = np.arange(1, n_years + 1) * _QUARTERS_PER_YEAR
    days_passed = np.searchsorted(day, ends, side="right")

    def until_end_of_year(counts: IntArray) -> IntArray:
        return np.concatenate([[0], np.cumsum(counts)])[days_passed]

    def in_year(until_end: IntArray) -> IntArray:
        return np.diff(until_end, prepend=0)

    events, competing, censored = (
        in_year(until_end_of_year(counts)) for counts in (group.n_event, group.n_competing, group.n_censored)
    )
    change = group.n_entered - group.n_exit
    staying = until_end_of_year(change)
    at_origin = int(np.sum(group.n_entered[group.time_days <= 0]))
    # Who has left gave the time from entry to exit; who stays has given that from entry to the year's end.
    quarters = until_end_of_year(-change * day) + staying * ends
    return (
        np.arange(1, n_years + 1),
        np.concatenate([[at_origin], staying[:-1]]),
        events,
        competing,
        censored,
        as_float(in_year(quarters)) / _QUARTERS_PER_DAY,
    )


def survival_after_recurrence(after: pl.DataFrame) -> pl.DataFrame:
    """Kaplan-Meier curve from the first recurrence on: rows of `recurrence.survival_after_recurrence`.

    One row for day 0 and each day with a death or a censoring, of each arm with a recurrence.

    Args:
        after: rows of `intermediate.int_recurrence__after`.
    """
    keys, blocks = [], []
    for key, group in risk_sets(after, _ARM_OF_STUDY):
        km = kaplan_meier(group)
        counts = km.time_days, km.n_at_risk, km.n_event, km.n_other_exit
        keys.append(key)
        blocks.append((*counts, km.survival, km.std_error, km.conf_low, km.conf_high))
    return stacked(keys, blocks, SURVIVAL_AFTER_RECURRENCE)


def survival_after_recurrence_summary(after: pl.DataFrame) -> pl.DataFrame:
    """Counts and medians from the first recurrence on: `recurrence.survival_after_recurrence_summary`.

    The median's interval is Brookmeyer and Crowley's on the log scale; follow-up is the median of the
    reversed Kaplan-Meier estimate.

    Args:
        after: rows of `intermediate.int_recurrence__after`.
    """
    rows = [(*key, *_summary_after(group)) for key, group in risk_sets(after, _ARM_OF_STUDY)]
    return pl.DataFrame(rows, schema=dict(SURVIVAL_AFTER_RECURRENCE_SUMMARY), orient="row")


def _summary_after(group: RiskSet) -> tuple[Any, ...]:
    km, reverse = kaplan_meier(group), kaplan_meier(group.reversed())
    curves = {
        "survival does not fall to 50 %": (km.time_days, km.survival),
        "the lower limit of survival does not fall to 50 %": (km.time_days, km.conf_low),
        "the upper limit of survival does not fall to 50 %": (km.time_days, km.conf_high),
        "the reverse Kaplan-Meier curve does not fall to 50 %": (reverse.time_days, reverse.survival),
    }
    medians = [first_day_at_half(days, curve) for days, curve in curves.values()]
    reason = "; ".join(why for why, day in zip(curves, medians, strict=True) if day is None)
    return group.participants, group.events, group.person_days, *medians, reason
