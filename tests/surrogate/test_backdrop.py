"""A wall is made plain in its own tones; the head before it is not touched."""

from __future__ import annotations

import numpy as np
import pytest

from kssgan.faces.landmarks import mean_shape
from kssgan.surrogate.backdrop import with_plain_wall
from kssgan.surrogate.sight import sight
from kssgan.types import FloatArray

POINTS = mean_shape()


def head(wall: float = 0.75) -> FloatArray:
    """Skin in the middle, dark hair above, a wall that grows darker downwards."""
    image = np.full((256, 256, 3), wall, np.float32)
    image -= np.linspace(0, 0.06, 256, dtype=np.float32)[:, None, None]
    image[40:, 60:196] = (0.8, 0.55, 0.42)
    image[30:60, 60:196] = 0.12
    return image


def test_glows_and_patterns_go() -> None:
    image = head()
    x = np.arange(256)[None]
    image += (0.03 * np.sin(x / 3) * (x < 40))[..., None].astype(np.float32)
    found = with_plain_wall(image, POINTS, 0)
    wall = (slice(20, 230), slice(4, 34))
    assert np.abs(image - head())[wall].max() > 0.02
    assert np.abs(found - head())[wall].mean() < 0.004
    assert np.abs(found - head())[wall].max() < 0.02  # its shade from top to bottom stays


def test_the_head_stays() -> None:
    image = head()
    rng = np.random.default_rng(1)
    image[30:, 60:196] += rng.normal(0, 0.02, (226, 136, 1)).astype(np.float32)
    found = with_plain_wall(image, POINTS, 0)
    assert np.array_equal(found[64:, 68:188], image[64:, 68:188])
    assert np.array_equal(found[36:56, 68:188], image[36:56, 68:188])


def test_a_face_is_no_wall_whatever_its_tone() -> None:
    image = np.full((256, 256, 3), 0.7, np.float32)
    image[150:170, 110:146:4] = 0.68
    found = with_plain_wall(image, POINTS, 0)
    assert np.array_equal(found[150:170, 110:146], image[150:170, 110:146])


def test_the_grain_is_a_camera_s_and_comes_from_the_seed() -> None:
    found = with_plain_wall(head(), POINTS, 5)
    wall = (slice(20, 230), slice(4, 34), 0)
    grain = (found - head())[wall]
    assert 0.0015 < grain.std() < 0.0035
    assert np.array_equal(found, with_plain_wall(head(), POINTS, 5))
    assert not np.array_equal(found, with_plain_wall(head(), POINTS, 6))
    assert found.min() >= 0
    assert with_plain_wall(head(1.0), POINTS, 5).max() <= 1


def test_a_picture_without_a_wall_is_left() -> None:
    rng = np.random.default_rng(2)
    image = np.kron(rng.random((8, 8, 3)), np.ones((32, 32, 1))).astype(np.float32)
    found = with_plain_wall(image, POINTS, 0)
    assert (found == image).mean() > 0.8
    assert found[0, 0] == pytest.approx(image[0, 0], abs=1)


def test_skin_as_bright_as_the_wall_is_no_wall() -> None:
    image = head(0.45)
    image[40:, 60:196] = (0.6, 0.45, 0.34)
    neck = (slice(240, 256), slice(110, 146))
    assert abs(float(np.log(image[neck].mean()) - np.log(image[240:, :20].mean()))) < 0.2
    found = with_plain_wall(image, POINTS, 0)
    assert np.abs(found - image)[neck].max() < 0.02


def test_what_is_seen_may_be_given() -> None:
    wanted = with_plain_wall(head(), POINTS, 5)
    assert np.array_equal(with_plain_wall(head(), POINTS, 5, seen=sight(POINTS)), wanted)
    nothing = np.zeros_like(sight(POINTS))
    picture = np.full((256, 256, 3), 0.7, np.float32)
    inside = (slice(150, 170), slice(110, 146))
    assert np.array_equal(with_plain_wall(picture, POINTS, 5)[inside], picture[inside])
    assert (with_plain_wall(picture, POINTS, 5, seen=nothing)[inside] != picture[inside]).any()
