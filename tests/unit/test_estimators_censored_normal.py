"""What cannot be estimated of censored values says why; the normal tail is right to the last digits."""

import math
from decimal import Decimal, localcontext

import numpy as np
import pytest
from scipy import special, stats

from transforms.estimators.censored_normal import censored_difference, censored_mean
from transforms.estimators.elementary import FloatArray
from transforms.estimators.geometric_mean_ratios import UNIT, exponentiated, paired_geometric_mean_ratio
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
        (
            [0.1, 0.2, 0.4],
            [below(0.2)],
            "no pair of the comparator arm is measured within the limits (n = 1)",
        ),
        (
            [0.3, below(0.2), below(0.1)],
            [0.1, 0.2, 0.4],
            "only one pair of the experimental arm is measured within the limits (n = 3)",
        ),
        (
            [0.3],
            [below(0.2), above(0.1)],
            (
                "only one pair of the experimental arm is measured within the limits (n = 1); "
                "no pair of the comparator arm is measured within the limits (n = 2)"
            ),
        ),
        ([0.1, 0.1], [0.3, 0.3, above(0.2)], "no variation: one change explains every pair of an arm"),
    ],
)
def test_a_difference_that_cannot_be_estimated_says_why(
    pairs: list[tuple[float, float] | float], comparator: list[tuple[float, float] | float], reason: str
) -> None:
    found = censored_difference(*bounds(*pairs), *bounds(*comparator))
    assert found == PointEstimate(reason=reason)


def test_one_measured_pair_tells_nothing_of_the_spread_in_its_arm() -> None:
    """Though it has a likelihood: the other arm alone would say how certain this one participant is."""
    many = [0.1, 0.2, 0.4, 0.3, 0.25, above(0.5)]
    for pairs, comparator in (([0.9, above(0.4)], many), (many, [0.9, above(0.4)])):
        found = censored_difference(*bounds(*pairs), *bounds(*comparator))
        assert (found.estimate, found.conf_low, found.p_value) == (None, None, None)


def test_bounds_beyond_all_measure_leave_the_maximum_where_it_is() -> None:
    measured = censored_mean(*bounds(0.1, 0.2, 0.4))
    far = censored_mean(*bounds(0.1, 0.2, 0.4, below(1e200), above(-1e200), (-1e200, 1e200)))
    assert far.estimate == pytest.approx(measured.estimate, rel=1e-12)
    # They count as pairs in the correction for the mean: 6 and 5 degrees of freedom for 3 and 2.
    correction = math.sqrt(6 / 5) / math.sqrt(3 / 2)
    assert far.std_error == pytest.approx(measured.std_error * correction, rel=1e-12)


def test_with_nothing_censored_the_mean_is_that_of_the_t_test_to_the_bit() -> None:
    for values in ([0.1, 0.2, 0.4], [-0.7, 0.3], [0.4, 0.4, 0.4], [0.3, 0.1 + 0.2]):
        x = np.array(values)
        found = censored_mean(x, x, least=UNIT)
        assert exponentiated(found) == paired_geometric_mean_ratio(x)


def test_with_nothing_censored_the_difference_is_that_of_the_t_test_of_equal_variances() -> None:
    x, y = np.array([0.1, 0.2, 0.4, 0.9]), np.array([0.3, -0.2, 0.05])
    found = censored_difference(x, x, y, y)
    test = stats.ttest_ind(x, y)
    interval = test.confidence_interval()
    assert found.estimate == pytest.approx(0.4 - 0.05, rel=1e-14)
    assert (found.conf_low, found.conf_high) == pytest.approx((interval.low, interval.high), rel=1e-12)
    assert found.p_value == pytest.approx(test.pvalue, rel=1e-12)


def test_rounding_is_no_evidence_that_a_censored_ratio_is_certain() -> None:
    equal = [0.3, 0.1 + 0.2, 0.3]
    reason = "no variation: one change explains every pair of an arm"
    assert censored_mean(*bounds(*equal, below(0.5)), least=UNIT) == PointEstimate(reason=reason)
    found = censored_difference(*bounds(*equal, below(0.5)), *bounds(0.3, 0.3, above(0.1)), least=UNIT)
    assert found == PointEstimate(reason=reason)
    measured = censored_difference(*bounds(*equal), *bounds(0.1, 0.1), least=UNIT)
    assert measured.estimate == pytest.approx(0.2, rel=1e-14)
    assert (measured.std_error, measured.p_value) == (None, None)
    assert measured.reason == "no interval and no test: every pair of an arm has the same change"


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
