"""Shared places are worth what breaking ties at random would give on average."""

from __future__ import annotations

from itertools import permutations

import numpy as np
import pytest

from kssgan.ranking import named_first, rank


@pytest.mark.parametrize("seed", range(5))
def test_credit_is_the_mean_over_all_orders_of_those_who_tie(seed: int) -> None:
    distances = np.random.default_rng(seed).integers(0, 3, 5).astype(np.float32)
    orders = [o for o in permutations(range(5)) if np.all(np.diff(distances[list(o)]) >= 0)]
    people = np.array([0, 3], np.int64)
    found = rank(distances, people)
    for first in range(1, 6):
        wanted = [np.mean([person in order[:first] for order in orders]) for person in people]
        assert found.credit(first) == pytest.approx(wanted)
    assert found.credit(np.arange(1, 6)).shape == (2, 5)
    assert found.credit(np.arange(1, 6))[:, 1] == pytest.approx(found.credit(2))
    farther = [
        np.mean([(4 - order.index(person)) / 4 for order in orders]) for person in people
    ]
    assert found.wins() == pytest.approx(farther)
    assert named_first(distances, people) == pytest.approx(
        np.mean([order[0] in people for order in orders])
    )
