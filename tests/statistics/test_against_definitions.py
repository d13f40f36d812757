"""On any small cohort the counts give what the definitions give participant by participant.

The cohorts have ties, no events or nothing but events, delayed entry, empty arms, single participants
and events on day 0.
"""

import itertools
from collections.abc import Callable
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from transforms.estimators import competing_risks
from transforms.estimators.cox import cox_two_arms
from transforms.estimators.elementary import FloatArray
from transforms.estimators.infinitesimal_jackknife import Stays, stays_by_arm
from transforms.estimators.kaplan_meier import kaplan_meier
from transforms.estimators.logrank import logrank
from transforms.estimators.restricted_mean import restricted_mean
from transforms.estimators.risk_set import EventDays, RiskSet, event_days, no_participants, risk_sets

CountRiskTable = Callable[..., pl.DataFrame]

quick = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
fewer = settings(quick, max_examples=40)


@st.composite
def cohorts(draw: st.DrawFn, delayed_entry: bool = True, arms: str = "AB") -> pl.DataFrame:
    """Between 1 and 30 participants on at most 13 days, in two arms and two strata."""
    last_day = draw(st.sampled_from([0, 2, 12]))
    codes = draw(st.sampled_from([[0], [1], [0, 1], [0, 1, 2], [0, 1, 1, 1, 2]]))
    person = st.tuples(
        st.sampled_from(arms),
        st.sampled_from(["", "late"]),
        st.integers(0, last_day if delayed_entry else 0),
        st.integers(0, last_day),
        st.sampled_from(codes),
    )
    people = [
        (arm, stratum, entry if entry < leave else 0, leave, code)
        for arm, stratum, entry, leave, code in draw(st.lists(person, min_size=1, max_size=30))
    ]
    names = ["arm_id", "stratum", "entry_days", "time_days", "code"]
    frame = pl.DataFrame(people, schema=names, orient="row")
    return frame.select(pl.lit("OS").alias("endpoint_id"), *names)


def groups_of(table: pl.DataFrame) -> dict[str, RiskSet]:
    return {arm: group for (arm,), group in risk_sets(table, ["arm_id"])}


def stays_of(rows: pl.DataFrame) -> Stays:
    (stays,) = stays_by_arm(rows).values()
    return stays


def at_risk(entry: FloatArray, leave: FloatArray, day: float) -> Any:
    return ((entry < day) | (entry == 0)) & (leave >= day)


def columns(people: pl.DataFrame) -> tuple[Any, Any, Any]:
    return tuple(people[name].to_numpy() for name in ("entry_days", "time_days", "code"))


@quick
@given(cohorts())
def test_at_risk_is_recounted_from_entries_and_exits(
    risk_table_of: CountRiskTable, people: pl.DataFrame
) -> None:
    table = risk_table_of(people)
    by_stratum = np.concatenate([g.n_at_risk for _, g in risk_sets(table, ["arm_id", "stratum"])])
    given_in_table = table.sort("arm_id", "stratum", "time_days")["n_at_risk"].to_numpy()
    assert by_stratum.tolist() == given_in_table.tolist()
    for arm, group in groups_of(table).items():
        entry, leave, _ = columns(people.filter(arm_id=arm))
        counted = [int(at_risk(entry, leave, day).sum()) for day in group.time_days]
        assert group.n_at_risk.tolist() == counted
        assert group.person_days == int((leave - entry).sum())


@quick
@given(cohorts(arms="A"))
def test_survival_is_the_product_of_daily_shares(risk_table_of: CountRiskTable, people: pl.DataFrame) -> None:
    km = kaplan_meier(groups_of(risk_table_of(people))["A"])
    entry, leave, code = columns(people)
    assert km.time_days.tolist() == sorted({0, *leave.tolist()})
    survival, greenwood, hazard = 1.0, 0.0, 0.0
    for i, day in enumerate(km.time_days):
        n = at_risk(entry, leave, day).sum()
        d = ((leave == day) & (code == 1)).sum()
        if d:
            survival *= 1 - d / n
            greenwood += d / (n * (n - d)) if n > d else np.nan
            hazard += d / n
        assert km.survival[i] == pytest.approx(survival, rel=1e-12, abs=1e-15)
        assert km.cumulative_hazard[i] == pytest.approx(hazard, rel=1e-12)
        error = survival * np.sqrt(greenwood)
        assert km.std_error[i] == pytest.approx(error, rel=1e-12, nan_ok=True)


