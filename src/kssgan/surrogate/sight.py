"""What a generator may see of a group's mean: the face from the brows to the chin.

Hair, ears, neck, clothes and background of a mean are ghosts, and so is a forehead under several fringes. A
network that is shown them copies them, and they are the members' own; so they are left out before it looks.
"""

from __future__ import annotations

import numpy as np

from kssgan.surrogate._mesh import BROWS, OVAL
from kssgan.types import CROP_SIZE, FloatArray

__all__ = ["SEEN", "SIGHT_SIZE", "sight"]

SIGHT_SIZE = 128
"""Side of the mask."""

SEEN = 0.02
"""What of the mask is part of a face's texture is more than this."""

_SCALE = (
    0.96  # of the face's outline about its middle: jaws of several people differ at the rim
)
_SOFT = 2.0  # blur of the rim, pixels of the mask
_ABOVE = 2.0  # pixels of the mask above the brows that are seen
_FADE = 5.0  # pixels over which the forehead fades


def sight(points: FloatArray) -> FloatArray:
    """Mask of the part of a face that a generator sees.

    Args:
        points: (468, 2) pixels of a 256 px crop.

    Returns:
        (128, 128) float32: 1 on the face, 0 elsewhere, soft between.
    """
    at = (points.astype(np.float64) + 0.5) * (SIGHT_SIZE / CROP_SIZE)
    outline = at[list(OVAL)]
    middle = outline.mean(0)
    inside = _inside(middle + (outline - middle) * _SCALE)
    soft = np.clip(2 * _blurred(inside) - 1, 0, 1)
    line = np.arange(SIGHT_SIZE) + 0.5
    brows = float(np.mean([at[list(brow), 1].min() for brow in BROWS]))
    below = np.clip((line - (brows - _ABOVE - _FADE)) / _FADE, 0, 1)
    found: FloatArray = (_eased(soft) * _eased(below)[:, None]).astype(np.float32)
    return found


def _inside(corners: FloatArray) -> FloatArray:
    """Even-odd rule at the middle of every pixel, 0 or 1."""
    line = np.arange(SIGHT_SIZE) + 0.5
    x, y = line[None, None], line[None, :, None]
    a, b = corners[:, None, None], np.roll(corners, -1, 0)[:, None, None]
    across = (a[..., 1] > y) != (b[..., 1] > y)
    fall = np.where(b[..., 1] == a[..., 1], 1.0, b[..., 1] - a[..., 1])
    edge = a[..., 0] + (y - a[..., 1]) * (b[..., 0] - a[..., 0]) / fall
    found: FloatArray = ((across & (x < edge)).sum(0) % 2).astype(np.float64)
    return found


def _blurred(mask: FloatArray) -> FloatArray:
    reach = int(3 * _SOFT)
    along = np.arange(-reach, reach + 1)
    kernel = np.exp(-0.5 * (along / _SOFT) ** 2)
    kernel /= kernel.sum()
    for axis in (0, 1):
        mask = np.apply_along_axis(np.convolve, axis, mask, kernel, mode="same")
    return mask


def _eased(x: FloatArray) -> FloatArray:
    found: FloatArray = x * x * (3 - 2 * x)
    return found
