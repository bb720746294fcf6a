"""MDAV against a plain reading of the paper, a brute-force optimum, and its own claims."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kssgan.errors import TooFewPeople, UsageError
from kssgan.grouping.k_same import k_same_groups
from kssgan.grouping.loss import information_loss
from kssgan.grouping.mdav import mdav_groups
from kssgan.types import Groups


def partition(groups: Groups) -> set[frozenset[int]]:
    return {frozenset(groups.members(g).tolist()) for g in range(groups.count)}


def plain_mdav(rows: np.ndarray, k: int) -> set[frozenset[int]]:
    """The paper's text, one distance table at a time, in float64."""
    x = rows.astype(np.float64)
    rest = list(range(len(x)))
    groups: list[list[int]] = []

    def group_around(row: int) -> None:
        distance = ((x[rest] - x[row]) ** 2).sum(axis=1)
        near = [rest[i] for i in np.argsort(distance, kind="stable")[:k]]
        for member in near:
            rest.remove(member)
        groups.append(near)

    def farthest(point: np.ndarray) -> int:
        return rest[int(((x[rest] - point) ** 2).sum(axis=1).argmax())]

    while len(rest) >= 3 * k:
        r = farthest(x[rest].mean(axis=0))
        s = farthest(x[r])
        group_around(r)
        group_around(s)
    if len(rest) >= 2 * k:
        group_around(farthest(x[rest].mean(axis=0)))
    groups.append(rest)
    return {frozenset(group) for group in groups}


def partitions(rows: list[int], k: int) -> Iterator[list[list[int]]]:
    """Every partition into blocks of at least k."""
    if not rows:
        yield []
        return
    first, others = rows[0], rows[1:]
    for bits in range(1 << len(others)):
        block = [first] + [row for i, row in enumerate(others) if bits >> i & 1]
        if len(block) >= k:
            rest = [row for i, row in enumerate(others) if not bits >> i & 1]
            if not rest or len(rest) >= k:
                for more in partitions(rest, k):
                    yield [block, *more]


def scatter_within(
    rows: np.ndarray, blocks: list[list[int]], known: dict[tuple[int, ...], float]
) -> float:
    """Sum of squares within blocks; ``known`` keeps those of blocks already met."""
    total = 0.0
    for block in map(tuple, blocks):
        if block not in known:
            inside = rows[list(block)]
            known[block] = float(((inside - inside.mean(axis=0)) ** 2).sum())
        total += known[block]
    return total


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(
    ("n", "d", "k"),
    [(5, 1, 5), (9, 2, 2), (14, 3, 5), (29, 1, 3), (200, 128, 5), (701, 7, 4), (1500, 20, 9)],
)
def test_equals_a_plain_reading_of_the_paper(n: int, d: int, k: int, dtype: type) -> None:
    rows = np.random.default_rng(n + k).standard_normal((n, d)).astype(dtype)
    assert partition(mdav_groups(rows, k)) == plain_mdav(rows, k)


def test_equals_the_plain_reading_far_from_the_origin_where_float32_products_are_useless() -> (
    None
):
    rows = np.random.default_rng(3).standard_normal((400, 6)) + 1e6
    assert partition(mdav_groups(rows, 3)) == plain_mdav(rows, 3)


def test_equals_the_plain_reading_where_float32_cannot_tell_neighbours_apart() -> None:
    # Distances inside a cluster are a thousandth of what a float32 product can resolve.
    rng = np.random.default_rng(7)
    rows = np.repeat(rng.standard_normal((40, 30)), 24, axis=0)
    rows += 1e-6 * rng.standard_normal(rows.shape)
    assert partition(mdav_groups(rows, 4)) == plain_mdav(rows, 4)


@pytest.mark.parametrize("power", [-1000, -60, 90, 1000])
def test_scale_does_not_matter(power: int) -> None:
    rows = np.random.default_rng(4).standard_normal((60, 5))
    expected = mdav_groups(rows, 4).labels
    np.testing.assert_array_equal(mdav_groups(np.ldexp(rows, power), 4).labels, expected)


