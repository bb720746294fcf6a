"""The similarity and the cut, against facts worked out by hand and against a plain, slow resampler."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kssgan.faces import align

TEMPLATES = [(align.HEAD_TEMPLATE, 256), (align.CHIP_TEMPLATE, 150)]


@given(
    angle=st.floats(-3.1, 3.1),
    scale=st.floats(0.05, 20),
    x=st.floats(-1e3, 1e3),
    y=st.floats(-1e3, 1e3),
)
@settings(max_examples=50, deadline=None)
def test_similarity_recovers_turn_scale_and_shift(
    angle: float, scale: float, x: float, y: float
) -> None:
    turn = scale * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    points = align.HEAD_TEMPLATE.astype(float)
    matrix, shift = align.similarity(points, points @ turn.T + (x, y))
    np.testing.assert_allclose(matrix, turn, atol=1e-9 * max(1, scale))
    np.testing.assert_allclose(shift, (x, y), atol=1e-6 * max(1, scale))


def test_similarity_is_least_squares() -> None:
    from scipy.optimize import least_squares

    rng = np.random.default_rng(0)
    points, template = rng.normal(size=(5, 2)), rng.normal(size=(5, 2))

    def residual(v: np.ndarray) -> np.ndarray:
        a, b, x, y = v
        return (points @ np.array([[a, -b], [b, a]]).T + (x, y) - template).ravel()

    best = least_squares(residual, [1, 0, 0, 0]).x
    matrix, shift = align.similarity(points, template)
    np.testing.assert_allclose([matrix[0, 0], matrix[1, 0], *shift], best, atol=1e-6)


def test_similarity_never_mirrors() -> None:
    mirrored = align.HEAD_TEMPLATE * (-1, 1)
    matrix, _ = align.similarity(mirrored, align.HEAD_TEMPLATE)
    assert np.linalg.det(matrix) > 0


def test_one_point_is_not_enough() -> None:
    with pytest.raises(ValueError, match="coincide"):
        align.head_crop(np.zeros((9, 9, 3), np.uint8), np.full((5, 2), 4, np.float32))


@pytest.mark.parametrize(("template", "size"), TEMPLATES)
def test_templates_are_faces(template: np.ndarray, size: int) -> None:
    left, right, nose, mouth_left, mouth_right = template
    assert left[0] < nose[0] < right[0]
    assert mouth_left[0] < nose[0] < mouth_right[0]
    assert max(left[1], right[1]) < nose[1] < min(mouth_left[1], mouth_right[1])
    assert ((template > 0) & (template < size)).all()


def test_head_template_is_level_and_centred() -> None:
    left, right, nose, *_ = align.HEAD_TEMPLATE
    assert left[1] == right[1]
    assert left[0] + right[0] == 256
    assert nose[0] == 128


def test_cut_at_the_template_changes_nothing() -> None:
    photo = np.random.default_rng(0).integers(0, 256, (256, 256, 3), dtype=np.uint8)
    np.testing.assert_array_equal(align.head_crop(photo, align.HEAD_TEMPLATE), photo)


def test_whole_pixel_shift_is_exact_and_the_edge_repeats() -> None:
    photo = np.random.default_rng(0).integers(0, 256, (256, 256, 3), dtype=np.uint8)
    crop = align.head_crop(photo, align.HEAD_TEMPLATE + np.float32([40, -30]))
    # Crop pixel (x, y) shows photo pixel (x + 40, y - 30), or the nearest there is.
    y, x = np.mgrid[:256, :256]
    wanted = photo[np.clip(y - 30, 0, 255), np.clip(x + 40, 0, 255)]
    np.testing.assert_array_equal(crop, wanted)


def smooth_photo(height: int, width: int) -> np.ndarray:
    y, x = np.mgrid[:height, :width]
    waves = [np.sin(x / 31 + y / 57), np.cos(x / 43 - y / 29), np.sin((x + y) / 71)]
    return (127.5 + 110 * np.stack(waves, axis=-1)).round().astype(np.uint8)


@pytest.mark.parametrize("scale", [0.4, 1.0, 2.7, 6.0])
@pytest.mark.parametrize("angle", [0.0, 0.5, -2.0])
def test_cut_agrees_with_a_plain_resampler(scale: float, angle: float) -> None:
    photo = smooth_photo(900, 1100)
    turn = scale * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    place = (550, 450) if scale < 3 else (300, 800)
    points = ((align.HEAD_TEMPLATE - 128) @ turn.T + place).astype(np.float32)
    crop = align.head_crop(photo, points).astype(float)
    y, x = np.mgrid[:256, :256]
    source = (np.stack([x, y], axis=-1) - 128) @ turn.T + place
    sx, sy = (np.clip(source[..., i], 0, limit - 1) for i, limit in ((0, 1100), (1, 900)))
    x0, y0 = np.minimum(sx.astype(int), 1098), np.minimum(sy.astype(int), 898)
    fx, fy = (sx - x0)[..., None], (sy - y0)[..., None]
    wanted = (
        photo[y0, x0] * (1 - fx) * (1 - fy)
        + photo[y0, x0 + 1] * fx * (1 - fy)
        + photo[y0 + 1, x0] * (1 - fx) * fy
        + photo[y0 + 1, x0 + 1] * fx * fy
    )
    inside = ((source > 8 * scale) & (source < np.array([1100, 900]) - 8 * scale)).all(axis=-1)
    assert inside.mean() > 0.1
    assert np.abs(crop - wanted)[inside].max() <= 6
    assert np.abs(crop - wanted).mean() <= 3


def test_reduction_is_antialiased() -> None:
    # Stripes finer than the crop's pixels must come out grey, not as moire.
    photo = np.zeros((2000, 2000, 3), np.uint8)
    photo[:, ::2] = 255
    points = (align.HEAD_TEMPLATE * np.float32(7.3)).astype(np.float32)
    crop = align.head_crop(photo, points)[20:-20, 20:-20].astype(float)
    assert crop.std() < 3
    assert abs(crop.mean() - 127.5) < 3


def test_far_outside_the_photo_is_finite_work() -> None:
    photo = np.full((10, 10, 3), 77, np.uint8)
    crop = align.head_crop(photo, align.HEAD_TEMPLATE * np.float32(50) + np.float32(1e5))
    assert crop.shape == (256, 256, 3)
    assert (crop == 77).all()


def test_chip_of_a_head_crop_is_the_chip_of_the_photo(
    draw: Any, drawn_points: np.ndarray
) -> None:
    photo = draw()
    points = drawn_points.astype(np.float32)
    direct = align.recogniser_chip(photo, points).astype(float)
    # The drawing's points are not quite the template's shape, so the template's own points are used.
    matrix, shift = align.similarity(points, align.HEAD_TEMPLATE)
    exact = ((align.HEAD_TEMPLATE - shift) @ np.linalg.inv(matrix).T).astype(np.float32)
    direct = align.recogniser_chip(photo, exact).astype(float)
    (through,) = align.chips_of_crops(align.head_crop(photo, exact)[None])
    assert np.abs(direct - through).mean() < 1.5


def test_no_crops_no_chips() -> None:
    assert align.chips_of_crops(np.empty((0, 256, 256, 3), np.uint8)).shape == (0, 150, 150, 3)


def test_face_only_keeps_the_points_and_nothing_near_the_edge() -> None:
    crops = np.random.default_rng(0).integers(0, 120, (2, 256, 256, 3), dtype=np.uint8)
    masked = align.face_only(crops)
    assert masked.shape == crops.shape
    for x, y in align.HEAD_TEMPLATE.astype(int):
        np.testing.assert_array_equal(masked[:, y, x], crops[:, y, x])
    outside = np.ones((256, 256), bool)
    outside[100:240, 70:186] = False
    assert (masked[:, outside] == 127).all()
    np.testing.assert_array_equal(align.face_only(crops[0]), masked[0])
    assert crops.max() < 120