@quick
@given(cohorts(arms="A"), st.floats(0.5, 15))
def test_restricted_mean_is_the_area_under_the_curve(
    risk_table_of: CountRiskTable, people: pl.DataFrame, horizon: float
) -> None:
    km = kaplan_meier(groups_of(risk_table_of(people))["A"])

    def area_from(start: float) -> float:
        cuts = [start, *(float(t) for t in km.time_days if start < t < horizon), horizon]
        return sum(
            km.survival[km.time_days <= left][-1] * (right - left) for left, right in itertools.pairwise(cuts)
        )

    mean, error = restricted_mean(km, horizon)
    variance = sum(
        area_from(float(t)) ** 2 * d / (n * (n - d))
        for t, n, d in zip(km.time_days, km.n_at_risk, km.n_event, strict=True)
        if t <= horizon and 0 < d < n
    )
    assert mean == pytest.approx(area_from(0.0), rel=1e-12)
    assert error == pytest.approx(variance**0.5, rel=1e-12, abs=1e-14)


@quick
@given(cohorts(arms="A"))
def test_incidences_and_the_share_free_of_both_add_up_to_one(
    risk_table_of: CountRiskTable, delayed_stays_of: CountRiskTable, people: pl.DataFrame
) -> None:
    group = groups_of(risk_table_of(people))["A"]
    event, competing = competing_risks.cumulative_incidence(group, stays_of(delayed_stays_of(people)))
    either = RiskSet(
        group.time_days,
        group.n_event + group.n_competing,
        np.zeros_like(group.n_competing),
        group.n_censored,
        group.n_entered,
    )
    total = event.cumulative_incidence + competing.cumulative_incidence
    assert total + kaplan_meier(either).survival == pytest.approx(np.ones(total.size), rel=1e-12)


@quick
@given(cohorts(delayed_entry=False))
def test_without_competing_events_the_incidence_is_what_survival_leaves(
    risk_table_of: CountRiskTable, people: pl.DataFrame
) -> None:
    people = people.with_columns(code=pl.col("code").replace(2, 0))
    for group in groups_of(risk_table_of(people)).values():
        km = kaplan_meier(group)
        event, competing = competing_risks.cumulative_incidence(group)
        assert event.cumulative_incidence == pytest.approx(1 - km.survival, rel=1e-12, abs=1e-14)
        defined = km.survival > 0
        assert event.std_error[defined] == pytest.approx(km.std_error[defined], rel=1e-12)
        assert not competing.cumulative_incidence.any()
        assert not competing.std_error.any()


def aalen_johansen(weights: Any, people: pl.DataFrame, days: Any, cause: int) -> Any:
    """Aalen-Johansen incidence of weighted participants, also for complex weights."""
    entry, leave, code = columns(people)
    free, incidence, steps = 1.0, 0.0, []
    for day in days:
        n = (weights * at_risk(entry, leave, day)).sum()
        own = (weights * ((leave == day) & (code == cause))).sum()
        either = (weights * ((leave == day) & (code > 0))).sum()
        if ((leave == day) & (code > 0)).any():
            incidence = incidence + free * own / n
            free = free * (n - either) / n
        steps.append(incidence)
    return np.array(steps, dtype=complex)


@fewer
@given(st.one_of(cohorts(arms="A"), cohorts(delayed_entry=False, arms="A")))
def test_incidence_error_is_the_infinitesimal_jackknife(
    risk_table_of: CountRiskTable, delayed_stays_of: CountRiskTable, people: pl.DataFrame
) -> None:
    group, stays = groups_of(risk_table_of(people))["A"], stays_of(delayed_stays_of(people))
    estimates = competing_risks.cumulative_incidence(group, stays)
    for cause, own in enumerate(estimates, start=1):
        variance = np.zeros(own.time_days.size)
        for participant in range(people.height):
            # The complex step gives the derivative by a participant's weight without rounding.
            weights = np.ones(people.height, dtype=complex)
            weights[participant] += 1e-50j
            derivative = aalen_johansen(weights, people, own.time_days, cause).imag / 1e-50
            variance += derivative**2
        plain = aalen_johansen(np.ones(people.height), people, own.time_days, cause).real
        assert own.cumulative_incidence == pytest.approx(plain, rel=1e-12)
        assert own.std_error**2 == pytest.approx(variance, rel=1e-10, abs=1e-15)


def efron_log_likelihood(beta: Any, people: pl.DataFrame, by_stratum: bool) -> Any:
    """Efron's partial log-likelihood, summed over participants; arm B is the experimental one."""
    total = 0.0 + 0.0j
    strata = people.partition_by("stratum") if by_stratum else [people]
    for stratum in strata:
        entry, leave, code = columns(stratum)
        x = (stratum["arm_id"] == "B").to_numpy()
        for day in np.unique(leave[code == 1]):
            tied = (leave == day) & (code == 1)
            hazards = np.exp(beta * x)
            total += beta * x[tied].sum()
            for j in range(tied.sum()):
                share = j / tied.sum()
                at = at_risk(entry, leave, day)
                total -= np.log(hazards[at].sum() - share * hazards[tied].sum())
    return total


def score(beta: Any, people: pl.DataFrame, by_stratum: bool) -> float:
    return float(efron_log_likelihood(beta + 1e-30j, people, by_stratum).imag / 1e-30)


