"""What sets the k-Same methods apart, against closed forms and exhaustive counts."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kssgan.baselines import BASELINES, K_SAME, KSameEigen, KSameM, KSamePixel, KSameSelect
from kssgan.baselines._components import principal_components
from kssgan.baselines.furthest import furthest_groups
from kssgan.errors import TooFewPeople, UsageError
from kssgan.surrogate.shape import mean_in, shape_mean
from kssgan.testing.contract import contract_people


def _pairs(people):
    return [[(face.crop, face.landmarks) for face in own] for own in people]


def test_names_are_classes_and_each_says_what_it_promises() -> None:
    assert list(K_SAME) == [
        "k-same-pixel",
        "k-same-eigen",
        "k-same-select",
        "k-same-m",
        "k-same-furthest",
        "k-same-net",
    ]
    assert all(name == method.name for name, method in BASELINES.items())
    assert all(method.guarantee and method.fails for method in BASELINES.values())


def test_eigen_with_all_directions_is_pixel() -> None:
    people = contract_people()
    eigen, pixel = KSameEigen(energy=1.0).fit(people), KSamePixel()
    for size in (2, 3, 6):
        one, other = (
            m.draw(m.surrogate(people[:size]), {}, seed=0).astype(int) for m in (eigen, pixel)
        )
        assert np.abs(one - other).max() <= 1
    few = KSameEigen(energy=0.5).fit(people)
    assert len(few.eigenfaces_.axes) < len(eigen.eigenfaces_.axes) == len(people) - 1
    assert np.abs(few.draw(few.surrogate(people[:2]), {}, seed=0).astype(int) - one).max() > 5


def test_eigen_is_the_mean_of_coefficients() -> None:
    people = contract_people()
    eigen = KSameEigen(energy=0.8).fit(people)
    single = np.mean([eigen.surrogate([own]) for own in people[:3]], axis=0)
    assert np.allclose(single, eigen.surrogate(people[:3]), atol=1e-4)


def test_m_with_all_directions_is_the_shape_normalised_mean() -> None:
    people = contract_people()
    m = KSameM(energy=1.0).fit(people)
    for size in (2, 4):
        found = m.surrogate(people[:size])
        wanted = mean_in(_pairs(people[:size]), m.model_.warp)
        assert np.abs(m.model_.shapes.row(found.shape) - wanted.points.ravel()).max() < 1e-2
        row = m.model_.appearances.row(found.appearance)
        assert np.abs(row - wanted.image_01.ravel()).max() < 1 / 255
        # Rendered it was warped once more than the mean that is warped straight to the group's shape.
        drawn = m.draw(found, {}, seed=0).astype(float)
        straight = shape_mean(_pairs(people[:size])).image_01 * 255
        assert np.abs(drawn - straight)[16:-16, 16:-16].mean() < 1.5


def test_m_is_the_mean_of_parameters() -> None:
    people = contract_people()[:4]  # all with reliable landmarks
    m = KSameM(energy=0.9).fit(people)
    single = [m.surrogate([own]) for own in people[:3]]
    group = m.surrogate(people[:3])
    assert np.allclose(np.mean([s.shape for s in single], 0), group.shape, atol=1e-2)
    assert np.allclose(np.mean([s.appearance for s in single], 0), group.appearance, atol=1e-2)


def test_components_agree_with_a_singular_value_decomposition() -> None:
    rows = np.random.default_rng(0).normal(size=(7, 40)).astype(np.float32)
    found = principal_components(rows, energy=1.0)
    axes = np.linalg.svd(rows - rows.mean(0), full_matrices=False)[2][:6]
    assert np.allclose(np.abs(found.axes @ axes.T), np.eye(6), atol=1e-4)
    with pytest.raises(UsageError, match="energy"):
        principal_components(rows, energy=0)
    with pytest.raises(UsageError, match="at least two"):
        principal_components(rows[:1], energy=1)


@given(st.integers(2, 5), st.integers(0, 40), st.integers(0, 9))
@settings(max_examples=60, deadline=None)
def test_furthest_groups_have_k_to_2k_minus_1_people(k: int, more: int, seed: int) -> None:
    rows = np.random.default_rng(seed).normal(size=(k + more, 3))
    groups = furthest_groups(rows, k, seed=seed)
    assert set(map(int, np.bincount(groups.labels))) <= set(range(k, 2 * k))
    assert np.array_equal(groups.labels, furthest_groups(rows, k, seed=seed).labels)


def test_furthest_groups_are_less_alike_than_k_same() -> None:
    rows = np.random.default_rng(1).normal(size=(60, 8))
    near, far = KSamePixel().groups(rows, 5), furthest_groups(rows, 5)

    def spread(labels: np.ndarray) -> float:
        return sum(rows[labels == g].var(0).sum() for g in np.unique(labels))

    by_chance = np.mean(
        [spread(np.random.default_rng(s).permutation(60) % 12) for s in range(50)]
    )
    assert spread(near.labels) < by_chance < spread(far.labels)
    with pytest.raises(TooFewPeople):
        furthest_groups(rows[:2], 3)


def test_select_groups_inside_attributes() -> None:
    rows = np.random.default_rng(2).normal(size=(40, 4))
    gender = ["f", "m"] * 20
    age = ["young"] * 20 + ["old"] * 20
    groups = KSameSelect().groups(rows, 3, attributes={"gender": gender, "age": age})
    for group in range(groups.count):
        assert len({(gender[i], age[i]) for i in groups.members(group)}) == 1
    with pytest.raises(UsageError, match="age"):
        KSameSelect().groups(rows, 3, attributes={"gender": gender})


def test_methods_that_learn_say_so() -> None:
    for method in (KSameEigen(), KSameM()):
        with pytest.raises(UsageError, match="fit"):
            method.surrogate(contract_people())
