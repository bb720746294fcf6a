"""A mean that is lent the features of one person."""

from __future__ import annotations

import numpy as np

from kssgan.faces.landmarks import mean_shape
from kssgan.surrogate._mesh import brow_line
from kssgan.surrogate.lent import (
    PLAIN,
    evenly_lit,
    lent,
    level_at_rim,
    missing_texture,
    texture,
    without,
)
from kssgan.surrogate.shape import ShapeMean
from kssgan.surrogate.sight import sight
from kssgan.surrogate.warp import Warp


def mean() -> ShapeMean:
    return ShapeMean(np.full((256, 256, 3), 0.4, np.float32), mean_shape(), 7)


def test_no_features_change_nothing_but_a_rounding() -> None:
    own = mean()
    found = lent(own, np.zeros((128, 128, 3), np.float32), own.points, Warp(own.points))
    np.testing.assert_allclose(found.image_01, own.image_01, atol=1e-5)
    assert found.people == own.people
    assert found.points is own.points


def test_a_ratio_is_what_it_multiplies_by() -> None:
    own = mean()
    ratio = np.full((128, 128, 3), np.log(1.5), np.float32)
    found = lent(own, ratio, own.points, Warp(own.points))
    np.testing.assert_allclose(found.image_01, 0.43 * 1.5 - 0.03, atol=2e-3)
    wild = lent(own, 100 * ratio, own.points, Warp(own.points))
    assert 0 <= wild.image_01.min() <= wild.image_01.max() <= 1


def test_a_mark_lands_where_its_feature_lies() -> None:
    own = mean()
    theirs = own.points + np.float32([10, -6])
    ratio = np.zeros((128, 128, 3), np.float32)
    x, y = (theirs[1] / 2).round().astype(int)
    ratio[y - 1 : y + 2, x - 1 : x + 2] = 1.0
    found = lent(own, ratio, theirs, Warp(own.points))
    away = np.abs(found.image_01 - own.image_01).max(2)
    row, column = np.unravel_index(away.argmax(), away.shape)
    assert np.hypot(column - own.points[1, 0], row - own.points[1, 1]) < 3


def test_a_texture_is_moved_to_where_the_expression_is_plain() -> None:
    own = mean()
    rng = np.random.default_rng(0)
    way = rng.normal(0, 0.1, (128, 128, 3)).astype(np.float32)
    warp = Warp(own.points)
    # S_g lies at the origin: grey all over has no texture beside its own tone.
    origin = np.zeros_like(way)
    lacks = missing_texture(own, origin, way, own.points, warp)
    np.testing.assert_allclose(lacks, PLAIN * way, atol=1e-3)
    there = missing_texture(own, origin - PLAIN * way, way, own.points, warp)
    assert np.abs(there).max() < 1e-3
    far = missing_texture(own, origin + 50 * way, way, own.points, warp)
    assert np.abs(far).max() <= 2.01 * np.abs(way).max()


def test_hair_and_walls_are_no_part_of_a_texture() -> None:
    own = mean()
    x, y = np.linspace(0.2, 0.8, 256), np.linspace(-0.1, 0.1, 256)
    image = np.broadcast_to((x + y[:, None])[..., None], (256, 256, 3)).astype(np.float32)
    seen = sight(own.points).repeat(2, 0).repeat(2, 1)[..., None] > 0
    faces = (image, np.where(seen, image, 0.02).astype(np.float32))
    warp = Warp(own.points)
    plain, dark = (texture(ShapeMean(face, own.points, 7), own.points, warp) for face in faces)
    np.testing.assert_array_equal(dark, plain)
    assert np.abs(plain[80]).max() > 0.1
    assert not plain[sight(own.points) == 0].any()


def test_features_keep_off_the_way_of_an_expression() -> None:
    rng = np.random.default_rng(1)
    ratio, way = rng.normal(size=(2, 16, 16, 3)).astype(np.float32)
    found = without(ratio, way)
    assert abs(float((found * way).sum())) < 1e-3
    np.testing.assert_allclose(without(found, way), found, atol=1e-5)
    away = ratio - found
    np.testing.assert_allclose(away, (away * way).sum() / (way**2).sum() * way, atol=1e-4)


def test_chance_light_is_even_on_both_sides_and_limited() -> None:
    points = mean_shape()
    ratio = np.zeros((128, 128, 3), np.float32)
    ratio[:, :64] = 2.0  # light from one side, brighter than any face
    found = evenly_lit(ratio, points)
    assert found.max() <= 0.46
    # The middle of the face is where its outline says; half a pixel of 256 is a quarter of 128.
    middle = (points[:, 0].min() + points[:, 0].max() + 1) / 4 - 0.5
    for away in (2, 10, 30):
        left, right = (
            np.interp(middle + s * away, np.arange(128), found[64, :, 1]) for s in (-1, 1)
        )
        assert abs(left - right) < 0.02
    mark = np.zeros((128, 128, 3), np.float32)
    mark[40:44, 62:67] = 0.05
    assert evenly_lit(mark, points).sum() > 0.9 * mark.sum(), "small differences stay"


def test_chance_tints_are_halved() -> None:
    tint = np.full((128, 128, 3), [0.2, -0.1, -0.1], np.float32)
    np.testing.assert_allclose(evenly_lit(tint, mean_shape()), 0.5 * tint, atol=1e-6)


def test_at_the_rim_of_what_is_seen_no_light_is_lent() -> None:
    points = mean_shape()
    light = np.full((128, 128, 3), 0.3, np.float32)
    fine = np.zeros_like(light)
    fine[:, ::2] = 0.1
    found = level_at_rim(points)(light + fine)
    brows, nose = round(brow_line(points) / 2), round(float(points[4, 1]) / 2)
    middle = round(float(points[4, 0]) / 2)
    above, inside = (
        found[brows - 3, middle - 8 : middle + 8],
        found[nose, middle - 8 : middle + 8],
    )
    # The mean of the fine lines, half of 0.1, is light as well.
    assert abs(float(above.mean())) < 0.2
    assert np.abs(found[brows - 8, middle - 8 : middle + 8].mean()) < 0.01
    np.testing.assert_allclose(
        np.ptp(above[:, 0]), 0.1, atol=0.01, err_msg="what is fine stays"
    )
    np.testing.assert_allclose(inside.mean(), 0.35, atol=0.01)
