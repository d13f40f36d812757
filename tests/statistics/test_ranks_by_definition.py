"""Rank tests and intervals are what their definitions say, by counting every sign, allocation and pair.

The samples are small whole numbers, with and without ties and zeros, and halves and quarters between them,
so that every difference and average is exact.
"""

from fractions import Fraction
from functools import cache
from itertools import combinations, pairwise, product

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy import stats

from transforms.estimators.elementary import FloatArray
from transforms.estimators.pairwise_sums import PairwiseSums, differences, walsh_sums
from transforms.estimators.ranks import median, rank_sum, signed_rank

quick = settings(max_examples=100, deadline=None)
slow = settings(max_examples=30, deadline=None)

whole = st.integers(-60, 60)
samples = st.lists(whole, min_size=1, max_size=25).map(lambda x: np.array(x, dtype=np.float64))
long_samples = st.lists(whole, min_size=50, max_size=70).map(lambda x: np.array(x, dtype=np.float64))


@st.composite
def distinct_sizes(draw: st.DrawFn) -> FloatArray:
    """Up to nine differences, none of them 0, no two of equal size."""
    sizes = draw(st.lists(st.integers(1, 60), min_size=1, max_size=9, unique=True))
    signs = draw(st.lists(st.sampled_from([-1, 1]), min_size=len(sizes), max_size=len(sizes)))
    return np.array(sizes, dtype=np.float64) * signs


@st.composite
def distinct_arms(draw: st.DrawFn) -> tuple[FloatArray, FloatArray]:
    """Two arms of together up to ten values, all different."""
    values = draw(st.lists(whole, min_size=2, max_size=10, unique=True))
    n = draw(st.integers(1, len(values) - 1))
    return np.array(values[:n], dtype=np.float64), np.array(values[n:], dtype=np.float64)


def walsh_averages(x: FloatArray) -> list[float]:
    return sorted(float(x[i] + x[j]) / 2 for j in range(len(x)) for i in range(j + 1))


def pairwise_differences(x: FloatArray, y: FloatArray) -> list[float]:
    return sorted(float(a - b) for a in x for b in y)


def twice_the_smaller_tail(statistic: float, outcomes: list[float]) -> Fraction:
    below, above = sum(v <= statistic for v in outcomes), sum(v >= statistic for v in outcomes)
    return min(Fraction(1), Fraction(2 * min(below, above), len(outcomes)))


@cache
def positive_rank_sums(n: int) -> list[float]:
    """The sum of positive ranks for every combination of n signs."""
    return [float(sum(np.arange(1, n + 1)[np.array(up)])) for up in product((False, True), repeat=n)]


@cache
def first_arm_rank_sums(n: int, m: int) -> list[float]:
    """The sum of the first arm's ranks for every allocation of n + m participants."""
    return [float(sum(ranks)) for ranks in combinations(range(1, n + m + 1), n)]


def signed_rank_p(x: FloatArray) -> Fraction:
    ranks = stats.rankdata(np.abs(x))
    return twice_the_smaller_tail(float(sum(ranks[x > 0])), positive_rank_sums(len(x)))


def rank_sum_p(x: FloatArray, y: FloatArray) -> Fraction:
    ranks = stats.rankdata(np.concatenate([x, y]))
    return twice_the_smaller_tail(float(sum(ranks[: len(x)])), first_arm_rank_sums(len(x), len(y)))


def exact_level(outcomes: list[float]) -> float:
    """One less the largest p-value of at most 5 % that a test with these outcomes can have."""
    p_values = {twice_the_smaller_tail(outcome, outcomes) for outcome in set(outcomes)}
    return float(1 - max(p for p in p_values if p <= Fraction(1, 20)))


def between(values: list[float]) -> list[float]:
    """A place below all, above all and between each two neighbours that differ."""
    places = sorted(set(values))
    middles = [(a + b) / 2 for a, b in pairwise(places)]
    return [places[0] - 1, *middles, places[-1] + 1]


@quick
@given(distinct_sizes())
def test_exact_signed_rank_p_counts_all_signs(x: FloatArray) -> None:
    assert signed_rank(x).p_value == float(signed_rank_p(x))


