"""Exact distributions, under no effect, of the statistics of rank tests: counted in whole numbers.

Belongs here: how many of all equally likely outcomes (signs, allocations to arms) give a statistic, the
p-value and the rank of an exact interval's ends. Does not belong here: the statistics themselves.
"""

from dataclasses import dataclass
from functools import lru_cache
from itertools import accumulate


@dataclass(frozen=True, slots=True)
class NullDistribution:
    """A whole-number statistic from 0 to `largest`, symmetric about the middle.

    Attributes:
        cumulative: the number of outcomes with a statistic of at most 0, 1, ... largest // 2.
        total: the number of all outcomes.
        largest: the largest value.
    """

    cumulative: tuple[int, ...]
    total: int
    largest: int

    def two_sided_p(self, statistic: int) -> float:
        """Return twice the probability of the smaller tail that begins with the statistic, at most 1."""
        tail = self.cumulative[min(statistic, self.largest - statistic)]
        return min(1.0, 2 * tail / self.total)

    def interval_rank(self) -> tuple[int, float]:
        """Return which of the ordered estimates, from either end, an interval of at least 95 % ends at.

        The rank (counted from 1) is the 2.5 % point of the statistic. With it comes the level that the
        interval has. The rank is 0, and there is no interval, when the lowest value alone has 2.5 %.
        """
        rank = next(k for k, count in enumerate(self.cumulative) if 40 * count >= self.total)
        beyond = self.cumulative[rank - 1] if rank else 0
        return rank, (self.total - 2 * beyond) / self.total


@lru_cache(maxsize=64)
def signed_rank_distribution(n: int) -> NullDistribution:
    """Return the distribution of the sum of the positive ranks of n differences, each sign equally likely.

    The coefficients of (1 + q)(1 + q**2) ... (1 + q**n).
    """
    largest = n * (n + 1) // 2
    counts = [1] + [0] * (largest // 2)
    for rank in range(1, n + 1):
        for value in range(len(counts) - 1, rank - 1, -1):
            counts[value] += counts[value - rank]
    return NullDistribution(tuple(accumulate(counts)), 2**n, largest)


@lru_cache(maxsize=256)
def rank_sum_distribution(fewer: int, more: int) -> NullDistribution:
    """Return the distribution of the Mann-Whitney statistic of two samples, each allocation equally likely.

    The coefficients of Gauss's binomial, the product over i = 1 .. fewer of (1 - q**(more+i)) / (1 - q**i).
    """
    largest = fewer * more
    counts = [1] + [0] * (largest // 2)
    total = 1
    for i in range(1, fewer + 1):
        for value in range(len(counts) - 1, more + i - 1, -1):
            counts[value] -= counts[value - more - i]
        for value in range(i, len(counts)):
            counts[value] += counts[value - i]
        total = total * (more + i) // i
    return NullDistribution(tuple(accumulate(counts)), total, largest)


def sign_distribution(n: int) -> NullDistribution:
    """Return the distribution of the number of positive differences out of n, each sign equally likely."""
    counts = [1]
    for k in range(n // 2):
        counts.append(counts[-1] * (n - k) // (k + 1))
    return NullDistribution(tuple(accumulate(counts)), 2**n, n)
