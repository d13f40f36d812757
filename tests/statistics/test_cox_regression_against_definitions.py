"""Cox models of several covariates give what the partial likelihood says participant by participant."""

from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import linprog, minimize

from transforms.estimators.cox import cox_two_arms
from transforms.estimators.cox_regression import cox_regression, score_test_of_time
from transforms.estimators.elementary import FloatArray
from transforms.estimators.partial_likelihood import PatternCounts, RiskSets, risk_sets_of_patterns
from transforms.estimators.proportional_hazards import two_arms
from transforms.estimators.risk_set import EventDays

quick = settings(max_examples=150, deadline=None)
TIES = ["efron", "breslow"]


@st.composite
def people(draw: st.DrawFn, covariates: int = 3) -> pl.DataFrame:
    """Between 1 and 40 participants on at most 13 days: entry, exit, is_event, and covariates x0, x1, .."""
    last_day = draw(st.sampled_from([1, 4, 12]))
    late = draw(st.booleans())
    person = st.tuples(
        st.integers(0, last_day if late else 0),
        st.integers(0, last_day),
        st.sampled_from([0, 1, 1]),
        st.integers(0, 1),
        *(st.sampled_from([0.0, 1.0, 2.5]) for _ in range(covariates - 1)),
    )
    rows = [
        (entry if entry < leave else 0, leave, *rest)
        for entry, leave, *rest in draw(st.lists(person, min_size=1, max_size=40))
    ]
    names = ["entry", "exit", "is_event", *(f"x{k}" for k in range(covariates))]
    return pl.DataFrame(rows, schema=names, orient="row")


def design_of(people: pl.DataFrame) -> FloatArray:
    return people.select(pl.col("^x.*$").cast(pl.Float64)).to_numpy().T


def sets_of(people: pl.DataFrame, ties: Any) -> RiskSets:
    everybody = np.arange(people.height)
    entry = people["entry"].to_numpy()
    late = entry > 0
    return risk_sets_of_patterns(
        PatternCounts(
            exit_pattern=everybody,
            exit_day=people["exit"].to_numpy(),
            n_event=people["is_event"].to_numpy(),
            n_exit=np.ones_like(everybody),
            entry_pattern=everybody[late],
            entry_day=entry[late],
            n_entered=np.ones(late.sum(), dtype=np.int64),
        ),
        design_of(people),
        ties,
    )


def log_likelihood(beta: Any, people: pl.DataFrame, ties: str, scaled_time: Any = None) -> Any:
    """Partial log likelihood, summed over events; with a scaled time the last beta is that of x0 * time."""
    x = design_of(people)
    entry, leave, event = (people[name].to_numpy() for name in ("entry", "exit", "is_event"))
    total = 0.0 + 0.0j
    for number, day in enumerate(np.unique(leave[event == 1])):
        rows = x if scaled_time is None else np.vstack([x, x[0] * scaled_time[number]])
        eta = (np.asarray(beta)[:, None] * rows).sum(axis=0)
        tied = (leave == day) & (event == 1)
        at = ((entry < day) | (entry == 0)) & (leave >= day)
        for j in range(tied.sum()):
            share = j / tied.sum() if ties == "efron" else 0.0
            total -= np.log(np.exp(eta[at]).sum() - share * np.exp(eta[tied]).sum())
        total += eta[tied].sum()
    return total


def gradient(beta: FloatArray, *arguments: Any) -> FloatArray:
    """By the complex step, which has no rounding of a difference."""
    steps = 1e-30j * np.eye(beta.size)
    return np.array([log_likelihood(beta + step, *arguments).imag / 1e-30 for step in steps])


def information(beta: FloatArray, *arguments: Any) -> FloatArray:
    steps = 1e-5 * np.eye(beta.size)
    columns = [(gradient(beta - h, *arguments) - gradient(beta + h, *arguments)) / 2e-5 for h in steps]
    return np.array(columns)


def differences(people: pl.DataFrame) -> FloatArray:
    """Covariates of each event less those of each other participant at risk on its day."""
    x = design_of(people).T
    entry, leave, event = (people[name].to_numpy() for name in ("entry", "exit", "is_event"))
    rows = [
        x[i] - x[j]
        for i in np.flatnonzero(event)
        for j in range(people.height)
        if leave[j] >= leave[i] and (entry[j] < leave[i] or entry[j] == 0)
    ]
    return np.array(rows)


def has_a_maximum(people: pl.DataFrame) -> tuple[bool, bool]:
    """Whether the likelihood is strictly concave, and whether it has no direction of everlasting rise."""
    contrast = differences(people)
    if np.linalg.matrix_rank(contrast) < contrast.shape[1]:
        return False, False
    direction = linprog(
        -contrast.sum(axis=0), A_ub=-contrast, b_ub=np.zeros(len(contrast)), bounds=(-1, 1), method="highs"
    )
    return True, -direction.fun < 1e-9


