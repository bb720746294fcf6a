"""Two look-alikes never count as two people, whatever the graph; and giving up only where one must."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import event, given, settings
from hypothesis import strategies as st

from kssgan.errors import TooFewPeople
from kssgan.grouping._look_alikes import LookAlikes
from kssgan.grouping._settle import settle
from kssgan.grouping.k_same import k_same_groups
from kssgan.grouping.mdav import mdav_groups
from kssgan.grouping.select import groups_within
from kssgan.types import Groups

Method = Callable[..., Groups]
METHODS: list[Method] = [
    mdav_groups,
    k_same_groups,
    lambda rows, k, **options: groups_within(rows, k, None, **options),
]


def random_pairs(rng: np.random.Generator, n: int, density: float) -> np.ndarray:
    pairs = np.argwhere(np.triu(rng.random((n, n)) < density, 1))
    flip = rng.random(len(pairs)) < 0.5
    pairs[flip] = pairs[flip][:, ::-1]
    return pairs


def check_promise(groups: Groups, pairs: np.ndarray, n: int, k: int) -> None:
    """Every word of the promise, from the arrays alone."""
    assert groups.labels.shape == groups.people.shape == (n,)
    assert sorted(set(groups.labels.tolist())) == list(range(groups.count))
    for a, b in pairs.tolist():
        if groups.labels[a] == groups.labels[b]:
            assert groups.people[a] == groups.people[b], "look-alikes count as two"
    for g in range(groups.count):
        members = groups.members(g).tolist()
        people = {int(groups.people[row]) for row in members}
        assert k <= len(people) <= 2 * k - 1
        for person in people:
            same = [row for row in members if groups.people[row] == person]
            assert person == same[0], "a person is named by its smallest row"
            # Nobody is merged for nothing: the rows of a person hang together by look-alike pairs.
            reached, edge = {same[0]}, {same[0]}
            while edge:
                edge = {
                    y
                    for a, b in pairs.tolist()
                    for x, y in ((a, b), (b, a))
                    if x in edge and y in same
                } - reached
                reached |= edge
            assert reached == set(same)
    assert len(set(zip(groups.labels.tolist(), groups.people.tolist(), strict=True))) == len(
        set(groups.people.tolist())
    ), "a person is in one group only"


def can_be_met(n: int, k: int, pairs: np.ndarray) -> bool:
    """Whether any partition of n rows has k connected parts in every block: all subsets, no cleverness."""
    near = [0] * n
    for a, b in pairs.tolist():
        near[a] |= 1 << b
        near[b] |= 1 << a

    def parts(bits: int) -> int:
        count = 0
        while bits:
            part = edge = bits & -bits
            while edge:
                row = (edge & -edge).bit_length() - 1
                edge &= edge - 1
                fresh = near[row] & bits & ~part
                part |= fresh
                edge |= fresh
            bits &= ~part
            count += 1
        return count

    good = [bits for bits in range(1 << n) if parts(bits) >= k]
    met = {0}
    for rest in range(1, 1 << n):
        lowest = rest & -rest
        if any(b & lowest and b & ~rest == 0 and rest ^ b in met for b in good):
            met.add(rest)
    return (1 << n) - 1 in met


@pytest.mark.parametrize("method", METHODS)
@given(
    n=st.integers(2, 60),
    k=st.integers(2, 6),
    density=st.sampled_from([0.0, 0.01, 0.03, 0.1, 0.2, 0.4, 0.7, 0.9, 1.0]),
    seed=st.integers(0, 2**32),
)
@settings(deadline=None, max_examples=80)
def test_promise_holds_for_any_graph(
    method: Method, n: int, k: int, density: float, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    rows = rng.standard_normal((n, 3)).astype(np.float32)
    pairs = random_pairs(rng, n, density)
    try:
        groups = method(rows, k, look_alikes=pairs)
    except TooFewPeople as refusal:
        error = refusal
    else:
        event("grouped")
        check_promise(groups, pairs, n, k)
        return
    event("refused")
    assert error.need == k
    assert 0 < error.have < k
    most = int(np.bincount(pairs.ravel(), minlength=n).max()) if len(pairs) else 0
    assert n < 2 * k * (most + 1), "the docstring says that this many are always enough"


@pytest.mark.parametrize("method", METHODS[:2])
@given(
    n=st.integers(2, 8),
    k=st.integers(2, 4),
    density=st.floats(0, 1),
    seed=st.integers(0, 2**32),
)
@settings(deadline=None, max_examples=100)
def test_refused_if_and_only_if_it_cannot_be_met(
    method: Method, n: int, k: int, density: float, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    rows = rng.standard_normal((n, 2))
    pairs = random_pairs(rng, n, density)
    if can_be_met(n, k, pairs):
        check_promise(method(rows, k, look_alikes=pairs), pairs, n, k)
    else:
        with pytest.raises(TooFewPeople):
            method(rows, k, look_alikes=pairs)


@pytest.mark.parametrize("method", METHODS)
@given(
    k=st.integers(2, 5),
    most=st.integers(1, 4),
    extra=st.integers(0, 9),
    seed=st.integers(0, 99),
)
@settings(deadline=None, max_examples=40)
def test_with_few_look_alikes_each_nobody_is_merged(
    method: Method, k: int, most: int, extra: int, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    n = 2 * k * (most + 1) + extra
    rows = rng.standard_normal((n, 3))
    degree = np.zeros(n, dtype=int)
    pairs = []
    # Nearest first: look-alikes are near each other, which is what makes them hard to part.
    every = np.argwhere(np.tri(n, k=-1))
    apart = np.linalg.norm(rows[every[:, 0]] - rows[every[:, 1]], axis=1)
    for a, b in every[np.argsort(apart)].tolist():
        if degree[a] < most and degree[b] < most:
            degree[[a, b]] += 1
            pairs.append((a, b))
    groups = method(rows, k, look_alikes=np.array(pairs))
    assert groups.people.tolist() == list(range(n))
    check_promise(groups, np.array(pairs), n, k)


@pytest.mark.parametrize("method", METHODS)
def test_near_twins_go_to_different_groups(method: Method) -> None:
    rng = np.random.default_rng(1)
    rows = np.repeat(rng.standard_normal((20, 6)), 2, axis=0) + 1e-3 * rng.standard_normal(
        (40, 6)
    )
    pairs = np.arange(40).reshape(20, 2)
    groups = method(rows, 4, look_alikes=pairs)
    assert (groups.labels[pairs[:, 0]] != groups.labels[pairs[:, 1]]).all()
    assert groups.people.tolist() == list(range(40))
    without = method(rows, 4)
    assert (without.labels[pairs[:, 0]] == without.labels[pairs[:, 1]]).mean() > 0.9


@pytest.mark.parametrize("method", METHODS)
def test_unavoidable_look_alikes_count_once_under_the_smaller_number(method: Method) -> None:
    rows = np.random.default_rng(2).standard_normal((6, 3))
    groups = method(rows, 5, look_alikes=[[4, 1]])
    assert groups.people.tolist() == [0, 1, 2, 3, 1, 5]
    assert groups.sizes == (5,)


def test_the_nearest_group_without_a_look_alike_is_chosen() -> None:
    # 6 looks like 0, in the group it is nearest to; the next nearest group is 2, 3.
    rows = np.array([[0.0], [0.2], [5.0], [5.2], [-90.0], [-90.2], [0.1]])
    groups = mdav_groups(rows, 2, look_alikes=[[6, 0], [6, 1]])
    assert groups.labels[6] == groups.labels[2] == groups.labels[3]
    assert groups.people.tolist() == list(range(7))


def test_a_group_that_grows_to_2k_people_is_split_without_parting_a_person() -> None:
    # 6 to 9 all join the first group; 9 looks like 0, and like 3 of the other group.
    rows = np.array([0.0, 0.1, 9.0, 500, 501, 502, 8.9, 9.1, 9.2, 0.2])[:, None]
    graph = LookAlikes.from_pairs(np.array([[9, 0], [9, 3]]), rows=10)
    groups = settle(rows, graph, 3, [[0, 1, 2], [3, 4, 5]], [6, 7, 8, 9], merge=False)
    assert groups is not None
    assert sorted(sorted(group) for group in groups) == [[0, 1, 6, 9], [2, 7, 8], [3, 4, 5]]


def test_a_leftover_who_looks_like_somebody_everywhere_costs_as_few_people_as_possible() -> (
    None
):
    # 8 looks like two of the nearer group and like one of the farther.
    rows = np.array([0.0, 1.0, 2.0, 3.0, 50.0, 51.0, 52.0, 53.0, 0.5])[:, None]
    graph = LookAlikes.from_pairs(np.array([[8, 0], [8, 1], [8, 4]]), rows=9)
    groups = settle(rows, graph, 3, [[0, 1, 2, 3], [4, 5, 6, 7]], [8], merge=False)
    assert groups == [[0, 1, 2, 3], [4, 5, 6, 7, 8]]


def test_groups_merge_where_nothing_else_helps() -> None:
    # 4 looks like both people of the near group; the far one adds the two who are needed.
    rows = np.array([0.0, 1.0, 50.0, 51.0, 0.5])[:, None]
    graph = LookAlikes.from_pairs(np.array([[4, 0], [4, 1], [4, 2], [4, 3], [0, 2]]), rows=5)
    assert settle(rows, graph, 2, [[0, 1], [2, 3]], [4], merge=False) is None
    assert settle(rows, graph, 2, [[0, 1], [2, 3]], [4], merge=True) is None
    graph = LookAlikes.from_pairs(np.array([[6, i] for i in range(5)]), rows=7)
    rows = np.array([0.0, 1.0, 50.0, 51.0, 52.0, 53.0, 0.5])[:, None]
    groups = settle(rows, graph, 3, [[0, 1, 2], [3, 4, 5]], [6], merge=True)
    assert groups is None  # together they are only {0..4, 6} and 5
    graph = LookAlikes.from_pairs(np.array([[6, 0], [6, 1], [6, 3], [6, 4]]), rows=7)
    groups = settle(rows, graph, 3, [[0, 1, 2], [3, 4, 5]], [6], merge=False)
    assert groups is None
    groups = settle(rows, graph, 3, [[0, 1, 2], [3, 4, 5]], [6], merge=True)
    assert groups is not None
    assert sorted(groups[0]) == list(range(7))


@pytest.mark.parametrize("method", METHODS)
def test_one_who_looks_like_everybody_cannot_be_hidden(method: Method) -> None:
    rows = np.random.default_rng(4).standard_normal((30, 3))
    with pytest.raises(TooFewPeople) as caught:
        method(rows, 2, look_alikes=[(7, other) for other in range(30) if other != 7])
    assert (caught.value.have, caught.value.need) == (1, 2)


@pytest.mark.parametrize("method", METHODS)
def test_repeated_and_turned_pairs_change_nothing(method: Method) -> None:
    rng = np.random.default_rng(5)
    rows = rng.standard_normal((50, 3))
    pairs = random_pairs(rng, 50, 0.1)
    once = method(rows, 3, look_alikes=pairs)
    again = method(rows, 3, look_alikes=np.concatenate([pairs[::-1, ::-1], pairs]))
    np.testing.assert_array_equal(once.labels, again.labels)
    np.testing.assert_array_equal(once.people, again.people)


@pytest.mark.parametrize("method", METHODS)
@given(
    n=st.integers(12, 60), density=st.sampled_from([0.02, 0.1, 0.4]), seed=st.integers(0, 999)
)
@settings(deadline=None, max_examples=40)
def test_order_of_rows_does_not_matter_with_look_alikes(
    method: Method, n: int, density: float, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    rows = rng.standard_normal((n, 3)).astype(np.float32)
    pairs = random_pairs(rng, n, density)
    turn = rng.permutation(n)
    place = np.argsort(turn)
    try:
        straight = method(rows, 3, look_alikes=pairs)
    except TooFewPeople:
        with pytest.raises(TooFewPeople):
            method(rows[turn], 3, look_alikes=place[pairs])
        return
    turned = method(rows[turn], 3, look_alikes=place[pairs])
    np.testing.assert_array_equal(turned.labels, straight.labels[turn])
    same_person = straight.people[turn][:, None] == straight.people[turn][None]
    np.testing.assert_array_equal(turned.people[:, None] == turned.people[None], same_person)


@pytest.mark.parametrize("method", METHODS)
def test_many_rows_with_many_near_look_alikes(method: Method) -> None:
    rng = np.random.default_rng(6)
    n, k = 1500, 5
    rows = (rng.integers(0, 60, n)[:, None] == np.arange(60)) + 0.2 * rng.standard_normal(
        (n, 60)
    )
    rows = rows.astype(np.float32)
    gram = rows @ rows.T
    length = np.diag(gram)
    distance = length[:, None] + length - 2 * gram
    distance[np.tril_indices(n)] = np.inf
    pairs = np.stack(np.unravel_index(np.argsort(distance, axis=None)[:n], (n, n)), axis=1)
    groups = method(rows, k, look_alikes=pairs)
    sizes = np.bincount(groups.labels)
    assert groups.people.tolist() == list(range(n))
    assert (groups.labels[pairs[:, 0]] != groups.labels[pairs[:, 1]]).all()
    assert k <= sizes.min()
    assert sizes.max() <= 2 * k - 1


@pytest.mark.parametrize("method", METHODS)
def test_who_looks_like_many_gets_a_group_before_there_is_no_place_left(method: Method) -> None:
    # One of 60 looks like the 50 nearest; if it waits, every group holds one of them.
    rng = np.random.default_rng(7)
    rows = rng.standard_normal((60, 3))
    near = np.argsort(((rows - rows[0]) ** 2).sum(axis=1))[1:51]
    pairs = np.stack([np.zeros(50, dtype=int), near], axis=1)
    groups = method(rows, 5, look_alikes=pairs)
    check_promise(groups, pairs, 60, 5)
    assert groups.people.tolist() == list(range(60))


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize(
    "pairs",
    [
        "10 03 12 25 43 36 54 56",
        "03 04 50 60 13 41 51 32 63 65",
        "30 04 21 24 62 53 36 45 56",
        "01 04 50 43 35 36 54",
    ],
)
def test_a_small_crowd_is_grouped_if_it_can_be(method: Method, pairs: str) -> None:
    # Filling groups from the nearest fails on these for some places of the seven; trying all does not.
    graph = np.array([[int(row) for row in pair] for pair in pairs.split()])
    assert can_be_met(7, 3, graph)
    for seed in range(15):
        rows = np.random.default_rng(seed).standard_normal((7, 2))
        check_promise(method(rows, 3, look_alikes=graph), graph, 7, 3)
