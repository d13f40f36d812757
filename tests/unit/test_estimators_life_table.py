"""The actuarial estimates, against numbers worked by hand and against shares where nobody is censored."""

import math

import numpy as np
import pytest

from transforms.estimators.life_table import LifeTable, actuarial


def table(*intervals: tuple[float, int, int, int, int]) -> LifeTable:
    end, *counts = zip(*intervals, strict=True)
    return LifeTable(np.array(end), *(np.array(column) for column in counts))


def test_who_is_censored_counts_for_half_of_the_interval() -> None:
    """100 start, 10 have the event and 20 are censored: 90 are effectively at risk."""
    found = actuarial(table((1.0, 100, 10, 0, 20), (2.0, 70, 7, 0, 0)))
    assert found.survival == pytest.approx([80 / 90, 80 / 90 * 63 / 70])
    greenwood = 80 / 90 * math.sqrt(10 / (90 * 80))
    assert found.std_error[0] == pytest.approx(greenwood)


def test_without_censoring_survival_is_the_share_that_is_left() -> None:
    found = actuarial(table((1.0, 200, 30, 10, 0), (2.0, 160, 40, 20, 0)))
    assert found.event_incidence == pytest.approx([30 / 200, 70 / 200])
    assert found.competing_incidence == pytest.approx([10 / 200, 30 / 200])


def test_incidences_and_those_who_are_free_of_both_add_up_to_one() -> None:
    found = actuarial(table((1.0, 200, 30, 15, 22), (2.5, 133, 20, 11, 40)))
    at_risk = np.array([200 - 11, 133 - 20])
    free = np.cumprod(1 - np.array([45, 31]) / at_risk)
    assert found.event_incidence + found.competing_incidence + free == pytest.approx([1.0, 1.0])


def test_nobody_left_has_no_standard_error() -> None:
    found = actuarial(table((1.0, 12, 12, 0, 0)))
    assert found.survival.tolist() == [0.0]
    assert np.isnan(found.std_error).all()
