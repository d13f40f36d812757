"""Tails and 97.5 % points of Student's t are those of R, closed forms and scipy.

R's numbers are in data/student_t_r.csv (pt and qt), made by data/biomarker_effects_r.R.
"""

import csv
import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import special, stats

from transforms.estimators.elementary import NORMAL_975, two_sided_p
from transforms.estimators.student_t import point_975
from transforms.estimators.student_t import two_sided_p as t_two_sided_p

TAILS = Path(__file__).parent / "data" / "student_t_r.csv"
LEAST = 1e-300  # below, doubles lose digits

degrees_of_freedom = st.floats(1.0, 1e5)
statistics = st.floats(1e-6, 40.0)


@pytest.fixture(scope="module")
def r_tails() -> list[dict[str, float]]:
    with TAILS.open(newline="", encoding="utf-8") as file:
        return [{name: float(text) for name, text in row.items()} for row in csv.DictReader(file)]


def test_tails_are_those_of_pt_to_twelve_digits(r_tails: list[dict[str, float]]) -> None:
    assert sum(LEAST < row["p"] < 1e-30 for row in r_tails) > 20
    for row in r_tails:
        ours = t_two_sided_p(row["t"], row["degrees"])
        assert ours == pytest.approx(row["p"], rel=1e-12 if row["p"] > LEAST else 1e-6, abs=0.0), row
        assert t_two_sided_p(-row["t"], row["degrees"]) == ours


def test_95_percent_points_are_those_of_qt_to_thirteen_digits(r_tails: list[dict[str, float]]) -> None:
    for row in r_tails:
        assert point_975(row["degrees"]) == pytest.approx(row["point_975"], rel=1e-13), row


@given(statistics, degrees_of_freedom)
def test_tails_are_those_of_scipy(t: float, degrees: float) -> None:
    # scipy's own digits end here: with one degree of freedom it is 3e-11 from the arc tangent.
    expected = 2.0 * stats.t.sf(t, degrees)
    assert t_two_sided_p(t, degrees) == pytest.approx(expected, rel=1e-10 if expected > LEAST else 1e-6)


@given(degrees_of_freedom)
def test_95_percent_points_are_those_of_scipy(degrees: float) -> None:
    assert point_975(degrees) == pytest.approx(special.stdtrit(degrees, 0.975), rel=1e-12)


@given(degrees_of_freedom)
def test_a_tail_beyond_the_95_percent_point_is_5_percent(degrees: float) -> None:
    assert t_two_sided_p(point_975(degrees), degrees) == pytest.approx(0.05, rel=1e-13)


@given(st.floats(1e-3, 1e12))
def test_two_degrees_of_freedom_have_a_closed_form(t: float) -> None:
    # 1 - t / sqrt(2 + t**2), with the difference multiplied out.
    root = math.sqrt(2.0 + t * t)
    assert t_two_sided_p(t, 2.0) == pytest.approx(2.0 / (root * (root + t)), rel=1e-13)


@given(st.floats(1e-3, 1e12))
def test_one_degree_of_freedom_is_cauchys_distribution(t: float) -> None:
    assert t_two_sided_p(t, 1.0) == pytest.approx(2.0 / math.pi * math.atan(1.0 / t), rel=1e-13)


def test_no_difference_has_a_p_value_of_one() -> None:
    assert [t_two_sided_p(0.0, degrees) for degrees in (1.0, 7.5, 4000.0)] == [1.0, 1.0, 1.0]


def test_many_degrees_of_freedom_come_down_to_the_normal_distribution() -> None:
    for t in np.linspace(0.1, 5.0, 12).tolist():
        assert t_two_sided_p(t, 1e12) == pytest.approx(two_sided_p(t), rel=1e-9)
    assert point_975(1e12) == pytest.approx(NORMAL_975, rel=1e-11)