@given(
    n=st.integers(2, 90), k=st.integers(2, 9), d=st.integers(1, 6), seed=st.integers(0, 2**32)
)
@settings(deadline=None, max_examples=100)
def test_sizes_are_k_to_2k_minus_1(n: int, k: int, d: int, seed: int) -> None:
    # Small integers make many exact ties and equal rows.
    rows = np.random.default_rng(seed).integers(0, 3, (n, d)).astype(np.float32)
    for method in (mdav_groups, k_same_groups):
        if n < k:
            with pytest.raises(TooFewPeople) as caught:
                method(rows, k)
            assert (caught.value.have, caught.value.need) == (n, k)
            continue
        groups = method(rows, k)
        sizes = np.bincount(groups.labels)
        assert k <= sizes.min()
        assert sizes.max() <= 2 * k - 1
        assert sizes.sum() == n
        assert groups.people.tolist() == list(range(n))
        assert groups.k == k
        assert len(sizes) == (n // k)  # no group is larger than it must be


@given(
    n=st.integers(4, 120), d=st.integers(1, 8), k=st.integers(2, 6), seed=st.integers(0, 2**32)
)
@settings(deadline=None, max_examples=50)
def test_order_of_rows_does_not_matter(n: int, d: int, k: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    rows = rng.standard_normal((max(n, k), d)).astype(np.float32)
    turn = rng.permutation(len(rows))
    for method in (mdav_groups, k_same_groups):
        labels = method(rows, k).labels
        np.testing.assert_array_equal(method(rows[turn], k).labels, labels[turn])


def test_order_of_rows_does_not_matter_in_a_large_set() -> None:
    # Large enough for surveys, copies and rounding in sums to differ if they depended on the order.
    rng = np.random.default_rng(8)
    rows = rng.standard_normal((3000, 16)).astype(np.float32)
    turn = rng.permutation(len(rows))
    labels = mdav_groups(rows, 5).labels
    np.testing.assert_array_equal(mdav_groups(rows[turn], 5).labels, labels[turn])


def test_of_two_equally_near_the_smaller_in_value_joins() -> None:
    rows = np.array([[20.0, 0.0], [9.0, 1.0], [9.0, -1.0], [8.0, 0.0]])
    assert partition(mdav_groups(rows, 2)) == {frozenset((0, 2)), frozenset((1, 3))}
    assert partition(mdav_groups(rows[::-1], 2)) == {frozenset((3, 1)), frozenset((2, 0))}


def test_ties_are_decided_by_values_so_only_equal_rows_may_swap() -> None:
    rng = np.random.default_rng(9)
    rows = rng.integers(0, 3, (80, 3)).astype(np.float32)  # 27 different rows
    turn = rng.permutation(len(rows))

    def contents(table: np.ndarray) -> list[list[tuple[float, ...]]]:
        groups = mdav_groups(table, 4)
        return [sorted(map(tuple, table[groups.members(g)])) for g in range(groups.count)]

    assert contents(rows[turn]) == contents(rows)


@pytest.mark.parametrize("rows", [np.eye(150, dtype=np.float32), np.ones((150, 3))])
def test_ends_when_all_distances_are_equal(rows: np.ndarray) -> None:
    assert np.bincount(mdav_groups(rows, 5).labels).tolist() == [5] * 30


def test_clear_clusters_are_found() -> None:
    rng = np.random.default_rng(5)
    corners = rng.standard_normal((20, 10)) * 100
    truth = np.repeat(np.arange(20), 5)
    turn = rng.permutation(100)
    rows = (corners[truth] + rng.standard_normal((100, 10)))[turn]
    expected = {frozenset(np.flatnonzero(truth[turn] == c).tolist()) for c in range(20)}
    assert partition(mdav_groups(rows, 5)) == expected
    assert partition(k_same_groups(rows, 5, seed=3)) == expected


@pytest.mark.parametrize(("n", "k"), [(4, 2), (7, 2), (8, 2), (7, 3), (9, 3), (10, 3), (10, 4)])
def test_never_better_and_rarely_much_worse_than_the_optimum(n: int, k: int) -> None:
    every = list(partitions(list(range(n)), k))
    ratios = []
    for seed in range(10):
        rows = np.random.default_rng([n, k, seed]).standard_normal((n, 2))
        known: dict[tuple[int, ...], float] = {}
        optimum = min(scatter_within(rows, blocks, known) for blocks in every)
        for groups in (mdav_groups(rows, k), k_same_groups(rows, k, seed=seed)):
            blocks = [groups.members(g).tolist() for g in range(groups.count)]
            ratios.append(scatter_within(rows, blocks, known) / optimum)
            assert ratios[-1] >= 1 - 1e-9
        assert ratios[-2] <= 3.0  # MDAV; the worst of these 70 is 2.3
    assert np.median(ratios[::2]) <= 1.35


def test_loses_less_than_k_same_and_far_less_than_chance_on_scattered_people() -> None:
    rng = np.random.default_rng(6)
    rows = rng.standard_normal((1000, 4)).astype(np.float32)
    mdav = mdav_groups(rows, 5)
    k_same = np.mean([information_loss(rows, k_same_groups(rows, 5, seed=s)) for s in range(3)])
    chance = information_loss(rows, Groups(rng.permutation(mdav.labels), mdav.people, k=5))
    assert information_loss(rows, mdav) < 0.9 * k_same < 0.5 * chance


@pytest.mark.parametrize("method", [mdav_groups, k_same_groups])
@pytest.mark.parametrize(
    ("rows", "k", "pairs"),
    [
        (np.zeros(5), 2, None),
        (np.zeros((5, 2, 2)), 2, None),
        (np.zeros((5, 0)), 2, None),
        (np.zeros((5, 2), dtype=complex), 2, None),
        (np.full((5, 2), "a"), 2, None),
        (np.array([[0.0], [np.nan], [1.0]]), 2, None),
        (np.array([[0.0], [np.inf], [1.0]]), 2, None),
        (np.zeros((5, 2)), 1, None),
        (np.zeros((5, 2)), 0, None),
        (np.zeros((5, 2)), -3, None),
        (np.zeros((5, 2)), 2.0, None),
        (np.zeros((5, 2)), True, None),
        (np.zeros((5, 2)), "2", None),
        (np.zeros((5, 2)), 2, [[0, 5]]),
        (np.zeros((5, 2)), 2, [[-1, 2]]),
        (np.zeros((5, 2)), 2, [[3, 3]]),
        (np.zeros((5, 2)), 2, [0, 1]),
        (np.zeros((5, 2)), 2, [[0.0, 1.0]]),
        (np.zeros((5, 2)), 2, [[0, 1, 2]]),
    ],
)
def test_unusable_input_is_refused(
    method: object, rows: np.ndarray, k: int, pairs: object
) -> None:
    with pytest.raises(UsageError):
        method(rows, k, look_alikes=pairs)  # type: ignore[operator]


def test_no_rows_at_all_are_too_few_people() -> None:
    with pytest.raises(TooFewPeople) as caught:
        mdav_groups(np.empty((0, 128), dtype=np.float32), 5)
    assert (caught.value.have, caught.value.need) == (0, 5)
