"""Censored means are where the likelihood is highest, and their errors its curvature there, corrected.

The curvature's error is that of a variance that divides by n, and is multiplied by sqrt(n / (n - k)) for k
means. scipy's normal distribution gives the likelihood; samples are small, with bounds on either side and
classes.
"""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import optimize, stats

from transforms.estimators.censored_normal import censored_difference, censored_mean
from transforms.estimators.elementary import FloatArray

quick = settings(max_examples=60, deadline=None)

Bounds = tuple[FloatArray, FloatArray]


@st.composite
def censored(draw: st.DrawFn) -> Bounds:
    """At least three measured values, two of them different, and up to twelve that are not measured."""
    tenths = st.integers(-30, 30).map(lambda x: x / 10)
    measured = draw(st.lists(tenths, min_size=3, max_size=12).filter(lambda x: len(set(x)) > 1))
    pairs = [(x, x) for x in measured]
    sides = st.sampled_from([(-math.inf, 0.0), (0.0, math.inf), (0.0, 0.7), (0.0, 4.0)])
    for at, (low, high) in draw(st.lists(st.tuples(tenths, sides), max_size=12)):
        pairs += [(at + low, at + high)]
    return np.array([low for low, _ in pairs]), np.array([high for _, high in pairs])


def log_likelihood(bounds: Bounds, mean: float, sd: float) -> float:
    low, high = bounds
    is_exact = low == high
    exact = float(np.sum(stats.norm.logpdf(low[is_exact], mean, sd)))
    z_low, z_high = ((bound[~is_exact] - mean) / sd for bound in bounds)
    upper = z_low > 0
    inner, outer = np.where(upper, -z_low, z_high), np.where(upper, -z_high, z_low)
    from_tail = stats.norm.logcdf(inner)
    return exact + float(np.sum(from_tail + np.log1p(-np.exp(stats.norm.logcdf(outer) - from_tail))))


def best_for(bounds: Bounds, mean: float) -> float:
    """The highest likelihood that a mean can have, with the best standard deviation."""
    found = optimize.minimize_scalar(
        lambda log_sd: -log_likelihood(bounds, mean, math.exp(log_sd)), bounds=(-6, 5), method="bounded",
        options={"xatol": 1e-10},
    )  # fmt: skip
    return -float(found.fun)


@quick
@given(censored())
def test_no_other_mean_is_more_likely_and_the_error_is_the_curvature(bounds: Bounds) -> None:
    found = censored_mean(*bounds)
    assert found.estimate is not None
    assert found.std_error is not None
    n = bounds[0].size
    step = 0.05 * found.std_error * math.sqrt((n - 1) / n)
    below, here, above = (best_for(bounds, found.estimate + k * step) for k in (-1, 0, 1))
    assert here > max(below, above)
    assert above - below == pytest.approx(0, abs=0.02 * (2 * here - above - below))
    curvature = (2 * here - above - below) / (step * step)
    assert found.std_error == pytest.approx(math.sqrt(n / (n - 1) / curvature), rel=1e-2)


@quick
@given(censored(), censored())
def test_two_arms_share_a_standard_deviation(x: Bounds, y: Bounds) -> None:
    """With every value measured the difference, its error and its test are those of Student's t test."""
    measured_x, measured_y = (bounds[0][bounds[0] == bounds[1]] for bounds in (x, y))
    found = censored_difference(measured_x, measured_x, measured_y, measured_y)
    test = stats.ttest_ind(measured_x, measured_y)
    interval = test.confidence_interval()
    assert found.estimate == pytest.approx(np.mean(measured_x) - np.mean(measured_y), abs=1e-13)
    squares = len(measured_x) * np.var(measured_x) + len(measured_y) * np.var(measured_y)
    variance = squares / test.df
    expected = math.sqrt(variance * (1 / len(measured_x) + 1 / len(measured_y)))
    assert found.std_error == pytest.approx(expected, rel=1e-12)
    assert [found.conf_low, found.conf_high] == pytest.approx(list(interval), rel=1e-10, abs=1e-12)
    assert found.p_value == pytest.approx(test.pvalue, rel=1e-10)


