"""Rule 3 for the shape-normalised mean: nobody's face, everybody's weight the same, no order."""

from __future__ import annotations

import random
from collections.abc import Callable

import numpy as np
import pytest

from kssgan.surrogate.mean import equal_mean
from kssgan.surrogate.shape import mean_in, shape_mean
from kssgan.surrogate.warp import Warp
from kssgan.types import FloatArray, U8Array

Painter = Callable[..., tuple[U8Array, FloatArray]]


def test_any_order_gives_the_same_bits(paint: Painter) -> None:
    members = [[paint(10 * m + s) for s in range(1 + m % 3)] for m in range(4)]
    first = shape_mean(members)
    for seed in range(2):
        shuffle = random.Random(seed)
        other = [shuffle.sample(m, len(m)) for m in members]
        shuffle.shuffle(other)
        again = shape_mean(other)
        assert again.image_01.tobytes() == first.image_01.tobytes()
        assert again.points.tobytes() == first.points.tobytes()


def test_people_weigh_the_same_not_photos(paint: Painter) -> None:
    a, b = paint(1), paint(2)
    once, often = shape_mean([[a], [b]]), shape_mean([[a] * 5, [b]])
    assert once.image_01.tobytes() == often.image_01.tobytes()
    assert once.points.tobytes() == often.points.tobytes()


def test_points_are_the_mean_of_the_persons_means(paint: Painter) -> None:
    members = [[paint(1), paint(2)], [paint(3)], [paint(4), paint(5), paint(6)]]
    exact = np.mean(
        [np.mean([p for _, p in m], axis=0, dtype=np.float64) for m in members], axis=0
    )
    assert np.abs(shape_mean(members).points - exact).max() < 1e-3


def test_picture_is_the_mean_of_the_warped_pictures(paint: Painter) -> None:
    members = [[paint(1), paint(2)], [paint(3)]]
    mean = shape_mean(members)
    warp = Warp(mean.points)
    each = [np.mean([warp(c[None], p[None])[0] for c, p in m], axis=0) for m in members]
    assert np.abs(mean.image_01 * 255 - np.mean(each, axis=0)).max() < 0.01


@pytest.mark.parametrize("n", [2, 5])
def test_no_member_has_more_than_its_share(paint: Painter, n: int) -> None:
    """Replacing one member's picture, shape unchanged, moves no pixel by more than 1/n."""
    points = paint(0)[1]
    members = [[(paint(seed)[0], points)] for seed in range(n)]
    before = shape_mean(members).image_01
    for i in range(n):
        for level in (0, 255):
            other = list(members)
            other[i] = [(np.full((256, 256, 3), level, np.uint8), points)]
            moved = np.abs(shape_mean(other).image_01 - before).max()
            assert 0.3 / n < moved <= 1 / n + 1e-6


def test_a_members_shape_moves_points_by_its_share(paint: Painter) -> None:
    members = [[paint(seed)] for seed in range(4)]
    before = shape_mean(members).points
    crop, points = members[2][0]
    members[2] = [(crop, points + np.float32((8, -4)))]
    moved = shape_mean(members).points - before
    assert np.abs(moved - np.float32((2, -1))).max() < 1e-3


def test_features_align_better_than_in_the_plain_mean(paint: Painter) -> None:
    members = [[paint(seed, skin=(200, 150, 130), move=5.0)] for seed in range(6)]
    mean = shape_mean(members).image_01
    plain = equal_mean([[c for c, _ in m] for m in members])
    eyes = (slice(115, 150), slice(80, 176))
    assert mean[eyes].std() > 1.1 * plain[eyes].std()


def test_without_points_the_crop_counts_as_it_is(paint: Painter) -> None:
    with_points, (crop, _) = paint(1), paint(2)
    mean = shape_mean([[with_points], [(crop, None)]])
    assert np.abs(mean.points - with_points[1]).max() < 1e-3
    expected = (with_points[0].astype(float) + crop) / 2
    assert np.abs(mean.image_01 * 255 - expected).max() < 0.5


def test_nobody_has_points(paint: Painter, shape: FloatArray) -> None:
    members = [[(paint(1)[0], None)], [(paint(2)[0], None)]]
    with pytest.raises(ValueError, match="otherwise"):
        shape_mean(members)
    mean = shape_mean(members, otherwise=shape)
    plain = equal_mean([[c for c, _ in m] for m in members])
    assert np.abs(mean.image_01 - plain).max() < 1e-6
    assert np.array_equal(mean.points, shape)


def test_generators_are_read_once(paint: Painter) -> None:
    lists = [[paint(1), paint(2)], [paint(3)]]
    lazy = shape_mean([iter(m) for m in lists])
    assert lazy.image_01.tobytes() == shape_mean(lists).image_01.tobytes()


def test_exceptions(paint: Painter, shape: FloatArray) -> None:
    with pytest.raises(ValueError, match="no people"):
        shape_mean([])
    with pytest.raises(ValueError, match="without a picture"):
        shape_mean([[]])
    with pytest.raises(ValueError, match="256, 256, 3"):
        shape_mean([[(np.zeros((128, 128, 3), np.uint8), shape)]])
    with pytest.raises(ValueError, match="468"):
        shape_mean([[(paint(1)[0], shape[:5])]])

    class Changing:
        readings = 0

        def __iter__(self):
            self.readings += 1
            return iter([paint(1)] * self.readings)

    with pytest.raises(ValueError, match="changed"):
        shape_mean([Changing(), [paint(2)]])


def test_a_mean_in_the_groups_own_shape_is_the_shape_mean(paint: Painter) -> None:
    members = [[paint(1), paint(2)], [paint(3)]]
    whole = shape_mean(members)
    found = mean_in(members, Warp(whole.points))
    assert found.image_01.tobytes() == whole.image_01.tobytes()
    assert found.points.tobytes() == whole.points.tobytes()
    elsewhere = mean_in(members, Warp(whole.points + np.float32(4)))
    assert elsewhere.points.tobytes() == whole.points.tobytes()
    assert not np.array_equal(elsewhere.image_01, whole.image_01)
