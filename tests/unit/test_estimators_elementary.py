"""The replacements for exp, log and the normal tail are as exact as the functions they replace."""

import math

import numpy as np
import pytest
from scipy import special

from transforms.estimators import elementary


def test_exp_is_within_two_units_of_the_last_place() -> None:
    x = np.concatenate([np.linspace(-745, 709, 20_001), np.linspace(-1, 1, 20_001)])
    expected = np.exp(x)
    assert np.max(np.abs(elementary.exp(x) - expected) / np.spacing(expected)) <= 2


def test_exp_at_its_ends() -> None:
    assert elementary.exp(np.array([0.0, -750.0, 710.0])).tolist() == [1.0, 0.0, math.inf]


@pytest.mark.parametrize("x", [1e-300, 0.28, 0.72, 1.0, 1.5, 2e9])
def test_log_is_the_natural_logarithm(x: float) -> None:
    assert elementary.log(x) == pytest.approx(math.log(x), rel=1e-15, abs=1e-300)


@pytest.mark.parametrize("x", [0.0, 1e-9, 0.1, 0.5, 0.999, 1.0, 1.001, 1.5, 2.0, 3.0, 6.0, 12.0, 25.0])
def test_erfc_keeps_its_digits_in_the_tail(x: float) -> None:
    assert elementary.erfc(x) == pytest.approx(special.erfc(x), rel=1e-14)


def test_two_sided_p_of_the_95_percent_point() -> None:
    assert elementary.two_sided_p(-elementary.NORMAL_975) == pytest.approx(0.05, rel=1e-14)
    assert special.ndtri(0.975) == elementary.NORMAL_975
