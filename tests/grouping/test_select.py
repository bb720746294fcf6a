"""k-Same-Select: equal attributes inside a group, and parts that are too small."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kssgan.errors import TooFewPeople, UsageError
from kssgan.grouping.k_same import k_same_groups
from kssgan.grouping.mdav import mdav_groups
from kssgan.grouping.select import groups_within
from kssgan.types import Groups


def attributes_by_group(
    groups: Groups, attributes: list[tuple[str, ...]]
) -> list[set[tuple[str, ...]]]:
    return [{attributes[i] for i in groups.members(g)} for g in range(groups.count)]


@given(
    n=st.integers(5, 80),
    k=st.integers(2, 5),
    values=st.integers(1, 4),
    method=st.sampled_from(["mdav", "k-same"]),
    seed=st.integers(0, 2**32),
)
@settings(deadline=None, max_examples=100)
def test_groups_stay_inside_parts_that_are_large_enough(
    n: int, k: int, values: int, method: str, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    rows = rng.standard_normal((n, 3))
    attributes = [("f" if v % 2 else "m", str(v // 2)) for v in rng.integers(0, values, n)]
    groups = groups_within(rows, k, attributes, method=method, seed=seed)  # type: ignore[arg-type]
    sizes = np.bincount(groups.labels)
    assert k <= sizes.min()
    assert sizes.max() <= 2 * k - 1
    assert sizes.sum() == n
    if min(attributes.count(a) for a in set(attributes)) >= k:
        assert all(len(found) == 1 for found in attributes_by_group(groups, attributes))
    turn = rng.permutation(n)
    turned = groups_within(
        rows[turn],
        k,
        [attributes[i] for i in turn],
        method=method,
        seed=seed,  # type: ignore[arg-type]
    )
    np.testing.assert_array_equal(turned.labels, groups.labels[turn])


def test_each_part_is_grouped_as_if_alone() -> None:
    rng = np.random.default_rng(1)
    rows = rng.standard_normal((60, 4))
    sexes = [("f",) if i % 3 else ("m",) for i in range(60)]
    groups = groups_within(rows, 4, sexes)
    women = np.array([i for i in range(60) if i % 3])
    men = np.array([i for i in range(60) if not i % 3])
    alone = mdav_groups(rows[women], 4)
    np.testing.assert_array_equal(groups.labels[women], alone.labels)
    np.testing.assert_array_equal(
        groups.labels[men] - alone.count, mdav_groups(rows[men], 4).labels
    )


def test_without_attributes_it_is_the_method_itself() -> None:
    rows = np.random.default_rng(2).standard_normal((40, 4))
    pairs = [[0, 1], [2, 3]]
    for attributes in (None, [()] * 40, [("x",)] * 40):
        found = groups_within(rows, 3, attributes, look_alikes=pairs)
        np.testing.assert_array_equal(
            found.labels, mdav_groups(rows, 3, look_alikes=pairs).labels
        )
        found = groups_within(rows, 3, attributes, method="k-same", seed=9)
        np.testing.assert_array_equal(found.labels, k_same_groups(rows, 3, seed=9).labels)


def test_a_small_part_joins_the_part_with_most_leading_attributes_even_if_another_is_nearer() -> (
    None
):
    rows = np.array([0.0, 0.1, 0.2, 50.0, 50.1, 50.2, 0.3, 0.4])[:, None]
    attributes = [("m", "30")] * 3 + [("f", "60")] * 3 + [("f", "30")] * 2
    groups = groups_within(rows, 3, attributes)
    assert groups.members(groups.labels[6]).tolist() == [3, 4, 5, 6, 7]


def test_of_equally_alike_parts_the_nearest_mean_is_joined() -> None:
    rows = np.array([0.0, 0.1, 9.0, 9.1, 8.0])[:, None]
    attributes = [("f", "20")] * 2 + [("f", "30")] * 2 + [("f", "40")]
    groups = groups_within(rows, 2, attributes)
    assert groups.labels.tolist() == [1, 1, 0, 0, 0]  # the joined part ("f",) sorts first


def test_the_smallest_part_joins_first() -> None:
    # "m 50" (one) joins "m 40" (two): together they are enough, and "f" is left alone.
    rows = np.array([0.0, 0.1, 0.2, 5.0, 5.1, 0.3])[:, None]
    attributes = [("f", "20")] * 3 + [("m", "40")] * 2 + [("m", "50")]
    groups = groups_within(rows, 3, attributes)
    assert groups.labels.tolist() == [0, 0, 0, 1, 1, 1]


def test_of_two_small_parts_the_smaller_joins_first() -> None:
    # Were it "a" it would join "c", which is nearer to it than "b", and then "b" would have to follow.
    rows = np.array([0.0, 10.0, 1.0, 8.6, 8.7, 8.8, 8.9, 9.0])[:, None]
    attributes = [("m", a) for a in "aabccccc"]
    groups = groups_within(rows, 3, attributes)
    assert groups.labels.tolist() == [0, 0, 0, 1, 1, 1, 1, 1]


def test_joined_parts_do_not_swallow_others_with_the_same_beginning() -> None:
    # Two joinings leave two different parts whose common attribute is "f".
    rows = np.array([0.0, 0.1, 9.0, 9.1, 0.2, 9.2])[:, None]
    attributes = [("f", a) for a in "aabbcd"]
    groups = groups_within(rows, 3, attributes)
    assert groups.labels.tolist() in ([0, 0, 1, 1, 0, 1], [1, 1, 0, 0, 1, 0])


def test_people_who_all_look_alike_are_a_small_part() -> None:
    rows = np.random.default_rng(3).standard_normal((10, 2))
    attributes = [("f", "20")] * 5 + [("f", "30")] * 5
    pairs = [(a, b) for a in range(5) for b in range(a)]
    groups = groups_within(rows, 2, attributes, look_alikes=pairs)
    for g in range(groups.count):
        members = groups.members(g)
        assert len(set(groups.people[members].tolist())) >= 2
    assert any(len(found) == 2 for found in attributes_by_group(groups, attributes))
    for a, b in pairs:
        if groups.labels[a] == groups.labels[b]:
            assert groups.people[a] == groups.people[b]


def test_person_numbers_are_rows_of_the_whole_input() -> None:
    rows = np.arange(8.0)[:, None]
    attributes = [("m",), ("f",)] * 4
    groups = groups_within(rows, 3, attributes, look_alikes=[[7, 3]])
    assert groups.people.tolist() == [0, 1, 2, 3, 4, 5, 6, 3]


def test_too_few_people_in_all() -> None:
    with pytest.raises(TooFewPeople):
        groups_within(np.zeros((3, 2)), 4, [("f",)] * 3)
    everyone = [(a, b) for a in range(6) for b in range(a)]
    with pytest.raises(TooFewPeople) as caught:
        groups_within(np.eye(6), 2, [("f",), ("m",)] * 3, look_alikes=everyone)
    assert (caught.value.have, caught.value.need) == (1, 2)


@pytest.mark.parametrize(
    "options",
    [
        {"attributes": [("f",)] * 4},
        {"attributes": [("f",), ("f", "20"), ("f",), ("f",), ("f",)]},
        {"attributes": None, "method": "nearest"},
    ],
)
def test_unusable_input_is_refused(options: dict[str, object]) -> None:
    with pytest.raises(UsageError):
        groups_within(np.eye(5), 2, **options)  # type: ignore[arg-type]
