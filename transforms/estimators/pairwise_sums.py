"""The k-th smallest of all sums of two values, without making them all.

Belongs here: Walsh averages and pairwise differences in order, which the estimators of Hodges and Lehmann
(1963, Ann Math Stat 34:598-611) are. Does not belong here: which of them an interval takes.
"""

import struct
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from transforms.estimators.elementary import FloatArray

_MADE_UP_TO = 2**16


@dataclass(frozen=True, slots=True)
class PairwiseSums:
    """The sums rows[i] + columns[j] of every i and every j >= first[i].

    Attributes:
        rows: any order.
        columns: ascending.
        first: for each row, the place of the first column that it is added to.
    """

    rows: FloatArray
    columns: FloatArray
    first: NDArray[np.int64]

    @property
    def count(self) -> int:
        """How many sums there are."""
        return int(self.rows.size * self.columns.size - np.sum(self.first))

    def smallest(self, ranks: list[int], made_up_to: int = _MADE_UP_TO) -> list[float]:
        """Return the sums of these ranks in ascending order, from 1 to `count`.

        Up to `made_up_to` sums are made and sorted; of more, each is found by bisection. Both give the
        same bits.
        """
        if self.count > made_up_to:
            return [self._found(rank) for rank in ranks]
        sums = self.rows[:, None] + self.columns
        made = np.sort(sums[np.arange(self.columns.size) >= self.first[:, None]])
        return [float(made[rank - 1]) for rank in ranks]

    def median(self, made_up_to: int = _MADE_UP_TO) -> float:
        """Return the middle sum, or the mean of the two in the middle."""
        low, high = self.smallest([(self.count + 1) // 2, self.count // 2 + 1], made_up_to)
        return (low + high) / 2.0

    def _found(self, rank: int) -> float:
        """Return the smallest double that `rank` sums do not exceed, which is one of the sums."""
        least, most = self.first, np.full(self.rows.size, self.columns.size)
        low = _place(float(np.min(self.rows + self.columns[self.first])))
        high = _place(float(np.max(self.rows) + self.columns[-1]))
        while low < high:
            middle = (low + high) // 2
            reached = self._reached(_double(middle), least, most)
            if int(np.sum(reached - self.first)) >= rank:
                high, most = middle, reached
            else:
                low, least = middle + 1, reached
        return _double(low)

    def _reached(self, bound: float, least: NDArray[np.int64], most: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return for each row the first column with a sum above the bound, known to lie in [least, most].

        Compares the rounded sums themselves, as they never fall along a row.
        """
        for _ in range(int(np.max(most - least)).bit_length()):
            middle = (least + most) >> 1
            column = self.columns[np.minimum(middle, self.columns.size - 1)]
            is_within = (self.rows + column <= bound) & (least < most)
            least, most = np.where(is_within, middle + 1, least), np.where(is_within, most, middle)
        return least


def walsh_sums(ascending: FloatArray) -> PairwiseSums:
    """Return the sums of each value with itself and with every later one: twice the Walsh averages."""
    return PairwiseSums(ascending, ascending, np.arange(ascending.size))


def differences(x: FloatArray, y: FloatArray) -> PairwiseSums:
    """Return the differences of each value of x less each of y, both ascending."""
    return PairwiseSums(x, -y[::-1], np.zeros(x.size, dtype=np.int64))


def _place(x: float) -> int:
    """Return the place of a double among all doubles, counted from 0."""
    (bits,) = struct.unpack("<q", struct.pack("<d", abs(x)))
    return int(bits) if x >= 0.0 else -int(bits)


def _double(place: int) -> float:
    (magnitude,) = struct.unpack("<d", struct.pack("<q", abs(place)))
    return float(magnitude) if place >= 0 else -float(magnitude)
