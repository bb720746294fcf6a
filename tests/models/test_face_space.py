"""Features of people who do not exist."""

from __future__ import annotations

import numpy as np
import pytest

from kssgan.models.face_space import FaceSpace

RNG = np.random.default_rng(0)


def space() -> FaceSpace:
    """Two directions of pictures and one of shapes; women differ three times as much as anybody."""
    pictures = RNG.normal(size=(2, 8, 8, 3)).astype(np.float32)
    shapes = RNG.normal(size=(1, 468, 2)).astype(np.float32)
    factor = np.array([[2, 0, 0], [1, 1, 0], [0, 1, 3]], np.float32)
    points = RNG.random((468, 2)).astype(np.float32) * 256
    return FaceSpace(points, pictures, shapes, {"": factor, "female": 3 * factor})


def test_a_seed_is_a_person() -> None:
    faces = space()
    one, again, other = (faces.draw("", seed) for seed in (1, 1, 2))
    assert one
    assert again
    assert other
    np.testing.assert_array_equal(one.ratio, again.ratio)
    np.testing.assert_array_equal(one.moved, again.moved)
    assert np.abs(one.ratio - other.ratio).max() > 0.1
    assert one.ratio.shape == (8, 8, 3)
    assert one.moved.shape == (468, 2)
    assert one.ratio.dtype == one.moved.dtype == np.float32


def test_strengths_scale_and_unknown_genders_are_anybody() -> None:
    faces = space()
    whole, half = faces.draw("", 3), faces.draw("unheard of", 3, texture=0.5, shape=0.25)
    assert whole
    assert half
    np.testing.assert_allclose(half.ratio, whole.ratio / 2, atol=1e-6)
    np.testing.assert_allclose(half.moved, whole.moved / 4, atol=1e-6)
    women = faces.draw("female", 3)
    assert women
    np.testing.assert_allclose(women.ratio, 3 * whole.ratio, rtol=1e-5, atol=1e-5)
    assert FaceSpace(faces.points, faces.pictures, faces.shapes, {}).draw("", 3) is None


def test_faces_go_together_as_people_do() -> None:
    """The covariance of what is drawn is that of the factor, a little less for the limit."""
    faces = space()
    flat = np.concatenate([faces.pictures.reshape(2, -1), np.zeros((1, 8 * 8 * 3))])
    back = np.linalg.pinv(flat[:2].T)
    drawn = []
    for seed in range(1500):
        features = faces.draw("", seed)
        assert features
        along = float((features.moved * faces.shapes[0]).sum() / (faces.shapes[0] ** 2).sum())
        drawn.append([*(back @ features.ratio.ravel()), along])
    factor = faces.spread[""].astype(np.float64)
    found, wanted = np.cov(np.array(drawn).T), factor @ factor.T
    np.testing.assert_allclose(found, 0.92 * wanted, atol=0.12 * wanted.max())


@pytest.mark.parametrize("limit", [2.0])
def test_nobody_is_very_far_from_the_mean(limit: float) -> None:
    faces = space()
    most = (np.abs(faces.spread[""]) * limit).sum(1)
    for seed in range(200):
        features = faces.draw("", seed)
        assert features
        along = (features.moved * faces.shapes[0]).sum() / (faces.shapes[0] ** 2).sum()
        assert abs(along) <= most[2] * (1 + 1e-4)


def test_the_way_to_an_expression_starts_at_the_others() -> None:
    plain = space()
    assert plain.way("happy") is None
    kinds = {
        name: np.full((2, 2, 3), value, np.float32)
        for name, value in zip("abc", (1, 3, 8), strict=True)
    }
    faces = FaceSpace(plain.points, plain.pictures, plain.shapes, plain.spread, kinds)
    found = faces.way("c")
    assert found is not None
    origin, way = found
    assert origin[0, 0, 0] == 2
    assert way[0, 0, 0] == 6
    assert faces.way("sad") is None