@quick
@given(people(), st.sampled_from(TIES))
def test_coefficients_maximise_the_likelihood_where_it_has_a_maximum(people: pl.DataFrame, ties: str) -> None:
    if not people["is_event"].sum():
        return
    fit = cox_regression(sets_of(people, ties), ["x0", "x1", "x2"])
    is_unique, is_finite = has_a_maximum(people)
    assert (fit.at is not None) == (is_unique and is_finite)
    if fit.at is None:
        assert ("tends to" in fit.reason) == is_unique
        return
    beta = fit.coefficients
    errors = np.sqrt(np.diag(fit.covariance))
    assert gradient(beta, people, ties) * errors == pytest.approx(np.zeros(3), abs=1e-8)
    product = fit.covariance @ information(beta, people, ties)
    assert product == pytest.approx(np.eye(3), abs=1e-4)
    highest = log_likelihood(beta, people, ties).real
    assert fit.log_likelihood == pytest.approx(highest, rel=1e-9, abs=1e-9)
    rise = 2 * (highest - log_likelihood(0 * beta, people, ties).real)
    assert fit.likelihood_ratio == pytest.approx(rise, rel=1e-9, abs=1e-9)


@quick
@given(people(), st.sampled_from(TIES))
def test_without_a_maximum_the_likelihood_is_what_it_tends_to(people: pl.DataFrame, ties: str) -> None:
    """It cannot rise further: no coefficients on the way there or elsewhere give a higher one."""
    if not people["is_event"].sum():
        return
    fit = cox_regression(sets_of(people, ties), ["x0", "x1", "x2"])
    if fit.log_likelihood is None:
        return
    assert bool(fit.infinite) == (fit.at is None)
    found = minimize(
        lambda beta: -log_likelihood(beta, people, ties).real,
        np.zeros(3),
        jac=lambda beta: -gradient(beta, people, ties),
        method="BFGS",
        options={"gtol": 1e-6},
    )
    assert fit.log_likelihood == pytest.approx(-found.fun, abs=1e-5)
    assert fit.log_likelihood > -found.fun - 1e-8


@quick
@given(people(covariates=2), st.sampled_from(TIES))
def test_proportional_hazards_are_tested_by_the_score_of_covariate_times_time(
    people: pl.DataFrame, ties: str
) -> None:
    if not people["is_event"].sum():
        return
    sets = sets_of(people, ties)
    fit = cox_regression(sets, ["x0", "x1"])
    if fit.at is None:
        return
    time = np.sqrt(np.arange(1.0, sets.d.size + 1))
    made = score_test_of_time(sets, fit, 0, time)
    arguments = (people, ties, time)
    beta = np.append(fit.coefficients, 0.0)
    matrix, u = information(beta, *arguments), gradient(beta, *arguments)[2]
    variance = matrix[2, 2] - matrix[2, :2] @ np.linalg.solve(matrix[:2, :2], matrix[:2, 2])
    if made.chisq is None:
        assert variance == pytest.approx(0, abs=1e-4)
        assert made.reason
    else:
        assert made.chisq * variance == pytest.approx(u * u, rel=1e-3, abs=1e-6)


@quick
@given(people(covariates=1), st.sampled_from(TIES))
def test_with_the_arm_alone_it_is_the_model_of_two_arms(people: pl.DataFrame, ties: Any) -> None:
    if not people["is_event"].sum():
        return
    sets = sets_of(people, ties)
    columns = []
    entry, leave = people["entry"].to_numpy(), people["exit"].to_numpy()
    for arm in (0, 1):
        of_arm = people["x0"].to_numpy() == arm
        events = of_arm & (people["is_event"].to_numpy() == 1)
        columns += [
            np.array([(events & (leave == day)).sum() for day in sets.event_days]),
            np.array(
                [(of_arm & ((entry < day) | (entry == 0)) & (leave >= day)).sum() for day in sets.event_days]
            ),
        ]
    days = EventDays(sets.event_days, *columns)
    two, several = cox_two_arms(days, ties), cox_regression(sets, ["the arm"])
    assert (two.log_hazard_ratio is None) == (several.at is None)
    if two.log_hazard_ratio is None or two.std_error is None:
        return
    assert several.coefficients[0] == pytest.approx(two.log_hazard_ratio, rel=1e-9, abs=1e-10)
    assert several.covariance[0, 0] == pytest.approx(two.std_error**2, rel=1e-9)
    time = np.arange(float(sets.d.size))
    tests = two_arms(days, two, time), score_test_of_time(sets, several, 0, time)
    assert tests[0].reason == tests[1].reason
    if not tests[0].reason:
        assert tests[0].chisq == pytest.approx(tests[1].chisq, rel=1e-7, abs=1e-10)
