"""Effects of arms drawn at random, with ties and few pairs, are those of scipy's tests and of definitions."""

import math
from random import Random

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
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
from transforms.estimators.multiplicity import benjamini_hochberg
from transforms.estimators.point_estimate import PointEstimate

Array = NDArray[np.float64]
Arm = tuple[Array, Array]

concentrations = st.integers(1, 500).map(lambda tenths: tenths / 10)


def arms(least: int, most: int = 12) -> st.SearchStrategy[Arm]:
    """Baselines and values of an arm's pairs."""
    pair = st.tuples(concentrations, concentrations)
    return st.lists(pair, min_size=least, max_size=most).map(
        lambda pairs: (np.array([b for b, _ in pairs]), np.array([v for _, v in pairs]))
    )


def varies(x: Array) -> bool:
    return bool(np.std(x) > 1e-9)


def check(ours: PointEstimate, estimate: float, interval: tuple[float, float], p_value: float) -> None:
    assert not ours.reason
    assert ours.estimate == pytest.approx(estimate, rel=1e-9, abs=1e-12)
    assert (ours.conf_low, ours.conf_high) == pytest.approx(interval, rel=1e-9, abs=1e-9)
    assert ours.conf_level == 0.95
    assert ours.p_value == pytest.approx(p_value, rel=1e-8)


@given(arms(2))
def test_a_geometric_mean_ratio_has_the_interval_and_test_of_its_log_ratios(arm: Arm) -> None:
    baseline, value = arm
    logs = np.log(value / baseline)
    assume(varies(logs))
    test = stats.ttest_1samp(logs, 0.0)
    low, high = test.confidence_interval()
    expected = math.exp(np.mean(logs)), (math.exp(low), math.exp(high)), test.pvalue
    check(paired_geometric_mean_ratio(log_ratios(*arm)), *expected)


@given(arms(2))
def test_a_mean_difference_is_that_of_the_paired_t_test(arm: Arm) -> None:
    baseline, value = arm
    assume(varies(value - baseline))
    test = stats.ttest_rel(value, baseline)
    low, high = test.confidence_interval()
    check(paired_mean_difference(*arm), float(np.mean(value - baseline)), (low, high), test.pvalue)


@given(arms(2), arms(2))
def test_a_ratio_between_arms_has_welchs_interval_and_test(arm: Arm, comparator: Arm) -> None:
    logs = [np.log(value / baseline) for baseline, value in (arm, comparator)]
    assume(varies(logs[0]) and varies(logs[1]))
    test = stats.ttest_ind(*logs, equal_var=False)
    low, high = test.confidence_interval()
    expected = (
        math.exp(np.mean(logs[0]) - np.mean(logs[1])),
        (math.exp(low), math.exp(high)),
        test.pvalue,
    )
    check(ratio_of_geometric_mean_ratios(log_ratios(*arm), log_ratios(*comparator)), *expected)


@given(arms(2), arms(2))
def test_a_difference_between_arms_has_welchs_interval_and_test(arm: Arm, comparator: Arm) -> None:
    changes = [value - baseline for baseline, value in (arm, comparator)]
    assume(varies(changes[0]) and varies(changes[1]))
    test = stats.ttest_ind(*changes, equal_var=False)
    low, high = test.confidence_interval()
    estimate = float(np.mean(changes[0]) - np.mean(changes[1]))
    check(difference_of_mean_changes(*arm, *comparator), estimate, (low, high), test.pvalue)


@given(arms(2), arms(2))
def test_the_analysis_of_covariance_is_least_squares(arm: Arm, comparator: Arm) -> None:
    x = np.log(np.concatenate([arm[0], comparator[0]]))
    y = np.log(np.concatenate([arm[1], comparator[1]]))
    is_first = np.repeat([1.0, 0.0], [arm[0].size, comparator[0].size])
    assume(varies(np.log(arm[0])) or varies(np.log(comparator[0])))
    design = np.column_stack([is_first, np.ones_like(x), x])
    coefficients = np.linalg.lstsq(design, y)[0]
    residuals = y - design @ coefficients
    degrees = x.size - 3
    error = math.sqrt(residuals @ residuals / degrees * np.linalg.inv(design.T @ design)[0, 0])
    assume(error > 1e-6)
    margin = stats.t.ppf(0.975, degrees) * error
    assume(margin < 300)  # the limits are numbers
    ours = ancova_on_logs(*(logarithms(z) for each in (arm, comparator) for z in each))
    interval = math.exp(coefficients[0] - margin), math.exp(coefficients[0] + margin)
    check(ours, math.exp(coefficients[0]), interval, 2 * stats.t.sf(abs(coefficients[0] / error), degrees))
    assert ours.std_error == pytest.approx(error, rel=1e-8)


