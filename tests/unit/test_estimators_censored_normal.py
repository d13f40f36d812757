"""What cannot be estimated of censored values says why; the normal tail is right to the last digits."""

import math
from decimal import Decimal, localcontext

import numpy as np
import pytest
from scipy import special

from transforms.estimators.censored_normal import censored_difference, censored_mean
from transforms.estimators.elementary import FloatArray
from transforms.estimators.normal_tail import erfcx, log_cdf_and_mills
from transforms.estimators.point_estimate import PointEstimate

INF = math.inf


def bounds(*pairs: tuple[float, float] | float) -> tuple[FloatArray, FloatArray]:
    """Lower and upper bounds; a number alone was measured."""
    both = [pair if isinstance(pair, tuple) else (pair, pair) for pair in pairs]
    return np.array([low for low, _ in both]), np.array([high for _, high in both])


def below(limit: float) -> tuple[float, float]:
    return -INF, limit


def above(limit: float) -> tuple[float, float]:
    return limit, INF


@pytest.mark.parametrize(
    ("pairs", "reason"),
    [
        ([], "no pair"),
        ([(-INF, INF)], "no pair"),
        ([below(1.0), below(2.0)], "every pair is known only to be below a bound (n = 2)"),
        ([above(1.0), above(2.0)], "every pair is known only to be above a bound (n = 2)"),
        ([above(1.0), below(2.0), (0.0, 1.0)], "no pair is measured within the limits (n = 3)"),
        ([0.4, below(1.0)], "only one pair is measured within the limits (n = 2)"),
        ([0.4, 0.4, below(0.5), above(0.4)], "no variation: one change explains every pair of an arm"),
    ],
)
def test_a_mean_that_cannot_be_estimated_says_why(
    pairs: list[tuple[float, float] | float], reason: str
) -> None:
    assert censored_mean(*bounds(*pairs)) == PointEstimate(reason=reason)


@pytest.mark.parametrize(
    ("pairs", "comparator", "reason"),
    [
        ([], [], "no pair"),
        ([0.1, 0.2], [], "no pair in an arm"),
        ([below(0.1)], [below(0.2)], "every pair is known only to be below a bound (n = 2)"),
        ([0.1, 0.2, 0.4], [below(0.2)], "no pair of an arm is measured within the limits"),
        ([0.1, 0.1], [0.3, above(0.2)], "no variation: one change explains every pair of an arm"),
    ],
)
def test_a_difference_that_cannot_be_estimated_says_why(
    pairs: list[tuple[float, float] | float], comparator: list[tuple[float, float] | float], reason: str
) -> None:
    found = censored_difference(*bounds(*pairs), *bounds(*comparator))
    assert found == PointEstimate(reason=reason)


def test_bounds_beyond_all_measure_change_nothing() -> None:
    measured = censored_mean(*bounds(0.1, 0.2, 0.4))
    far = censored_mean(*bounds(0.1, 0.2, 0.4, below(1e200), above(-1e200), (-1e200, 1e200)))
    assert far.estimate == pytest.approx(measured.estimate, rel=1e-12)
    assert far.std_error == pytest.approx(measured.std_error, rel=1e-12)


def test_equal_values_that_a_bound_contradicts_have_a_mean() -> None:
    found = censored_mean(*bounds(0.1, 0.1, 0.1, above(0.4)))
    assert found.reason == ""
    assert found.estimate is not None
    assert 0.1 < found.estimate < 0.4


@pytest.mark.parametrize("pair", [(1.0, 0.5), (math.nan, 1.0), (0.0, math.nan), (INF, INF), (-INF, -INF)])
def test_bounds_that_are_no_bounds_are_refused(pair: tuple[float, float]) -> None:
    with pytest.raises(
        ValueError, match="a lower bound is above its upper bound, or a bound is not a number"
    ):
        censored_mean(*bounds(0.1, 0.2, pair))


def test_scaled_complementary_error_function_is_scipys() -> None:
    x = np.concatenate([np.linspace(0, 8, 4001), np.logspace(-10, 150, 1601), [0.0, 1e8, 1e300]])
    np.testing.assert_allclose(erfcx(x), special.erfcx(x), rtol=5e-15)


def by_decimals(z: float) -> tuple[float, float]:
    """log Phi(z) and phi(z) / Phi(z), worked out with 350 digits so that 1 - 1e-300 keeps some."""
    with localcontext() as context:
        context.prec, context.Emin = 350, -(10**9)
        size = abs(Decimal(z))
        density = (-size * size / 2).exp() / Decimal(
            "6.28318530717958647692528676655900576839433879875021"
        ).sqrt()
        if size > 6:  # Laplace's continued fraction of the tail beyond the size
            fraction = size
            for n in range(300, 0, -1):
                fraction = size + n / fraction
            tail = density / fraction
        else:
            term = total = size
            for n in range(1, 400):
                term *= size * size / (2 * n + 1)
                total += term
            tail = Decimal("0.5") - density * total
        cdf = 1 - tail if z > 0 else tail
        return float(cdf.ln()), float(density / cdf)


def test_normal_tail_keeps_its_digits_on_both_sides() -> None:
    z = np.concatenate([np.linspace(-40, 37, 155), [-1e-9, 0.0, 1e-9, -1.4142, 1.4142, -300.0, -3000.5]])
    log_cdf, mills = log_cdf_and_mills(z)
    expected = np.array([by_decimals(value) for value in z.tolist()]).T
    np.testing.assert_allclose(log_cdf, expected[0], rtol=2e-14)
    np.testing.assert_allclose(mills, expected[1], rtol=2e-14)


def test_normal_tail_does_not_overflow() -> None:
    with np.errstate(all="raise", under="ignore"):
        log_cdf, mills = log_cdf_and_mills(np.array([-1e160, -1e100, 1e100, 1e160]))
    assert np.all(np.isfinite(log_cdf))
    assert mills[1] == pytest.approx(1e100)
    assert mills[2:].tolist() == [0.0, 0.0]
