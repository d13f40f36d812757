"""Random numbers by name: every column of a simulation has a stream of its own.

A stream depends on the seed, the column's name and the block of participants alone. So a further column
changes no other, blocks can be made in any order, and a participant's values do not depend on how many
follow.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from seeds.studies.arrays import Floats, Integers

# As many as give the sum of uniform numbers a variance of one.
_SUMMANDS = 12


@dataclass(frozen=True)
class Streams:
    """The streams of one block of participants."""

    seed: int
    block: int
    size: int

    def uniform(self, column: str) -> Floats:
        """One number in [0, 1) per participant; the same each time it is asked for."""
        return self._generator(column).random(self.size)

    def exponential(self, column: str) -> Floats:
        """One draw from the unit exponential distribution per participant."""
        return -np.log1p(-self.uniform(column))

    def normal(self, column: str) -> Floats:
        """One draw per participant from nearly the standard normal distribution; none is beyond 6.

        The sum of twelve uniform numbers, less six: unlike the normal distribution's quantiles it has the
        same bits on every machine.
        """
        uniform = self._generator(column).random((self.size, _SUMMANDS))
        total = np.zeros(self.size)
        for place in range(_SUMMANDS):
            total += uniform[:, place]
        return total - _SUMMANDS / 2

    def whole_number(self, column: str, low: int, high: int) -> Integers:
        """One whole number per participant, `low` to `high` inclusive, all alike likely."""
        return low + (self.uniform(column) * (high - low + 1)).astype(np.int64)

    def choice(self, column: str, shares: Mapping[str, float]) -> Integers:
        """One position in `shares` per participant, drawn with those probabilities."""
        return choose(self.uniform(column), shares)

    def _generator(self, column: str) -> np.random.Generator:
        name = f"{self.seed}/{column}/{self.block}".encode()
        key = int.from_bytes(hashlib.sha256(name).digest()[:16], "little")
        # NumPy promises the bits of Philox for good, and `random` is a fixed function of them.
        return np.random.Generator(np.random.Philox(key=key))


def choose(uniform: Floats, shares: Mapping[str, float]) -> Integers:
    """Turn uniform numbers into positions in `shares`, whose values sum to one."""
    upper = np.cumsum(list(shares.values()))[:-1]
    return np.searchsorted(upper, uniform, side="right")
