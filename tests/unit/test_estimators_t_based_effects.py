"""What estimators based on t say where there is no interval or no test, and what arithmetic by hand gives."""

import math
from decimal import Decimal, localcontext

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import stats

from transforms.estimators.geometric_mean_ratios import (
    ancova_on_logs,
    log_ratios,
    logarithms,
    paired_geometric_mean_ratio,
    ratio_of_geometric_mean_ratios,
)
from transforms.estimators.mean_changes import (
    difference_of_mean_changes,
    paired_change_of_means,
    paired_mean_difference,
    unpaired_change_of_means,
)
from transforms.estimators.point_estimate import PointEstimate

Array = NDArray[np.float64]
Arm = tuple[Array, Array]


def arm(*pairs: tuple[float, float]) -> Arm:
    """Baselines and values."""
    return np.array([baseline for baseline, _ in pairs]), np.array([value for _, value in pairs])


# Equal ratios and equal differences, but not in binary: 0.3 - 0.2 is not 0.2 - 0.1.
EQUAL_RATIOS = arm((0.1, 0.3), (0.7, 2.1), (1.1, 3.3), (2.3, 6.9), (1.9, 5.7))
EQUAL_DIFFERENCES = arm((0.5, 0.6), (0.6, 0.7), (0.7, 0.8), (1.1, 1.2))


def only_estimate(found: PointEstimate) -> float | None:
    """Return the estimate, having looked that there is neither interval nor test."""
    assert (found.conf_low, found.conf_high, found.conf_level, found.p_value) == (None,) * 4
    assert found.std_error is None
    return found.estimate


def ancova(experimental: Arm, control: Arm) -> PointEstimate:
    return ancova_on_logs(*(logarithms(x) for each in (experimental, control) for x in each))


def test_the_equal_changes_of_these_tests_are_unequal_in_binary() -> None:
    assert len(set((EQUAL_RATIOS[1] / EQUAL_RATIOS[0]).tolist())) > 1
    assert len(set((EQUAL_DIFFERENCES[1] - EQUAL_DIFFERENCES[0]).tolist())) > 1


def test_rounding_is_no_evidence_that_a_ratio_is_certain() -> None:
    ratio = paired_geometric_mean_ratio(log_ratios(*EQUAL_RATIOS))
    assert only_estimate(ratio) == pytest.approx(3.0, rel=1e-14)
    assert ratio.reason == "no interval and no test: every pair has the same change"
    change = paired_change_of_means(*EQUAL_RATIOS)
    assert change.estimate == pytest.approx(200.0, rel=1e-14)
    assert (change.conf_low, change.reason) == (None, "no interval: every pair has the same ratio")
    assert change.p_value == paired_mean_difference(*EQUAL_RATIOS).p_value is not None


def test_rounding_is_no_evidence_that_a_difference_is_certain() -> None:
    difference = paired_mean_difference(*EQUAL_DIFFERENCES)
    assert only_estimate(difference) == pytest.approx(0.1, rel=1e-14)
    assert difference.reason == "no interval and no test: every pair has the same change"
    change = paired_change_of_means(*EQUAL_DIFFERENCES)
    assert change.conf_low is not None
    assert (change.p_value, change.reason) == (None, "no test: every pair has the same difference")


def test_rounding_is_no_evidence_that_arms_differ() -> None:
    other_ratio, other_difference = arm((0.1, 0.2), (0.3, 0.6)), arm((0.1, 0.3), (0.7, 0.9))
    reason = "no interval and no test: every pair of an arm has the same change"
    ratio = ratio_of_geometric_mean_ratios(log_ratios(*EQUAL_RATIOS), log_ratios(*other_ratio))
    assert only_estimate(ratio) == pytest.approx(1.5, rel=1e-14)
    assert ratio.reason == reason
    difference = difference_of_mean_changes(*EQUAL_DIFFERENCES, *other_difference)
    assert only_estimate(difference) == pytest.approx(-0.1, rel=1e-13)
    assert difference.reason == reason


def test_one_arm_without_variation_leaves_welchs_test_to_the_other() -> None:
    varying = arm((1.0, 2.0), (2.0, 3.0), (3.0, 7.0))  # differences 1, 1 and 4
    found = difference_of_mean_changes(*varying, *EQUAL_DIFFERENCES)
    assert found.estimate == pytest.approx(1.9, rel=1e-14)
    assert found.std_error == pytest.approx(1.0, rel=1e-14)  # sqrt(3 / 3)
    # 4.30265 is the 97.5 % point of t with 2 degrees of freedom (Pearson and Hartley 1966, table 12).
    assert found.conf_low == pytest.approx(1.9 - 4.30265, abs=1e-5)


def decimals(x: Array) -> list[Decimal]:
    """The numbers to the last bit."""
    return [Decimal(number) for number in x.tolist()]


