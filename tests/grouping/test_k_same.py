"""Newton's k-Same against a plain reading of the paper."""

from __future__ import annotations

import numpy as np
import pytest

from kssgan.grouping.k_same import k_same_groups
from kssgan.types import Groups


def partition(groups: Groups) -> set[frozenset[int]]:
    return {frozenset(groups.members(g).tolist()) for g in range(groups.count)}


def plain_k_same(rows: np.ndarray, k: int, seeds: list[int]) -> set[frozenset[int]]:
    x = rows.astype(np.float64)
    rest = list(range(len(x)))
    groups = []
    for seed in seeds:
        if seed in rest and len(rest) >= 2 * k:
            order = np.argsort(((x[rest] - x[seed]) ** 2).sum(axis=1))
            near = [rest[i] for i in order[:k]]
            rest = [row for row in rest if row not in near]
            groups.append(near)
    groups.append(rest)
    return {frozenset(group) for group in groups}


@pytest.mark.parametrize(("n", "d", "k"), [(5, 1, 5), (9, 2, 2), (29, 3, 5), (800, 30, 6)])
@pytest.mark.parametrize("seed", [0, 1, 7])
def test_equals_a_plain_reading_of_the_paper(n: int, d: int, k: int, seed: int) -> None:
    rows = np.random.default_rng(n).standard_normal((n, d)).astype(np.float32)
    by_value = np.lexsort(rows.T[::-1])
    seeds = by_value[np.random.default_rng(seed).permutation(n)].tolist()
    groups = k_same_groups(rows, k, seed=seed)
    assert partition(groups) == plain_k_same(rows, k, seeds)
    # Groups are numbered as they were made: the first holds the first seed.
    assert groups.labels[seeds[0]] == 0


def test_same_seed_same_groups_and_another_seed_others() -> None:
    rows = np.random.default_rng(1).standard_normal((100, 8))
    first = k_same_groups(rows, 5, seed=1)
    np.testing.assert_array_equal(first.labels, k_same_groups(rows, 5, seed=1).labels)
    assert partition(first) != partition(k_same_groups(rows, 5, seed=2))


def test_every_subject_may_be_the_first_seed() -> None:
    # On a line of pairs far apart the first group is the pair of the seed.
    rows = np.repeat(np.arange(10.0), 2)[:, None] + np.tile([0, 0.1], 10)[:, None]
    pairs = [frozenset(k_same_groups(rows, 2, seed=s).members(0).tolist()) for s in range(200)]
    assert set(pairs) == {frozenset((2 * i, 2 * i + 1)) for i in range(10)}
    assert max(pairs.count(pair) for pair in pairs) < 45  # 20 each if all are as likely


def test_embeddings_are_not_changed() -> None:
    rows = np.random.default_rng(1).standard_normal((50, 8)).astype(np.float32)
    before = rows.copy()
    k_same_groups(rows, 5)
    np.testing.assert_array_equal(rows, before)
