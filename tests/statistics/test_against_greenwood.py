"""Where greenwood, checked against R, defines a quantity, the counts give the same number."""

from collections.abc import Callable
from typing import Any

import numpy as np
import polars as pl
import pytest

from transforms.estimators import competing_risks, survival_tables
from transforms.estimators.cox import cox_two_arms
from transforms.estimators.cox_regression import cox_regression
from transforms.estimators.kaplan_meier import kaplan_meier
from transforms.estimators.logrank import logrank
from transforms.estimators.partial_likelihood import PatternCounts, risk_sets_of_patterns
from transforms.estimators.restricted_mean import restricted_mean
from transforms.estimators.risk_set import event_days, risk_sets

CountRiskTable = Callable[[pl.DataFrame], pl.DataFrame]

SEEDS = range(6)


def cohort(seed: int, *, delayed_entry: bool) -> pl.DataFrame:
    """200 participants of two arms, many of them with an exit on the same day."""
    random = np.random.default_rng(seed)
    n = 200
    entry = random.integers(0, 30, n) if delayed_entry else np.zeros(n, dtype=np.int64)
    return pl.DataFrame(
        {
            "endpoint_id": ["OS"] * n,
            "arm_id": random.choice(["A", "B"], n),
            "stratum": random.choice(["", "late"], n),
            "entry_days": entry,
            "time_days": entry + 1 + np.floor(random.exponential(40, n)).astype(np.int64),
            "code": random.choice([0, 1, 2], n, p=[0.3, 0.5, 0.2]),
        }
    )


def response(people: pl.DataFrame) -> Any:
    import greenwood  # noqa: PLC0415

    event = (people["code"] == 1).to_numpy()
    if people["entry_days"].max():
        # Those who enter on day 0 are at risk on day 0 already: to greenwood they enter the day before.
        entry = people["entry_days"].to_numpy()
        return greenwood.Surv(np.where(entry > 0, entry + 1, 0), people["time_days"].to_numpy() + 1, event)
    return greenwood.Surv(people["time_days"].to_numpy(), event)


@pytest.mark.parametrize("delayed_entry", [False, True])
@pytest.mark.parametrize("seed", SEEDS)
def test_kaplan_meier_curve_and_restricted_mean(
    risk_table_of: CountRiskTable, seed: int, delayed_entry: bool
) -> None:
    import greenwood  # noqa: PLC0415

    people = cohort(seed, delayed_entry=delayed_entry).with_columns(arm_id=pl.lit("A"))
    ((_, group),) = risk_sets(risk_table_of(people), ["arm_id"])
    own = kaplan_meier(group)
    theirs = greenwood.KaplanMeier().fit(response(people))
    at = np.searchsorted(own.time_days, theirs.time_ - delayed_entry, side="right") - 1
    defined = own.survival[at] > 0
    assert own.survival[at] == pytest.approx(theirs.survival_, rel=1e-12)
    for mine, other in (
        (own.std_error, theirs.std_error_),
        (own.conf_low, theirs.conf_low_),
        (own.conf_high, theirs.conf_high_),
    ):
        assert mine[at][defined] == pytest.approx(other[defined], rel=1e-11)
    if not delayed_entry:
        assert restricted_mean(own, 60.0) == pytest.approx(_rmst(theirs), rel=1e-11)


def _rmst(fit: Any) -> tuple[float, float]:
    estimate, low, _ = fit.rmst(60.0, ci=True)
    return estimate, (estimate - low) / 1.959963984540054


@pytest.mark.parametrize("delayed_entry", [False, True])
@pytest.mark.parametrize("ties", ["efron", "breslow"])
@pytest.mark.parametrize("seed", SEEDS)
def test_hazard_ratio_with_and_without_strata(
    risk_table_of: CountRiskTable, seed: int, ties: Any, delayed_entry: bool
) -> None:
    import greenwood  # noqa: PLC0415

    people = cohort(seed, delayed_entry=delayed_entry)
    x = (people["arm_id"] == "B").cast(pl.Float64).to_numpy()[:, None]
    table = risk_table_of(people)
    for strata in (None, people["stratum"].to_list()):
        rows = table if strata else table.with_columns(stratum=pl.lit(""))
        groups = dict(risk_sets(rows, ["stratum", "arm_id"]))
        pairs = [(groups[s, "A"], groups[s, "B"]) for s in sorted({s for s, _ in groups})]
        own = cox_two_arms(event_days(pairs), ties=ties)
        theirs = greenwood.CoxPH(ties=ties).fit(response(people), x, strata=strata, tol=1e-12)
        assert own.log_hazard_ratio == pytest.approx(theirs.coef_[0], rel=1e-8, abs=1e-10)
        assert own.std_error == pytest.approx(theirs.std_error_[0], rel=1e-9)