@quick
@given(censored(), censored(), st.integers(0, 2**32))
def test_the_order_of_participants_changes_no_bit(x: Bounds, y: Bounds, seed: int) -> None:
    shuffled = np.random.default_rng(seed)
    again_x, again_y = (shuffled.permutation(np.array(bounds), axis=1) for bounds in (x, y))
    assert repr(censored_mean(*again_x)) == repr(censored_mean(*x))
    assert repr(censored_difference(*again_x, *again_y)) == repr(censored_difference(*x, *y))


@quick
@given(censored(), censored(), st.sampled_from([1e-6, 0.3, 1000.0]), st.sampled_from([-40.0, 0.0, 2.5]))
def test_estimates_follow_the_unit_the_origin_and_the_side(
    x: Bounds, y: Bounds, unit: float, origin: float
) -> None:
    mean, difference = censored_mean(*x), censored_difference(*x, *y)
    (low, high), (y_low, y_high) = x, y
    moved = censored_mean(unit * (low + origin), unit * (high + origin))
    assert moved.estimate == pytest.approx(unit * (mean.estimate + origin), rel=1e-9, abs=1e-12 * unit)
    assert moved.std_error == pytest.approx(unit * mean.std_error, rel=1e-9)
    turned = censored_difference(-high, -low, -y_high, -y_low)
    exchanged = censored_difference(*y, *x)
    for other in (turned, exchanged):
        assert other.estimate == pytest.approx(-difference.estimate, rel=1e-9, abs=1e-12)
        assert [other.std_error, other.p_value] == pytest.approx(
            [difference.std_error, difference.p_value], rel=1e-9
        )


@quick
@given(censored())
def test_a_value_without_bounds_says_nothing(x: Bounds) -> None:
    low, high = x
    more = np.append(low, -math.inf), np.append(high, math.inf)
    assert repr(censored_mean(*more)) == repr(censored_mean(low, high))


@pytest.mark.parametrize("limit", [-1e3, -50.0, -8.0, 8.0, 50.0, 1e3])
def test_a_limit_far_from_what_was_measured_has_an_estimate(limit: float) -> None:
    low = np.array([0.0, 0.1, -0.2, 0.3, -math.inf])
    high = np.array([0.0, 0.1, -0.2, 0.3, limit])
    found = censored_mean(low, high)
    assert found.reason == ""
    assert found.estimate is not None
    sd = found.std_error * math.sqrt(4)  # in the far tail a bound tells as much as a value
    best = optimize.minimize(
        lambda p: -log_likelihood((low, high), p[0], math.exp(p[1])),
        (found.estimate, math.log(sd)),
        method="Nelder-Mead",
        options={"xatol": 1e-12, "fatol": 1e-12, "maxiter": 4000},
    )
    assert found.estimate == pytest.approx(best.x[0], rel=1e-5, abs=1e-6)


def test_equal_values_in_each_arm_are_enough_when_a_bound_contradicts_them() -> None:
    low, high = np.array([1.0, 1.0, 2.0]), np.array([1.0, 1.0, math.inf])
    measured = np.array([0.0, 0.0])
    found = censored_difference(low, high, measured, measured)
    assert found.estimate is not None
    assert 1.0 < found.estimate < 3.0


@pytest.mark.parametrize(("n", "share"), [(7, 0.0), (7, 0.25), (12, 0.4)])
def test_of_small_samples_19_in_20_intervals_hold_the_mean(n: int, share: float) -> None:
    """By the variance that divides by n and the normal point they would be 88 % of 7 values."""
    random = np.random.default_rng(n)
    limit = stats.norm.ppf(share)
    n_samples, n_estimated, n_holding = 1500, 0, 0
    for values in random.normal(0.0, 1.0, (n_samples, n)):
        is_below = values < limit
        found = censored_mean(np.where(is_below, -math.inf, values), np.where(is_below, limit, values))
        if found.conf_low is not None:
            n_estimated += 1
            n_holding += found.conf_low < 0.0 < found.conf_high
    assert n_estimated > 0.99 * n_samples
    assert n_holding / n_estimated == pytest.approx(0.95, abs=0.02)
