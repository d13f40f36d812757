"""Rates, person-time by year and survival after recurrence of the Moertel trial are those of R.

R's numbers are in data/rates_r.csv, made by data/rates_r.R: poisson.test, survSplit and survfit. `late` is
the trial with delayed entries that follow from the participants' numbers.
"""

import csv
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from scipy import stats

from transforms.estimators import recurrence_tables
from transforms.estimators.poisson_rate import poisson_interval

CountRiskTable = Callable[..., pl.DataFrame]
Figures = Mapping[tuple[str, str, str, str], float]

RATES = Path(__file__).parent / "data" / "rates_r.csv"
ARMS = ("OBS", "LEV", "LEV5FU")


@pytest.fixture(scope="module")
def r_rates() -> Figures:
    """R's value of (quantity, scope, arm, at)."""
    with RATES.open(newline="", encoding="utf-8") as file:
        return {
            (row["quantity"], row["scope"], row["arm"], row["at"]): float(row["value"])
            for row in csv.DictReader(file)
        }


@pytest.fixture(scope="module")
def people(moertel: pl.DataFrame) -> pl.DataFrame:
    """One row per participant: arm_id, relapsed_on (null without a recurrence), died_on, died, late."""
    death = moertel.filter(endpoint_id="OS").select("id", "arm_id", died_on="time_days", died="code")
    recurrence = moertel.filter(pl.col("endpoint_id") == "TIME_TO_RECURRENCE", pl.col("code") == 1)
    joined = death.join(recurrence.select("id", relapsed_on="time_days"), on="id", how="left")
    late = (pl.col("id").cast(pl.Int64) * 37) % 1500
    return joined.with_columns(late=pl.when(late < pl.col("died_on")).then(late).otherwise(0))


def test_poisson_intervals_are_those_of_poisson_test(r_rates: Figures) -> None:
    counts = sorted(int(at) for quantity, _, _, at in r_rates if quantity == "poisson_low")
    low, high = poisson_interval(np.array(counts))
    for n, ours_low, ours_high in zip(counts, low, high, strict=True):
        assert ours_low == pytest.approx(r_rates["poisson_low", "", "", str(n)], rel=2e-12)
        assert ours_high == pytest.approx(r_rates["poisson_high", "", "", str(n)], rel=2e-12)


def test_poisson_intervals_are_points_of_chi_squared_distributions() -> None:
    counts = np.concatenate([np.arange(5_000), np.unique(np.logspace(3.5, 7, 500).astype(np.int64))])
    low, high = poisson_interval(counts)
    assert low[0] == 0.0
    np.testing.assert_allclose(low[1:], stats.chi2.ppf(0.025, 2 * counts[1:]) / 2, rtol=2e-12)
    np.testing.assert_allclose(high, stats.chi2.ppf(0.975, 2 * counts + 2) / 2, rtol=2e-12)


def test_an_interval_does_not_depend_on_the_counts_beside_it() -> None:
    counts = np.array([0, 1, 2, 15, 16, 49, 50, 51, 180, 2999, 3000, 3001, 1_000_000])
    together = np.array(poisson_interval(counts[::-1]))[:, ::-1]
    alone = np.concatenate([poisson_interval(counts[k : k + 1]) for k in range(len(counts))], axis=1)
    assert together.tolist() == alone.tolist()


@pytest.mark.parametrize("scope", ["OS", "OS late", "TIME_TO_RECURRENCE"])
def test_person_time_events_and_rates_of_every_year_are_those_of_r(
    r_rates: Figures, moertel: pl.DataFrame, people: pl.DataFrame, risk_table_of: CountRiskTable, scope: str
) -> None:
    endpoint = scope.removesuffix(" late")
    participants = moertel.filter(endpoint_id=endpoint)
    if scope.endswith("late"):
        entries = participants.drop("entry_days").join(people.select("id", entry_days="late"), on="id")
        participants = entries.select(participants.columns)
    years = recurrence_tables.yearly_rate(risk_table_of(participants))
    expected = {key: value for key, value in r_rates.items() if key[1] == scope}
    columns = {
        "person_days": "person_days",
        "n_event": "n_event",
        "rate": "rate_per_1000_person_years",
        "rate_low": "conf_low",
        "rate_high": "conf_high",
    }
    ours = {
        (quantity, scope, row["arm_id"], str(row["year"])): row[column]
        for row in years.iter_rows(named=True)
        for quantity, column in columns.items()
        if row[column] is not None
    }
    assert ours == pytest.approx(expected, rel=1e-11, abs=1e-13)
    exact = [key for key in ours if key[0] in ("person_days", "n_event")]
    assert all(ours[key] == expected[key] for key in exact)


def risk_table_after_recurrence(people: pl.DataFrame, entry: pl.Expr) -> pl.DataFrame:
    """Rows of int_recurrence__after: one per participant and day, which the estimators add up."""
    relapsed = people.filter(pl.col("relapsed_on").is_not_null())
    entered = pl.max_horizontal(pl.lit(0, pl.Int64), entry - pl.col("relapsed_on")).cast(pl.Int64)
    left = (pl.col("died_on") - pl.col("relapsed_on")).cast(pl.Int64)
    key = pl.lit("moertel").alias("study_id"), pl.col("arm_id")
    none = pl.lit(0, pl.Int64)
    died = pl.col("died").cast(pl.Int64)
    return pl.concat(
        [
            relapsed.select(
                *key, time_days=left, n_event=died, n_competing=none, n_censored=1 - died, n_entered=none
            ),
            relapsed.select(
                *key, time_days=entered, n_event=none, n_competing=none, n_censored=none, n_entered=none + 1
            ),
        ]
    )


@pytest.mark.parametrize("scope", ["on time", "late"])
def test_survival_after_recurrence_is_that_of_r(r_rates: Figures, people: pl.DataFrame, scope: str) -> None:
    after = risk_table_after_recurrence(people, pl.col("late") if scope == "late" else pl.lit(0, pl.Int64))
    curve = recurrence_tables.survival_after_recurrence(after)
    summary = recurrence_tables.survival_after_recurrence_summary(after)
    assert summary["arm_id"].to_list() == sorted(ARMS)
    columns = {
        "after_n": "n",
        "after_events": "events",
        "after_person_days": "person_days",
        "after_median": "median_days",
        "after_median_low": "median_days_low",
        "after_median_high": "median_days_high",
        "after_reverse_median": "reverse_km_median_days",
    }
    for row in summary.iter_rows(named=True):
        ours = {quantity: row[column] for quantity, column in columns.items()}
        assert ours == {quantity: r_rates[quantity, scope, row["arm_id"], ""] for quantity in columns}
        assert not row["reason"]
    columns = {
        "after_survival": "survival",
        "after_std_error": "std_error",
        "after_low": "conf_low",
        "after_high": "conf_high",
    }
    for (quantity, of_scope, arm, at), value in r_rates.items():
        if quantity in columns and of_scope == scope:
            day = curve.filter(pl.col("arm_id") == arm, pl.col("time_days") <= int(at)).row(-1, named=True)
            assert day[columns[quantity]] == pytest.approx(value, rel=1e-12)