@quick
@given(cohorts(), st.booleans())
def test_the_hazard_ratio_is_where_efrons_likelihood_is_highest(
    risk_table_of: CountRiskTable, people: pl.DataFrame, by_stratum: bool
) -> None:
    table = risk_table_of(people)
    groups = dict(
        risk_sets(table if by_stratum else table.with_columns(stratum=pl.lit("")), ["stratum", "arm_id"])
    )
    strata = sorted({stratum for stratum, _ in groups})
    fit = cox_two_arms(
        event_days(
            [
                (groups.get((s, "A"), no_participants()), groups.get((s, "B"), no_participants()))
                for s in strata
            ]
        )
    )
    if fit.log_hazard_ratio is None:
        # No maximum: the score keeps its sign however far one goes, or is 0 throughout.
        far = [score(beta, people, by_stratum) for beta in (-30.0, 0.0, 30.0)]
        assert min(far) > -1e-9 or max(far) < 1e-9
        assert fit.reason
        return
    beta, error = fit.log_hazard_ratio, fit.std_error
    information = (score(beta - 1e-5, people, by_stratum) - score(beta + 1e-5, people, by_stratum)) / 2e-5
    assert error is not None
    assert score(beta, people, by_stratum) * error == pytest.approx(0, abs=1e-11)
    assert error**-2 == pytest.approx(information, rel=1e-6, abs=1e-9)
    assert fit.reason == ""


@quick
@given(cohorts())
def test_the_logrank_statistic_is_observed_less_expected_events(
    risk_table_of: CountRiskTable, people: pl.DataFrame
) -> None:
    groups = groups_of(risk_table_of(people))
    arms = [groups.get(arm, no_participants()) for arm in "AB"]
    own = logrank(event_days([(arms[0], arms[1])]))
    entry, leave, code = columns(people)
    x = (people["arm_id"] == "B").to_numpy()
    excess, variance = 0.0, 0.0
    for day in np.unique(leave[code == 1]):
        at = at_risk(entry, leave, day)
        tied = (leave == day) & (code == 1)
        n, n1, d = at.sum(), (at & x).sum(), tied.sum()
        excess += (tied & x).sum() - d * n1 / n
        variance += d * n1 * (n - n1) * (n - d) / (n * n * (n - 1)) if n > 1 else 0.0
    if own.chisq is None:
        assert variance == 0
        assert own.reason
    else:
        assert own.chisq == pytest.approx(excess**2 / variance, rel=1e-11, abs=1e-13)


def test_a_registry_with_tens_of_thousands_of_events_has_the_same_likelihood() -> None:
    random = np.random.default_rng(3)
    d0, d1 = random.integers(0, 200, (2, 250))
    n0, n1 = (np.cumsum(d[::-1])[::-1] + 5_000 for d in (d0, d1))
    fit = cox_two_arms(EventDays(np.arange(250), d0, n0, d1, n1))
    assert fit.log_hazard_ratio is not None
    assert fit.std_error is not None
    ratio = np.exp(fit.log_hazard_ratio)
    score, information = float(d1.sum()), 0.0
    for a, b, c, d in zip(d0, n0, d1, n1, strict=True):
        share = np.arange(a + c) / max(a + c, 1)
        p = (d - share * c) * ratio / (b - share * a + (d - share * c) * ratio)
        score -= p.sum()
        information += (p * (1 - p)).sum()
    assert d0.sum() + d1.sum() > 40_000
    assert score * fit.std_error == pytest.approx(0, abs=1e-9)
    assert fit.std_error == pytest.approx(information**-0.5, rel=1e-12)


def test_a_handful_among_a_hundred_thousand_has_a_large_but_finite_hazard_ratio() -> None:
    """Three patients, two with early events: the first Newton step would lead beyond any double."""
    fit = cox_two_arms(
        EventDays(
            np.array([1, 2, 3]),
            np.array([0, 0, 1]),
            np.array([100_000, 100_000, 100_000]),
            np.array([1, 1, 0]),
            np.array([3, 2, 1]),
        )
    )
    assert fit.log_hazard_ratio is not None
    ratio = np.exp(fit.log_hazard_ratio)
    assert sum(n * ratio / (100_000 + n * ratio) for n in (3, 2, 1)) == pytest.approx(2.0, rel=1e-12)


def test_a_maximum_too_flat_for_double_precision_is_not_reported() -> None:
    early, late = np.ones(1000, dtype=np.int64), np.ones(700, dtype=np.int64)
    fit = cox_two_arms(
        EventDays(
            time_days=np.arange(1700),
            control_events=np.concatenate([0 * early, late]),
            control_at_risk=np.concatenate([3 * early, 10**12 * late]),
            experimental_events=np.concatenate([early, 0 * late]),
            experimental_at_risk=np.concatenate([10**12 * early, late]),
        )
    )
    assert fit.log_hazard_ratio is None
    assert fit.reason == "the hazard ratio did not converge in 200 steps"
