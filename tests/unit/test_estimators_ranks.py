"""What cannot be estimated by ranks says why."""

import numpy as np
import pytest

from transforms.estimators.point_estimate import PointEstimate
from transforms.estimators.rank_distributions import (
    rank_sum_distribution,
    sign_distribution,
    signed_rank_distribution,
)
from transforms.estimators.ranks import median, rank_sum, signed_rank

NONE = np.array([])


def test_without_a_pair_there_is_nothing() -> None:
    nothing = PointEstimate(reason="no pair")
    assert signed_rank(NONE) == median(NONE) == rank_sum(NONE, NONE) == nothing
    in_one = rank_sum(np.array([1.0]), NONE)
    assert in_one == rank_sum(NONE, np.array([1.0])) == PointEstimate(reason="no pair in an arm")


def test_one_pair_has_an_estimate_and_no_interval() -> None:
    expected = PointEstimate(0.3, p_value=1.0, reason="no interval: too few pairs for 95 % (n = 1)")
    assert signed_rank(np.array([0.3])) == median(np.array([0.3])) == expected
    apart = rank_sum(np.array([0.3]), np.array([0.1]))
    reason = "no interval: too few pairs for 95 % (n = 1 and 1)"
    assert apart == PointEstimate(0.3 - 0.1, p_value=1.0, reason=reason)


def test_six_pairs_are_the_fewest_with_an_exact_95_percent_interval() -> None:
    x = np.array([1.0, 2.0, 3.0, 4.0, 5.0, 6.0])
    whole_sample = PointEstimate(3.5, 1.0, 6.0, 1 - 2 / 64, 2 / 64)
    assert signed_rank(x) == median(x) == whole_sample
    assert signed_rank(x[:5]).conf_level is None
    assert signed_rank(x[:5]).p_value == 2 / 32
    assert median(x[:5]).conf_level is None


def test_three_against_four_has_no_exact_95_percent_interval_and_four_has() -> None:
    x, y = np.array([11.0, 12.0, 13.0, 14.0]), np.array([1.0, 2.5, 4.0, 8.0])
    assert rank_sum(x, y) == PointEstimate(9.25, 3.0, 13.0, 1 - 2 / 70, 2 / 70)
    fewer = rank_sum(x[:3], y)
    assert (fewer.conf_level, fewer.p_value) == (None, 2 / 35)
    assert fewer.reason == "no interval: too few pairs for 95 % (n = 3 and 4)"


def test_pairs_without_change_are_no_evidence_by_ranks() -> None:
    unchanged = np.zeros(8)
    assert signed_rank(unchanged) == PointEstimate(reason="every change is 0")
    assert median(unchanged) == PointEstimate(0.0, 0.0, 0.0, 1 - 2 / 256, None, "no test: every change is 0")
    assert rank_sum(unchanged, unchanged) == PointEstimate(
        0.0, reason="no interval and no test: every pair of an arm has the same change"
    )
    reasons = "no test: every change is 0; no interval: too few pairs for 95 % (n = 3)"
    assert median(unchanged[:3]).reason == reasons


def test_equal_changes_have_an_estimate_and_a_test_and_no_interval() -> None:
    """R gives the same P: wilcox.test(rep(.5, 8)) and wilcox.test(rep(.5, 8), rep(.25, 8))."""
    equal = np.full(8, 0.5)
    found = signed_rank(equal)
    assert (found.estimate, found.conf_low) == (0.5, None)
    assert found.p_value == pytest.approx(0.0059620785320937102, rel=1e-12)
    assert found.reason == "no interval: every pair has the same change"
    apart = rank_sum(equal, np.full(8, 0.25))
    assert (apart.estimate, apart.conf_low) == (0.25, None)
    assert apart.p_value == pytest.approx(0.00013758605716602911, rel=1e-12)
    assert apart.reason == "no interval: every pair of an arm has the same change"


def test_exact_distributions_count_every_outcome() -> None:
    """Partitions into distinct parts, partitions into few small parts, a row of Pascal's triangle."""
    assert np.diff(signed_rank_distribution(9).cumulative, prepend=0).tolist()[:9] == [
        1,
        1,
        1,
        2,
        2,
        3,
        4,
        5,
        6,
    ]
    assert np.diff(rank_sum_distribution(3, 4).cumulative, prepend=0).tolist() == [1, 1, 2, 3, 4, 4, 5]
    assert rank_sum_distribution(3, 4).total == 35
    assert np.diff(sign_distribution(6).cumulative, prepend=0).tolist() == [1, 6, 15, 20]
    assert signed_rank_distribution(49).total == 2**49
    assert rank_sum_distribution(49, 49).total == 25477612258980856902730428600


@pytest.mark.parametrize("n", [2_000, 20_000])
def test_signs_of_a_large_cohort_are_counted_exactly(n: int) -> None:
    """Half of all outcomes have fewer than half of an odd number; the 2.5 % point is near n/2 - sqrt(n)."""
    distribution = sign_distribution(n + 1)
    assert distribution.cumulative[-1] * 2 == distribution.total
    rank, level = distribution.interval_rank()
    assert rank == pytest.approx(n / 2 - 0.98 * n**0.5, abs=2)
    assert 0.95 <= level < 0.953
