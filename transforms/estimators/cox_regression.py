"""Cox's model (1972) of several covariates, exact on counts of participants by covariate pattern.

Participants with equal covariates are told apart only by their days of entry and exit, so they are counted
by pattern and day. A continuous covariate makes patterns of few participants, which costs memory but no
other code. Belongs here: the maximum of the likelihood and the test of proportional hazards at it. Does not
belong here: which covariates there are.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from transforms.estimators import proportional_hazards
from transforms.estimators.elementary import FloatArray, log
from transforms.estimators.matrices import cholesky, inverse, solved
from transforms.estimators.partial_likelihood import (
    Likelihood,
    RiskSets,
    expected_events,
    information,
    likelihood,
    score,
)

_CLOSE = 1e-6  # twice the rise of the log likelihood from where on a step need not be checked
_NO_RISE = 1e-9
_CONVERGED = 1e-16  # Newton squares it with the last step
_STILL_MOVING = 0.1  # of the log hazard between the two participants who differ most
_MAX_STEPS = 100
_MAX_HALVINGS = 30


@dataclass(frozen=True, slots=True)
class CoxRegression:
    """Coefficients in the order of the covariates with their covariance; empty with the reason if none.

    `likelihood_ratio` is twice the log likelihood at its maximum less `null_log_likelihood`, that of a model
    without covariates; where some coefficients are `infinite` (their numbers) it is what this tends to, to
    within 1e-9. `at` is the likelihood at finite coefficients.
    """

    coefficients: FloatArray
    covariance: FloatArray
    likelihood_ratio: float | None
    null_log_likelihood: float
    reason: str
    at: Likelihood | None = None
    infinite: tuple[int, ...] = ()

    @property
    def log_likelihood(self) -> float | None:
        """The logarithm of the partial likelihood at its maximum, or what it tends to."""
        if self.likelihood_ratio is None:
            return None
        return self.null_log_likelihood + self.likelihood_ratio / 2.0


def cox_regression(sets: RiskSets, covariates: Sequence[str]) -> CoxRegression:
    """Maximise the partial likelihood by Newton's method, a step that lowers it being halved.

    A coefficient has no finite estimate when it still moves although the likelihood no longer rises:
    Newton's steps to infinity never get shorter than about 1.

    Args:
        sets: risk sets of patterns, with the values of the covariates.
        covariates: their names, for the reason.
    """
    null = _null_log_likelihood(sets)
    beta = np.zeros(len(covariates))
    at = likelihood(sets, beta)
    unmoved = 0
    for _ in range(_MAX_STEPS):
        if at is None:
            return _no_fit(null, _why_infinite(covariates, beta, beta * sets.ranges))
        expected = expected_events(sets, at)
        factor, dependent = cholesky(*information(sets, at, expected))
        if dependent is not None:
            return _no_fit(null, _why_singular(sets, covariates, beta, dependent))
        gradient = score(sets, expected)
        step = solved(factor, gradient)
        rise, moved = float(np.sum(step * gradient)), float(np.max(np.abs(step) * sets.ranges, initial=0.0))
        if rise < _CONVERGED and moved < _STILL_MOVING:
            return _fitted(sets, null, beta + step)
        unmoved = unmoved + 1 if rise < _NO_RISE and moved > _STILL_MOVING else 0
        if unmoved > 1:
            return _in_the_limit(null, at, covariates, beta, step * sets.ranges)
        beta, at = _raised(sets, at, beta, step) if rise > _CLOSE else _moved(sets, beta + step)
    return _no_fit(null, f"the Cox model did not converge in {_MAX_STEPS} steps")


def _moved(sets: RiskSets, beta: FloatArray) -> tuple[FloatArray, Likelihood | None]:
    return beta, likelihood(sets, beta)


def _raised(
    sets: RiskSets, at: Likelihood, beta: FloatArray, step: FloatArray
) -> tuple[FloatArray, Likelihood | None]:
    """Take a step, halved until the likelihood is not lower than before."""
    for _ in range(_MAX_HALVINGS):
        following = likelihood(sets, beta + step)
        if following is not None and following.gain >= at.gain:
            return beta + step, following
        step = step / 2.0
    return beta, None


def _fitted(sets: RiskSets, null: float, beta: FloatArray) -> CoxRegression:
    at = likelihood(sets, beta)
    if at is None:
        return _no_fit(null, "the likelihood is beyond rounding at its maximum")
    factor, _ = cholesky(*information(sets, at, expected_events(sets, at)))
    return CoxRegression(beta, inverse(factor), 2.0 * at.gain, null, "", at)


def _in_the_limit(
    null: float, at: Likelihood, covariates: Sequence[str], beta: FloatArray, moves: FloatArray
) -> CoxRegression:
    reason = _why_infinite(covariates, beta, moves)
    infinite = tuple(int(k) for k in np.flatnonzero(_is_moving(moves)))
    return CoxRegression(np.zeros(0), np.zeros((0, 0)), 2.0 * at.gain, null, reason, infinite=infinite)


def _no_fit(null: float, reason: str) -> CoxRegression:
    return CoxRegression(np.zeros(0), np.zeros((0, 0)), None, null, reason)


def _null_log_likelihood(sets: RiskSets) -> float:
    terms = sets.at_risk[sets.term_day] - sets.fraction * sets.d[sets.term_day]
    times = sets.d if sets.ties == "breslow" else np.ones(1)
    return -float(np.sum(times * log(terms)))


def independent(sets: RiskSets) -> list[int]:
    """Return the covariates that vary among those at risk at the events and do not follow from earlier ones.

    The others are those whose coefficient is NA in R's `coxph`.
    """
    at = likelihood(sets, np.zeros(sets.design.shape[0]))
    if at is None:
        return []
    matrix, scale = information(sets, at, expected_events(sets, at))
    kept = list(range(scale.size))
    while (dependent := cholesky(matrix[kept][:, kept], scale[kept])[1]) is not None:
        del kept[dependent]
    return kept


def _why_singular(sets: RiskSets, covariates: Sequence[str], beta: FloatArray, dependent: int) -> str:
    """Say what depends on what: at any coefficients, unless rounding hides the rest near infinite ones."""
    if np.any(beta):
        return _why_infinite(covariates, beta, beta * sets.ranges)
    name = covariates[dependent]
    if dependent == 0:
        return f"{name} does not vary among those at risk at the events"
    others = ", ".join(covariates[:dependent])
    return f"{name} does not vary among those at risk at the events, or follows from {others}"


def _why_infinite(covariates: Sequence[str], beta: FloatArray, moves: FloatArray) -> str:
    """Name the covariates whose coefficients move, with the direction in which they do."""
    if not np.any(beta):
        return "the Cox model does not converge within rounding"
    return "; ".join(
        f"no finite estimate: the hazard ratio of {name} tends to {'infinity' if b > 0 else '0'}"
        for name, b, moves_on in zip(covariates, beta, _is_moving(moves), strict=True)
        if moves_on
    )


def _is_moving(moves: FloatArray) -> NDArray[np.bool_]:
    return np.asarray(np.abs(moves) >= min(_STILL_MOVING, float(np.max(np.abs(moves)))))


def score_test_of_time(
    sets: RiskSets, fit: CoxRegression, covariate: int, scaled_time: FloatArray
) -> proportional_hazards.ProportionalHazards:
    """Test whether the hazard ratio of one covariate changes with time (R's `cox.zph`, its row of a term).

    The score u for adding covariate x g(time) has the variance c - b' V b: V the covariance of the
    coefficients, b the covariate's column of the information weighted with g, c its own information
    weighted with g**2.

    Args:
        sets: the risk sets the model was fitted to.
        fit: the fit, with coefficients.
        covariate: which of the covariates.
        scaled_time: the scaled time g of each event day of the risk sets.
    """
    assert fit.at is not None
    weight = scaled_time - np.sum(scaled_time * sets.d) / np.sum(sets.d)
    expected = expected_events(sets, fit.at, weight)
    u = float(score(sets, expected, weight)[covariate])
    b = information(sets, fit.at, expected, weight)[0][covariate]
    square = weight * weight
    matrix, scale = information(sets, fit.at, expected_events(sets, fit.at, square), square)
    explained = float(np.sum(b * np.sum(fit.covariance * b, axis=1)))
    variance = float(matrix[covariate, covariate]) - explained
    if not variance > _NO_RISE * float(scale[covariate]):
        return proportional_hazards.ONE_EVENT_DAY
    return proportional_hazards.from_score(u, variance)