@pytest.mark.parametrize("delayed_entry", [False, True])
@pytest.mark.parametrize("ties", ["efron", "breslow"])
@pytest.mark.parametrize("seed", SEEDS)
def test_hazard_ratios_of_several_covariates(seed: int, ties: Any, delayed_entry: bool) -> None:
    import greenwood  # noqa: PLC0415

    people = cohort(seed, delayed_entry=delayed_entry)
    x = covariates(seed, people)
    everybody, entry = np.arange(people.height), people["entry_days"].to_numpy()
    late = entry > 0
    counts = PatternCounts(
        exit_pattern=everybody,
        exit_day=people["time_days"].to_numpy(),
        n_event=(people["code"] == 1).cast(pl.Int64).to_numpy(),
        n_exit=np.ones_like(everybody),
        entry_pattern=everybody[late],
        entry_day=entry[late],
        n_entered=np.ones_like(entry[late]),
    )
    own = cox_regression(risk_sets_of_patterns(counts, x, ties), ["the arm", "age", "late"])
    theirs = greenwood.CoxPH(ties=ties).fit(response(people), x.T, tol=1e-12)
    assert own.coefficients == pytest.approx(theirs.coef_, rel=1e-8, abs=1e-10)
    assert np.sqrt(np.diag(own.covariance)) == pytest.approx(theirs.std_error_, rel=1e-9)


def covariates(seed: int, people: pl.DataFrame) -> np.ndarray[Any, Any]:
    """The arm, an age in years far from 0, and the stratum."""
    age = np.random.default_rng(seed).normal(60, 10, people.height)
    return np.array([people["arm_id"] == "B", age, people["stratum"] == "late"], dtype=np.float64)


@pytest.mark.parametrize("seed", SEEDS)
def test_logrank_with_and_without_strata(risk_table_of: CountRiskTable, seed: int) -> None:
    import greenwood  # noqa: PLC0415

    people = cohort(seed, delayed_entry=False)
    table = risk_table_of(people)
    for strata in (None, people["stratum"].to_list()):
        rows = table if strata else table.with_columns(stratum=pl.lit(""))
        groups = dict(risk_sets(rows, ["stratum", "arm_id"]))
        pairs = [(groups[s, "A"], groups[s, "B"]) for s in sorted({s for s, _ in groups})]
        own = logrank(event_days(pairs))
        theirs = greenwood.logrank_test(response(people), people["arm_id"].to_list(), strata=strata)
        assert own.chisq == pytest.approx(theirs.statistic, rel=1e-10)
        assert own.p_value == pytest.approx(theirs.p_value, rel=1e-10)


@pytest.mark.parametrize("seed", SEEDS)
def test_aalen_johansen_incidence(risk_table_of: CountRiskTable, seed: int) -> None:
    import greenwood  # noqa: PLC0415

    people = cohort(seed, delayed_entry=False).with_columns(arm_id=pl.lit("A"))
    ((_, group),) = risk_sets(risk_table_of(people), ["arm_id"])
    state = pl.Series(people["code"].replace_strict({0: "censored", 1: "event", 2: "competing"})).cast(
        pl.Enum(["censored", "event", "competing"])
    )
    fit = greenwood.AalenJohansen().fit(greenwood.Surv(people["time_days"].to_numpy(), state))
    frame = pl.DataFrame(fit.to_frame(format="polars"))
    for outcome, own in zip(("event", "competing"), competing_risks.cumulative_incidence(group), strict=True):
        theirs = frame.filter(pl.col("cause") == outcome).sort("time")
        at = np.searchsorted(own.time_days, theirs["time"].to_numpy(), side="right") - 1
        assert own.cumulative_incidence[at] == pytest.approx(theirs["estimate"].to_numpy(), rel=1e-12)


@pytest.mark.parametrize("seed", SEEDS)
def test_median_with_interval(risk_table_of: CountRiskTable, seed: int) -> None:
    import greenwood  # noqa: PLC0415

    people = cohort(seed, delayed_entry=False).with_columns(arm_id=pl.lit("A"))
    horizon = pl.DataFrame(
        {"study_id": ["trial"], "rmst_years": [None]}, schema_overrides={"rmst_years": float}
    )
    own = survival_tables.summary(risk_table_of(people), horizon).row(0, named=True)
    theirs = greenwood.KaplanMeier().fit(response(people)).median(ci=True)
    mine = [own["median_days"], own["median_days_low"], own["median_days_high"]]
    assert mine == pytest.approx([None if np.isnan(t) else t for t in theirs])
