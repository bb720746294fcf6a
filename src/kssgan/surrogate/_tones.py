"""Where a picture shows wall, skin or hair, told by its tones at a quarter of the size."""

from __future__ import annotations

import numpy as np

from kssgan.surrogate import _regions
from kssgan.surrogate.shape import DARK
from kssgan.types import CROP_SIZE, FloatArray

__all__ = [
    "BLUR",
    "COARSE",
    "eased",
    "ellipse",
    "mean_where",
    "near",
    "planes_blurred",
    "reduced",
    "tones",
    "wall_and_skin",
    "wall_tone",
]

COARSE = CROP_SIZE // 4
"""Side of the small pictures that show where a head has hair, wall and clothes."""

BLUR = 4.0
"""Standard deviation of the blur that parts detail from tone, pixels of a 256 px picture."""

# Differences of tones (logarithms), up to which they are alike and from which they are not.
_ON_WALL = (0.12, 0.42)  # from what lies beside the head
_ON_SKIN = (0.2, 0.5)  # from the cheeks
_LIGHTER = 0.4  # skin may be so much more lighter than the cheeks than darker

_BESIDE = (slice(1, 22), 4)  # rows and columns of a reduced picture that show the wall


def reduced(image: FloatArray) -> FloatArray:
    """(256, 256, C) to (64, 64, C), area means."""
    return _regions.reduced(image, CROP_SIZE // COARSE)


def planes_blurred(image: FloatArray, sigma: float) -> FloatArray:
    """Gaussian blur of (H, W, C) float32."""
    from kssgan.surrogate import _torch_warp

    return _torch_warp.blurred(image.transpose(2, 0, 1), sigma).transpose(1, 2, 0)


def mean_where(
    image: FloatArray, where: FloatArray, sigma: float, *, least: float
) -> tuple[FloatArray, FloatArray]:
    """Gaussian blur of a part of a picture, as if nothing else were there.

    Args:
        image: (H, W, C) float32.
        where: (H, W, 1) how much of each pixel belongs to the part, 0..1.
        sigma: of the blur, pixels.
        least: share below which the result fades to 0.

    Returns:
        (H, W, C) the blurred part, and (H, W, 1) its share of the surroundings.
    """
    both = planes_blurred(np.dstack([image * where, where]), sigma)
    share = both[..., -1:]
    return both[..., :-1] / (share + np.float32(least)), share


def tones(small_01: FloatArray) -> FloatArray:
    """(64, 64, 3) logarithm of the blurred tones of a reduced picture."""
    soft = planes_blurred(small_01, BLUR * COARSE / CROP_SIZE)
    found: FloatArray = np.log(np.clip(soft, 0, 1) + DARK).astype(np.float32)
    return found


def wall_tone(small: FloatArray, place: tuple[slice, int] = _BESIDE) -> FloatArray:
    """(3,) tone of what lies beside the head, in some rows and in so many columns of either side."""
    rows, columns = place
    sides = np.concatenate([small[rows, :columns], small[rows, -columns:]], 1)
    found: FloatArray = np.median(sides.reshape(-1, 3), axis=0).astype(np.float32)
    return found


def wall_and_skin(small: FloatArray, cheeks: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Where a picture shows wall, and where skin.

    Args:
        small: (64, 64, 3) of :func:`tones`.
        cheeks: (3,) their colour in [0, 1].

    Returns:
        Two (64, 64) float32: 1 there, 0 elsewhere, smooth between; what is wall is no skin.
    """
    wall = near(small, wall_tone(small), *_ON_WALL)
    skin = near(small, np.log(cheeks + DARK), *_ON_SKIN, lighter=_LIGHTER)
    return wall, (1 - wall) * skin


def near(
    small: FloatArray,
    tone: FloatArray,
    alike: float,
    other: float,
    *,
    lighter: float = 1.0,
) -> FloatArray:
    """Where tones are like one.

    Args:
        small: (64, 64, 3) of :func:`tones`.
        tone: (3,) logarithm.
        alike: mean difference of the channels up to which they are.
        other: from which they are not.
        lighter: weight of differences to the lighter side.

    Returns:
        (64, 64) float32: 1 where alike, 0 where not, smooth between.
    """
    away = small - tone
    far = np.where(away > 0, np.float32(lighter) * away, -away).mean(2)
    found: FloatArray = 1 - eased(far, alike, other)
    return found


def eased(x: FloatArray, low: float, high: float) -> FloatArray:
    """0 up to ``low``, 1 from ``high``, smooth between."""
    t = np.clip((x - np.float32(low)) / np.float32(high - low), 0, 1)
    found: FloatArray = t * t * (3 - 2 * t)
    return found


def ellipse(
    middle: tuple[float, float],
    radii: tuple[float, float],
    low: float,
    high: float,
    *,
    size: int = CROP_SIZE,
) -> FloatArray:
    """(size, size) float32: 1 inside, 0 outside, smooth between.

    Args:
        middle: x and y, pixels of a 256 px picture.
        radii: across and down, pixels of the same.
        low: squared distance from the middle, in radii, up to which it is 1.
        high: the same from which it is 0.
        size: side of the mask.
    """
    step = CROP_SIZE // size
    y, x = np.mgrid[:size, :size].astype(np.float32) * step + (step - 1) / 2
    far = ((x - middle[0]) / radii[0]) ** 2 + ((y - middle[1]) / radii[1]) ** 2
    found: FloatArray = 1 - eased(far, low, high)
    return found