def ratios(ours: PointEstimate) -> list[float]:
    """Return a percent change's limits as ratios of means."""
    assert ours.conf_low is not None
    assert ours.conf_high is not None
    return [1 + ours.conf_low / 100, 1 + ours.conf_high / 100]


@given(arms(3))
def test_fiellers_limits_are_the_ratios_that_a_paired_test_just_rejects(arm: Arm) -> None:
    baseline, value = arm
    assume(varies(value - baseline) and varies(value - np.mean(value) / np.mean(baseline) * baseline))
    ours = paired_change_of_means(baseline, value)
    assert ours.estimate == pytest.approx(100 * (np.mean(value) / np.mean(baseline) - 1), abs=1e-9)
    assert ours.p_value == pytest.approx(stats.ttest_rel(value, baseline).pvalue, rel=1e-8)
    error = np.std(baseline, ddof=1) / math.sqrt(baseline.size)
    if np.mean(baseline) <= stats.t.ppf(0.975, baseline.size - 1) * error:
        assert "unbounded" in ours.reason
        return
    for ratio in ratios(ours):
        assert stats.ttest_1samp(value - ratio * baseline, 0.0).pvalue == pytest.approx(0.05, rel=1e-5)


@given(st.lists(concentrations, min_size=2, max_size=12), st.lists(concentrations, min_size=2, max_size=12))
def test_fiellers_limits_of_independent_means_are_the_ratios_that_a_test_just_rejects(
    baselines: list[float], values: list[float]
) -> None:
    x, y = np.array(baselines), np.array(values)
    assume(varies(x) and varies(y))
    ours = unpaired_change_of_means(x, y)
    estimate = np.mean(y) / np.mean(x)
    welch = stats.ttest_ind(y, x, equal_var=False)
    assert ours.p_value == pytest.approx(welch.pvalue, rel=1e-8)
    t = stats.t.ppf(0.975, stats.ttest_ind(y, estimate * x, equal_var=False).df)
    of_x, of_y = np.var(x, ddof=1) / x.size, np.var(y, ddof=1) / y.size
    if np.mean(x) <= t * math.sqrt(of_x):
        assert "unbounded" in ours.reason
        return
    distances = [(np.mean(y) - r * np.mean(x)) / math.sqrt(of_y + r * r * of_x) for r in ratios(ours)]
    assert distances == pytest.approx([t, -t], rel=1e-5)


@given(arms(1), st.randoms(use_true_random=False))
def test_the_order_of_participants_changes_no_bit(arm: Arm, random: Random) -> None:
    order = np.arange(arm[0].size)
    random.shuffle(order)
    shuffled = arm[0][order], arm[1][order]
    for estimator in (paired_mean_difference, paired_change_of_means, unpaired_change_of_means):
        assert estimator(*arm) == estimator(*shuffled)
    changes, others = log_ratios(*arm), log_ratios(*shuffled)
    assert paired_geometric_mean_ratio(changes) == paired_geometric_mean_ratio(others)
    assert ratio_of_geometric_mean_ratios(changes, changes) == ratio_of_geometric_mean_ratios(others, others)
    assert difference_of_mean_changes(*arm, *arm) == difference_of_mean_changes(*shuffled, *shuffled)
    logs, shuffled_logs = [logarithms(x) for x in arm], [logarithms(x) for x in shuffled]
    assert ancova_on_logs(*logs, *logs) == ancova_on_logs(*shuffled_logs, *shuffled_logs)


@given(arms(1))
def test_exchanging_baseline_and_value_changes_the_sign_of_a_log_ratio_alone(arm: Arm) -> None:
    baseline, value = arm
    assert log_ratios(value, baseline).tolist() == (0.0 - log_ratios(baseline, value)).tolist()


@given(st.lists(st.floats(0.0, 1.0), min_size=1, max_size=30))
def test_the_false_discovery_rate_is_that_of_scipy(p_values: list[float]) -> None:
    expected = stats.false_discovery_control(p_values)
    np.testing.assert_allclose(benjamini_hochberg(np.array(p_values)), expected, rtol=1e-14)