@quick
@given(distinct_arms())
def test_exact_rank_sum_p_counts_all_allocations(arms: tuple[FloatArray, FloatArray]) -> None:
    assert rank_sum(*arms).p_value == float(rank_sum_p(*arms))


@slow
@given(distinct_sizes())
def test_exact_interval_of_the_pseudo_median_is_every_centre_the_test_does_not_reject(x: FloatArray) -> None:
    found = signed_rank(x)
    if found.conf_low is None or found.conf_high is None:
        assert Fraction(2, 2 ** len(x)) >= Fraction(1, 20)
        return
    p_values = {d: signed_rank_p(x - d) for d in between(walsh_averages(x))}
    assert {d for d in p_values if found.conf_low < d < found.conf_high} == {
        d for d, p in p_values.items() if p > Fraction(1, 20)
    }
    assert found.conf_level == exact_level(positive_rank_sums(len(x)))


@slow
@given(distinct_arms())
def test_exact_interval_of_the_shift_is_every_shift_the_test_does_not_reject(
    arms: tuple[FloatArray, FloatArray],
) -> None:
    x, y = arms
    found = rank_sum(x, y)
    p_values = {d: rank_sum_p(x - d, y) for d in between(pairwise_differences(x, y))}
    not_rejected = {d for d, p in p_values.items() if p > Fraction(1, 20)}
    if found.conf_low is None or found.conf_high is None:
        assert not_rejected == set(p_values)
        return
    assert {d for d in p_values if found.conf_low < d < found.conf_high} == not_rejected
    assert found.conf_level == exact_level(first_arm_rank_sums(len(x), len(y)))


@slow
@given(st.one_of(samples, long_samples))
def test_approximate_signed_rank_is_scipys_and_its_interval_every_centre_not_rejected(x: FloatArray) -> None:
    changed = x[x != 0]
    assume(len(set(changed)) > 1)
    assume(len(changed) < len(x) or len(set(np.abs(x))) < len(x) or len(x) >= 50)
    found = signed_rank(x)
    by_scipy = stats.wilcoxon(changed, correction=True, method="asymptotic").pvalue
    assert found.p_value == pytest.approx(by_scipy, rel=1e-12)
    assert found.estimate == np.median(walsh_averages(changed))
    if found.conf_low is not None and found.conf_high is not None:
        for d in between(walsh_averages(changed)):
            p_value = stats.wilcoxon(changed - d, correction=True, method="asymptotic").pvalue
            assert (found.conf_low < d < found.conf_high) == (p_value > 0.05)


@slow
@given(samples, st.one_of(samples, long_samples))
def test_approximate_rank_sum_is_scipys_and_its_interval_every_shift_not_rejected(
    x: FloatArray, y: FloatArray
) -> None:
    assume(len(set(x)) + len(set(y)) > 2)
    assume(len(set(x) | set(y)) < len(x) + len(y) or len(y) >= 50)
    found = rank_sum(x, y)
    assert found.p_value == pytest.approx(stats.mannwhitneyu(x, y, method="asymptotic").pvalue, rel=1e-12)
    assert found.estimate == np.median(pairwise_differences(x, y))
    places = between(pairwise_differences(x, y))
    shifts = {d: stats.mannwhitneyu(x - d, y, method="asymptotic").pvalue for d in places}
    if found.conf_low is None or found.conf_high is None:
        assert min(shifts.values()) > 0.05
    else:
        for d, p_value in shifts.items():
            assert (found.conf_low < d < found.conf_high) == (p_value > 0.05)


