"""Copies of one drawing against other drawings; the real photos are measured in benchmarks/."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageEnhance, ImageFilter

from kssgan.faces.align import head_crop
from kssgan.faces.copies import AGREEMENT, _blur, agreement, same_picture


@pytest.fixture(scope="module")
def photo(draw: Any) -> Image.Image:
    return Image.fromarray(draw())


def crop_of(image: Image.Image, points: np.ndarray) -> np.ndarray:
    return head_crop(np.asarray(image), points.astype(np.float32))


def jpeg(image: Image.Image) -> Image.Image:
    file = io.BytesIO()
    image.save(file, "JPEG", quality=30)
    return Image.open(file).convert("RGB")


CHANGES: dict[str, Callable[[Image.Image], Image.Image]] = {
    "as it is": lambda i: i,
    "recompressed": jpeg,
    "brighter": lambda i: ImageEnhance.Brightness(i).enhance(1.15),
    "darker": lambda i: ImageEnhance.Brightness(i).enhance(0.6),
    "flat": lambda i: ImageEnhance.Contrast(i).enhance(0.7),
    "grey": lambda i: i.convert("L").convert("RGB"),
    "blurred": lambda i: i.filter(ImageFilter.GaussianBlur(1.5)),
}


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("off", [(0, 0, 0), (5, -4, 1.04), (-6, 5, 0.96)])
def test_copies(
    photo: Image.Image, drawn_points: np.ndarray, change: str, off: tuple[float, float, float]
) -> None:
    x, y, scale = off
    # Another save moves the points a little, so another cut.
    points = (drawn_points - 256) * (scale or 1) + 256 + (x, y)
    a, b = crop_of(photo, drawn_points), crop_of(CHANGES[change](photo), points)
    assert same_picture(a, b)
    assert same_picture(b, a)
    assert same_picture(a, np.ascontiguousarray(b[:, ::-1]))


def test_other_mouth_other_picture(
    draw: Any, photo: Image.Image, drawn_points: np.ndarray
) -> None:
    a = crop_of(photo, drawn_points)
    assert not same_picture(a, crop_of(Image.fromarray(draw(mouth=26.0)), drawn_points))


def test_other_face_other_picture(photo: Image.Image, drawn_points: np.ndarray) -> None:
    a = crop_of(photo, drawn_points)
    for seed in range(3):
        noise = np.random.default_rng(seed).integers(0, 256, (16, 16, 3), dtype=np.uint8)
        b = np.asarray(Image.fromarray(noise).resize((256, 256), Image.Resampling.BICUBIC))
        assert agreement(a, b) < AGREEMENT - 0.3


def test_agreement_of_a_crop_with_itself_is_one(
    photo: Image.Image, drawn_points: np.ndarray
) -> None:
    a = crop_of(photo, drawn_points)
    assert agreement(a, a) == pytest.approx(1, abs=1e-6)


def test_flat_pictures_do_not_crash(photo: Image.Image, drawn_points: np.ndarray) -> None:
    black, white = np.zeros((256, 256, 3), np.uint8), np.full((256, 256, 3), 255, np.uint8)
    assert same_picture(black, black)
    assert not same_picture(crop_of(photo, drawn_points), white)


@pytest.mark.parametrize(("side", "sigma"), [(32, 1.0), (64, 3.0), (9, 3.0)])
def test_blur_is_that_of_scipy(side: int, sigma: float) -> None:
    from scipy.ndimage import gaussian_filter

    picture = np.random.default_rng(0).normal(size=(side, side))
    blur = _blur(side, sigma)
    np.testing.assert_allclose(
        blur @ picture @ blur.T, gaussian_filter(picture, sigma), atol=1e-12
    )
