from __future__ import annotations

import numpy as np
import pytest

from kssgan.faces.landmarks import mean_shape
from kssgan.surrogate.restraint import LIKE, public_share, restrained, restrained_shape
from kssgan.surrogate.shape import ShapeMean, shape_mean, skin_tone
from kssgan.types import FloatArray


def face(tone: tuple[float, float, float], people: int, *, moved: float = 0.0) -> ShapeMean:
    image = np.broadcast_to(np.float32(tone), (256, 256, 3)).copy()
    return ShapeMean(image, mean_shape() + np.float32(moved), people)


@pytest.mark.parametrize("people", [1, 2, 3, 5, 15, 16, 40])
def test_no_member_weighs_more_than_one_of_many(people: int) -> None:
    own = 1 - public_share(people)
    assert own / people <= 1 / LIKE + 1e-12
    assert own == 1 or own / people == pytest.approx(1 / LIKE)


def test_many_people_stay_as_they_are() -> None:
    mean = face((0.6, 0.4, 0.3), LIKE)
    assert restrained(mean, face((0.9, 0.8, 0.7), 100)) is mean


def test_shapes_meet_where_the_shares_say() -> None:
    found = restrained(face((0.6, 0.4, 0.3), 3), face((0.6, 0.4, 0.3), 100, moved=8))
    np.testing.assert_allclose(found.points, mean_shape() + 8 * public_share(3), atol=1e-3)
    assert found.people == 3


@pytest.mark.parametrize("people", [3, LIKE])
def test_another_shape_is_reached_at_once(people: int) -> None:
    mean, public = face((0.6, 0.4, 0.3), people), face((0.6, 0.4, 0.3), 100, moved=8)
    points = restrained_shape(mean, public) + np.float32(2)
    found = restrained(mean, public, points=points)
    np.testing.assert_array_equal(found.points, points)
    assert found.people == people
    assert restrained_shape(face((0.6, 0.4, 0.3), LIKE), public) == pytest.approx(mean_shape())


def test_nobody_is_made_lighter_or_darker() -> None:
    for own, public in (
        ((0.35, 0.22, 0.15), (0.85, 0.7, 0.6)),
        ((0.85, 0.7, 0.6), (0.3, 0.2, 0.15)),
    ):
        found = restrained(face(own, 3), face(public, 100))
        np.testing.assert_allclose(skin_tone(found), own, atol=0.01)


def test_a_mark_of_one_member_fades() -> None:
    """Rule 3 for what the generator sees: one member's change moves S_g by no more than its share."""
    rng = np.random.default_rng(0)
    crop = np.full((256, 256, 3), 120, np.uint8)
    marked = crop.copy()
    x, y = mean_shape()[1].round().astype(int)
    marked[y - 3 : y + 4, x - 3 : x + 4] = 240
    points: FloatArray = mean_shape()
    public = ShapeMean(rng.random((256, 256, 3)).astype(np.float32), points, 100)
    for k in (3, 5, 20):
        plain, shown = (
            restrained(shape_mean([[(first, points)], *[[(crop, points)]] * (k - 1)]), public)
            for first in (crop, marked)
        )
        away = np.abs(shown.image_01 - plain.image_01)
        assert away.max() * 255 <= 120 / max(k, LIKE) + 2
        assert away.max() * 255 >= 120 / max(k, LIKE) - 4


def test_a_foreign_expression_is_taken_from_the_public_in_the_lower_face_alone() -> None:
    points: FloatArray = mean_shape()
    teeth = face((0.6, 0.4, 0.3), 30)
    x, y = points[[13, 14]].mean(0).round().astype(int)
    teeth.image_01[y - 3 : y + 4, x - 12 : x + 13] = 0.95
    public = face((0.6, 0.4, 0.3), 100)
    forehead = points[9].round().astype(int)[::-1]
    teeth.image_01[forehead[0], forehead[1]] = 0.9
    found = restrained(teeth, public, points=points + np.float32(0), lower=0.9)
    plain = restrained(teeth, public, points=points + np.float32(0))
    assert abs(plain.image_01[y, x, 0] - 0.95) < 0.01
    assert abs(found.image_01[y, x, 0] - (0.1 * 0.95 + 0.9 * 0.6)) < 0.03
    np.testing.assert_allclose(
        found.image_01[: forehead[0] + 2], plain.image_01[: forehead[0] + 2], atol=0.01
    )


def test_whoever_is_mostly_public_is_not_made_less_so() -> None:
    """The lower face has at least the share that all of S_g has."""
    own, public = face((0.6, 0.4, 0.3), 3), face((0.6, 0.4, 0.3), 100)
    own.image_01[::7] = 0.1
    found = restrained(own, public, points=mean_shape(), lower=0.5)
    np.testing.assert_array_equal(
        found.image_01, restrained(own, public, points=mean_shape()).image_01
    )
