"""What estimators based on t say where there is no interval or no test, and what arithmetic by hand gives."""

import numpy as np
import pytest
from numpy.typing import NDArray

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


def test_three_pairs_determine_the_coefficients_of_an_analysis_of_covariance() -> None:
    # On logs the slope is 2, and at the comparator's baseline of 1 the experimental value is 1: 1 against 3.
    found = ancova(arm((1.0, 1.0), (2.0, 4.0)), arm((1.0, 3.0)))
    assert only_estimate(found) == pytest.approx(1 / 3, rel=1e-14)
    assert found.reason == "no interval and no test: three pairs, as many as coefficients"


def test_rounding_is_no_evidence_that_arms_differ_at_equal_baselines() -> None:
    found = ancova(arm((1.0, 1.1), (2.0, 4.4)), arm((1.0, 3.3), (3.0, 29.7)))
    assert only_estimate(found) == pytest.approx(1 / 3, rel=1e-13)
    assert found.reason == "no interval and no test: the baselines determine the values"
