"""Random numbers by name: every column of the simulation has a stream of its own.

A stream depends on the seed, the column's name and the block of participants alone. So a further column
changes no other, blocks can be made in any order, and a participant's values do not depend on how many
follow.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from seeds.studies.challenge.assumptions import Floats, Integers


@dataclass(frozen=True)
class Streams:
    """The streams of one block of participants."""

    seed: int
    block: int
    size: int

    def uniform(self, column: str) -> Floats:
        """One number in [0, 1) per participant; the same each time it is asked for."""
        name = f"{self.seed}/{column}/{self.block}".encode()
        key = int.from_bytes(hashlib.sha256(name).digest()[:16], "little")
        # NumPy promises the bits of Philox for good, and `random` is a fixed function of them.
        return np.random.Generator(np.random.Philox(key=key)).random(self.size)

    def exponential(self, column: str) -> Floats:
        """One draw from the unit exponential distribution per participant."""
        return -np.log1p(-self.uniform(column))

    def whole_number(self, column: str, low: int, high: int) -> Integers:
        """One whole number per participant, `low` to `high` inclusive, all alike likely."""
        return low + (self.uniform(column) * (high - low + 1)).astype(np.int64)

    def choice(self, column: str, shares: Mapping[str, float]) -> Integers:
        """One position in `shares` per participant, drawn with those probabilities."""
        return choose(self.uniform(column), shares)


def choose(uniform: Floats, shares: Mapping[str, float]) -> Integers:
    """Turn uniform numbers into positions in `shares`, whose values sum to one."""
    upper = np.cumsum(list(shares.values()))[:-1]
    return np.searchsorted(upper, uniform, side="right")
