"""The replacements for exp, log, the tails and linear algebra are as exact as what they replace."""

import math

import numpy as np
import pytest
from scipy import special, stats

from transforms.estimators import elementary
from transforms.estimators.intervals import confidence_limits
from transforms.estimators.matrices import cholesky, inverse, solved


def test_exp_is_within_two_units_of_the_last_place() -> None:
    x = np.concatenate([np.linspace(-745, 709, 20_001), np.linspace(-1, 1, 20_001)])
    expected = np.exp(x)
    assert np.max(np.abs(elementary.exp(x) - expected) / np.spacing(expected)) <= 2


def test_exp_at_its_ends() -> None:
    assert elementary.exp(np.array([0.0, -750.0, 710.0])).tolist() == [1.0, 0.0, math.inf]


def test_exp_of_a_number_has_the_bits_of_exp_of_an_array() -> None:
    x = np.concatenate([np.linspace(-810, 810, 30_001), np.random.default_rng(1).uniform(709, 710, 1000)])
    assert [elementary.exp(value) for value in x.tolist()] == elementary.exp(x).tolist()


@pytest.mark.parametrize("x", [1e-300, 0.28, 0.72, 1.0, 1.5, 2e9])
def test_log_is_the_natural_logarithm(x: float) -> None:
    assert elementary.log(x) == pytest.approx(math.log(x), rel=1e-15, abs=1e-300)


def test_log_is_within_one_unit_of_the_last_place_also_close_to_1() -> None:
    random = np.random.default_rng(1)
    tiny = 10.0 ** random.uniform(-16, -1, 20_000)
    x = np.concatenate([np.exp(random.uniform(-740, 700, 20_000)), 1 - tiny, 1 + tiny, [5e-324, 1.7e308]])
    expected = np.array([math.log(value) for value in x])
    assert np.max(np.abs(elementary.log(x) - expected) / np.spacing(np.abs(expected))) <= 1
    assert elementary.log(np.array([1.0])).tolist() == [0.0]


def test_long_arrays_are_worked_on_in_pieces_that_change_nothing() -> None:
    x = np.linspace(0.1, 20, 2**14 + 5)
    for function in (elementary.exp, elementary.log):
        assert function(x)[-5:].tolist() == function(x[-5:]).tolist()


@pytest.mark.parametrize("x", [0.0, 1e-9, 0.1, 0.5, 0.999, 1.0, 1.001, 1.5, 2.0, 3.0, 6.0, 12.0, 25.0])
def test_erfc_keeps_its_digits_in_the_tail(x: float) -> None:
    assert elementary.erfc(x) == pytest.approx(special.erfc(x), rel=1e-14)


def test_two_sided_p_of_the_95_percent_point() -> None:
    assert elementary.two_sided_p(-elementary.NORMAL_975) == pytest.approx(0.05, rel=1e-14)
    assert special.ndtri(0.975) == elementary.NORMAL_975


@pytest.mark.parametrize("degrees", [1, 2, 3, 4, 7, 20, 61])
def test_chi_squared_tail_keeps_its_digits(degrees: int) -> None:
    for chisq in (0.0, 1e-8, 0.1, 1.0, 3.84, 20.0, 100.0, 700.0):
        expected = stats.chi2.sf(chisq, degrees)
        assert elementary.chi_square_p(chisq, degrees) == pytest.approx(expected, rel=2e-13)


def test_limits_of_a_probability_end_where_their_scale_does() -> None:
    limits = confidence_limits(np.array([1.0, 0.5, 0.0, 0.0]), np.array([0.0, 0.1, 0.0, np.nan]))
    assert np.isnan(limits.log_low).tolist() == [False, False, True, True]
    assert np.isnan(limits.log_log_high).tolist() == [True, False, True, True]
    assert np.isnan(limits.plain_low).tolist() == [False, False, False, True]
    assert (limits.log_low[0], limits.log_high[0]) == (1.0, 1.0)
    assert (limits.plain_low[2], limits.plain_high[2]) == (0.0, 0.0)


def test_an_interval_too_wide_for_a_double_is_everything() -> None:
    limits = confidence_limits(np.array([1e-300, 0.5]), np.array([1.0, 2000.0]))
    assert limits.log_low.tolist() == limits.log_log_low.tolist() == [0.0, 0.0]
    assert limits.log_high.tolist() == limits.log_log_high.tolist() == [1.0, 1.0]


def test_cholesky_solves_and_finds_the_row_that_depends_on_others() -> None:
    x = np.random.default_rng(2).normal(size=(5, 30))
    matrix = x @ x.T
    lower, dependent = cholesky(matrix, np.diagonal(matrix))
    assert dependent is None
    assert solved(lower, x[:, 0]) == pytest.approx(np.linalg.solve(matrix, x[:, 0]), rel=1e-10)
    assert inverse(lower) == pytest.approx(np.linalg.inv(matrix), rel=1e-10)
    x[3] = x[0] - 2 * x[1]
    matrix = x @ x.T
    assert cholesky(matrix, np.diagonal(matrix))[1] == 3
