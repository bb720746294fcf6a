"""Lend a mean the features of one person who does not exist: a mean of many is nobody, and looks it.

What is lent comes from a seed and from public people alone (a point of their face space), so the result is as
safe as the mean itself.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from kssgan.surrogate.shape import ShapeMean
from kssgan.surrogate.warp import Warp
from kssgan.types import CROP_SIZE, FloatArray

__all__ = ["SHAPE", "TEXTURE", "lent"]

TEXTURE = 0.6
"""How far from the mean in texture: 1 is as far as people are."""

SHAPE = 0.9
"""The same in shape."""

_DARK = 0.03  # added before logarithms, as where the ratios were taken
_MOST = 1.5  # of a ratio's logarithm; the picture that is warped holds no more


def lent(mean: ShapeMean, ratio: FloatArray, points: FloatArray, warp: Warp) -> ShapeMean:
    """S_g with the texture of a face.

    Args:
        mean: in the shape that ``warp`` warps to.
        ratio: (S, S, 3) float32, natural logarithm of a face over a mean.
        points: (468, 2) where ratio's features lie, pixels of a 256 px crop.
        warp: to the shape of ``mean``.
    """
    from kssgan.surrogate import _torch_warp

    field = warp.sources(points, size=CROP_SIZE)
    # Samples are held inside 0..255.
    grey = (np.clip(ratio / _MOST, -1, 1) + 1) * np.float32(127.5)
    planes = _torch_warp.sample(grey[None], field[None], CROP_SIZE)[0]
    gain = np.exp((planes.transpose(1, 2, 0) / np.float32(127.5) - 1) * np.float32(_MOST))
    image = np.clip((mean.image_01 + _DARK) * gain - _DARK, 0, 1)
    return replace(mean, image_01=image.astype(np.float32))
