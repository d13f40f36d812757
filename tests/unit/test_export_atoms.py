"""A count of participants is published only if no small one follows from it and what was published before."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from orchestration.privacy.atoms import SMALLEST_COUNT, Atoms


def test_a_small_group_and_what_is_left_beside_it_are_both_kept_back() -> None:
    atoms = Atoms(30)
    assert not atoms.publish(np.repeat([0, 1], [25, 5]))
    assert not atoms.publish(np.repeat([0, 1], [5, 25]))
    assert atoms.publish(np.repeat([0, 1], [19, 11]))


def test_zero_and_everybody_may_always_be_known_of_a_group_that_may() -> None:
    assert Atoms(11).publish(np.zeros(11, dtype=np.int64))
    assert Atoms(11).publish(np.ones(11, dtype=np.int64))
    assert not Atoms(10).publish(np.zeros(10, dtype=np.int64))
    assert Atoms(0).publish(np.zeros(0, dtype=np.int64))


def test_a_difference_between_two_counts_of_11_or_more_is_a_count_too() -> None:
    """40 with an event of one endpoint, 35 of them with that of a narrower one: 5 differ."""
    atoms = Atoms(100)
    assert atoms.publish((np.arange(100) < 40).astype(np.int64))
    assert not atoms.publish((np.arange(100) < 35).astype(np.int64))
    assert atoms.publish((np.arange(100) < 29).astype(np.int64))


def test_what_is_refused_costs_nothing() -> None:
    atoms = Atoms(40)
    assert not atoms.publish((np.arange(40) < 3).astype(np.int64))
    assert atoms.publish((np.arange(40) % 2).astype(np.int64))


@given(st.integers(0, 2**32 - 1), st.integers(0, 200), st.integers(1, 40))
def test_no_atom_is_ever_small(seed: int, n: int, n_counts: int) -> None:
    rng, atoms = np.random.default_rng(seed), Atoms(n)
    published = [np.zeros(n, dtype=np.int64)] if atoms.publish(np.zeros(n, dtype=np.int64)) else []
    for _ in range(n_counts):
        classes = (rng.random(n) < rng.random()).astype(np.int64) + 2 * (rng.random(n) < 0.1)
        if published and atoms.publish(classes):
            published.append(classes)
    if published and n:
        _, sizes = np.unique(np.stack(published), axis=1, return_counts=True)
        assert sizes.min() >= SMALLEST_COUNT