def fieller_by_decimals(baseline: Array, value: Array, t: float) -> list[float]:
    """Limits in percent by the quadratic's formula, with digits enough for all that cancels in it."""
    with localcontext() as context:
        context.prec = 80
        b, v, n, square = decimals(baseline), decimals(value), len(baseline), Decimal(t) ** 2
        mean_b, mean_v = sum(b) / n, sum(v) / n

        def moment(x: list[Decimal], mean_x: Decimal, y: list[Decimal], mean_y: Decimal) -> Decimal:
            products = [(p - mean_x) * (q - mean_y) for p, q in zip(x, y, strict=True)]
            return square * sum(products) / (n - 1) / n

        first = mean_b**2 - moment(b, mean_b, b, mean_b)
        middle = mean_b * mean_v - moment(b, mean_b, v, mean_v)
        last = mean_v**2 - moment(v, mean_v, v, mean_v)
        root = (middle**2 - first * last).sqrt()
        return [float(100 * ((middle + sign * root) / first - 1)) for sign in (-1, 1)]


@pytest.mark.parametrize("spread", [1e-5, 1e-7, 0.3])
@pytest.mark.parametrize("n", [2, 3, 9])
def test_fiellers_limits_keep_their_digits_where_ratios_are_nearly_equal(n: int, spread: float) -> None:
    random = np.random.default_rng(n)
    baseline = 10.0 + random.normal(0.0, 0.5, n)
    value = 1.7 * baseline * (1.0 + spread * random.normal(0.0, 1.0, n))
    found = paired_change_of_means(baseline, value)
    low, high = fieller_by_decimals(baseline, value, stats.t.ppf(0.975, n - 1))
    # The digits that the values have of their spread.
    close = (high - low) * max(1e-12, 1e-15 / spread)
    assert [found.conf_low, found.conf_high] == pytest.approx([low, high], rel=0.0, abs=close)


def test_a_result_that_is_the_same_in_everybody_has_neither_interval_nor_test() -> None:
    same = arm((0.1, 0.3), (0.1, 0.3), (0.1, 0.3))
    paired, unpaired = paired_change_of_means(*same), unpaired_change_of_means(*same)
    assert only_estimate(paired) == only_estimate(unpaired) == pytest.approx(200.0, rel=1e-14)
    assert paired.reason == (
        "no interval: every pair has the same ratio; no test: every pair has the same difference"
    )
    assert unpaired.reason == "no interval: the values do not vary and no test: neither do the baselines"


def test_percent_of_a_baseline_of_zero_does_not_exist() -> None:
    for estimator in (paired_change_of_means, unpaired_change_of_means):
        found = estimator(*arm((0.0, 1.0), (0.0, 2.0)))
        assert only_estimate(found) is None
        assert found.reason == "no estimate: the mean baseline is 0 or less"


def test_an_analyte_that_vanishes_falls_by_100_percent() -> None:
    found = unpaired_change_of_means(*arm((1.0, 0.0), (2.0, 0.0), (4.0, 0.0)))
    assert (found.estimate, found.conf_low) == (-100.0, None)
    assert found.reason == "no interval: the values do not vary"
    assert found.p_value is not None


def test_an_upper_limit_that_no_number_holds_is_missing_and_said() -> None:
    found = paired_geometric_mean_ratio(log_ratios(*arm((1e-150, 1e140), (1e140, 1e-150))))
    assert found.estimate == pytest.approx(1.0)
    assert (found.conf_low, found.conf_high) == (0.0, None)
    assert found.reason == "the upper limit is beyond 1e308"


def test_the_slope_on_the_baseline_cannot_be_had_from_equal_baselines() -> None:
    found = ancova(arm((0.3, 1.0), (0.1 + 0.2, 2.0)), arm((0.1, 1.0), (0.1, 3.0)))
    assert only_estimate(found) is None
    assert found.reason == "no estimate: every pair of an arm has the same baseline"


def test_one_participant_of_an_arm_is_no_analysis_of_covariance() -> None:
    many = arm((1.0, 1.0), (2.0, 3.0), (3.0, 2.5), (4.0, 6.0), (5.0, 4.0))
    one = arm((1.0, 3.0))
    assert ancova(many, one) == PointEstimate(reason="no estimate: only one pair of the comparator arm")
    assert ancova(one, many) == PointEstimate(reason="no estimate: only one pair of the experimental arm")
    assert ancova(one, one) == PointEstimate(reason="no estimate: only one pair of either arm")


def test_two_pairs_an_arm_leave_an_analysis_of_covariance_one_degree_of_freedom() -> None:
    # On logs to the base 2: slopes 2 and 0 with equal spreads of the baselines, so the common slope is 1;
    # residuals are 1/2 each, and at equal baselines the mean values are 1 and 0.
    found = ancova(arm((1.0, 1.0), (2.0, 4.0)), arm((1.0, 1.0), (2.0, 1.0)))
    assert found.estimate == pytest.approx(2.0, rel=1e-14)
    # Variance 4 (1/2)^2 / 1, times 1/2 + 1/2.
    assert found.std_error == pytest.approx(math.log(2.0), rel=1e-14)
    assert found.p_value == pytest.approx(0.5, rel=1e-12)  # t = 1 with one degree of freedom: Cauchy


def test_rounding_is_no_evidence_that_arms_differ_at_equal_baselines() -> None:
    found = ancova(arm((1.0, 1.1), (2.0, 4.4)), arm((1.0, 3.3), (3.0, 29.7)))
    assert only_estimate(found) == pytest.approx(1 / 3, rel=1e-13)
    assert found.reason == "no interval and no test: the baselines determine the values"