@quick
@given(samples)
def test_median_its_interval_and_the_sign_test_are_those_of_the_binomial(x: FloatArray) -> None:
    found = median(x)
    assert found.estimate == np.median(x)
    if np.any(x != 0):
        signs = stats.binomtest(int(np.sum(x > 0)), int(np.sum(x != 0)))
        assert found.p_value == pytest.approx(signs.pvalue, rel=1e-12)
    levels = {k: 1 - 2 * stats.binom.cdf(k - 1, len(x), 0.5) for k in range(1, len(x) // 2 + 1)}
    enough = [k for k, level in levels.items() if level >= 0.95]
    if not enough:
        assert (found.conf_low, found.conf_high, found.conf_level) == (None, None, None)
        return
    ascending, rank = sorted(x), max(enough)
    assert (found.conf_low, found.conf_high) == (ascending[rank - 1], ascending[-rank])
    assert found.conf_level == pytest.approx(levels[rank], rel=1e-12)


sizes = st.floats(-1e12, 1e12) | st.floats(-1e-6, 1e-6) | st.floats(-4, 4) | st.sampled_from([0.1, 0.2, 0.3])
values = st.lists(sizes, min_size=1, max_size=30).map(np.sort)


@quick
@given(values, values, st.data())
def test_the_kth_sum_is_found_as_if_all_had_been_made(
    x: FloatArray, y: FloatArray, data: st.DataObject
) -> None:
    pairs: list[tuple[PairwiseSums, list[float]]] = [
        (walsh_sums(x + 0.0), sorted(float(x[i] + x[j]) for j in range(len(x)) for i in range(j + 1))),
        (differences(x + 0.0, y + 0.0), pairwise_differences(x, y)),
    ]
    for sums, every in pairs:
        assert sums.count == len(every)
        ranks = data.draw(st.lists(st.integers(1, len(every)), min_size=1, max_size=5))
        expected = [every[rank - 1] for rank in ranks]
        assert sums.smallest(ranks, made_up_to=0) == sums.smallest(ranks, made_up_to=10**9) == expected
        assert sums.median(made_up_to=0) == sums.median()


@pytest.mark.parametrize("digits", [1, 17])
def test_large_arms_have_the_order_statistics_of_all_pairs(digits: int) -> None:
    random = np.random.default_rng(7)
    x, y = random.lognormal(0.3, 1, 900).round(digits), random.lognormal(0, 1, 700).round(digits)
    by_test = stats.mannwhitneyu(x, y, method="asymptotic").pvalue
    every = np.sort(np.subtract.outer(x, y), axis=None)
    found = rank_sum(x, y)
    assert found.p_value == pytest.approx(by_test, rel=1e-9)
    assert found.estimate == np.median(every)
    spread = np.sqrt(900 * 700 * 1601 / 12)
    rank = int(900 * 700 / 2 - 1.959964 * spread)
    near = every[[rank - 20, rank + 20]], every[[-rank - 20, -rank + 20]]
    assert near[0][0] <= found.conf_low <= near[0][1]
    assert near[1][0] <= found.conf_high <= near[1][1]
    every = np.sort((np.add.outer(x, x) / 2)[np.triu_indices(900)])
    assert signed_rank(x).estimate == np.median(every)


@quick
@given(samples, samples, st.integers(0, 2**32))
def test_the_order_of_participants_changes_no_bit(x: FloatArray, y: FloatArray, seed: int) -> None:
    x, y = x / 7, -y / 3  # -0.0 among them
    shuffled = np.random.default_rng(seed)
    again_x, again_y = shuffled.permutation(x), shuffled.permutation(y)
    assert repr(signed_rank(again_x)) == repr(signed_rank(x))
    assert repr(rank_sum(again_x, again_y)) == repr(rank_sum(x, y))
    assert repr(median(again_y)) == repr(median(y))


@quick
@given(samples, samples)
def test_turning_the_sign_of_every_change_turns_the_estimate_and_keeps_the_test(
    x: FloatArray, y: FloatArray
) -> None:
    x, y = x / 7, y / 3
    pairs = [
        (signed_rank(x), signed_rank(-x)),
        (median(x), median(-x)),
        (rank_sum(x, y), rank_sum(-x, -y)),
        (rank_sum(x, y), rank_sum(y, x)),
    ]
    for found, turned in pairs:
        assert (found.p_value, found.conf_level) == (turned.p_value, turned.conf_level)
        assert found.estimate == (None if turned.estimate is None else -turned.estimate)
        assert found.conf_low == (None if turned.conf_high is None else -turned.conf_high)


@quick
@given(samples, samples, whole)
def test_moving_an_arm_moves_the_shift(x: FloatArray, y: FloatArray, by: int) -> None:
    found, moved = rank_sum(x, y), rank_sum(x + by, y)
    assert found.estimate is not None
    assert moved.estimate == found.estimate + by
    if found.conf_low is not None and len(set(x) | set(y)) == len(set(x + by) | set(y)) == len(x) + len(y):
        assert moved.conf_low == found.conf_low + by
