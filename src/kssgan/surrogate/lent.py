"""Lend a mean the features of one person who does not exist: a mean of many is nobody, and looks it.

What is lent comes from a seed and from public people alone (a point of their face space), so the result is as
safe as the mean itself. An expression has a texture too (folds, teeth): what S_g lacks of it is added, and
features are kept from changing it by chance.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from kssgan.surrogate._tones import planes_blurred
from kssgan.surrogate.shape import DARK, ShapeMean, moved, skin_tone
from kssgan.surrogate.sight import SEEN, sight
from kssgan.surrogate.warp import Warp
from kssgan.types import CROP_SIZE, FloatArray

__all__ = [
    "PLAIN",
    "SHAPE",
    "TEXTURE",
    "evenly_lit",
    "lent",
    "level_at_rim",
    "missing_texture",
    "texture",
    "without",
]

TEXTURE = 1.5
"""How far from the mean in texture (1 is as far as people are), before :func:`evenly_lit` takes a part."""

SHAPE = 1.2
"""The same in shape."""

_MOST = 1.5  # of a ratio's logarithm; the picture that is warped holds no more
PLAIN = 1.4
"""Where a wanted expression's texture lies on its way: 0 is the mean of the others, 1 its own mean."""

_SIDE = CROP_SIZE // 2  # of a texture
_COLOUR = np.float32(0.5)  # share of differences of colour that are people's, not light's
_LIGHT = np.float32(0.45)  # most that a place may be lighter or darker, logarithm: no glints
_RIM = 3.0  # how far inside what G sees light is S_g's own again, pixels
_FINE = 3.0  # what is finer stays, pixels
_FARTHEST = 2.0  # a mean is moved no farther along the way to an expression


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
    image = np.clip((mean.image_01 + DARK) * gain - DARK, 0, 1)
    return replace(mean, image_01=image.astype(np.float32))


def texture(mean: ShapeMean, points: FloatArray, warp: Warp) -> FloatArray:
    """Texture of a mean in another shape, (128, 128, 3) float32: natural logarithm over its skin tone.

    As of the faces that a face space and the reader of ages were learnt from, it is zero where a generator
    sees nothing of the shape: hair and walls tell nothing.

    Args:
        mean: S_g.
        points: (468, 2) the shape.
        warp: to that shape.
    """
    common = moved(mean, points, warp)
    ratio = np.log(common.image_01 + DARK) - np.log(skin_tone(common) + DARK)
    small = ratio.reshape(_SIDE, 2, _SIDE, 2, 3).mean((1, 3))
    found: FloatArray = (small * (sight(points) > SEEN)[..., None]).astype(np.float32)
    return found


def missing_texture(
    mean: ShapeMean, origin: FloatArray, way: FloatArray, points: FloatArray, warp: Warp
) -> FloatArray:
    """What S_g lacks of an expression's texture.

    Args:
        mean: S_g.
        origin: (S, S, 3) mean texture of the other expressions: logarithm of faces over their skin tone.
        way: (S, S, 3) what leads from there to the wanted one.
        points: (468, 2) the shape in which both lie.
        warp: to that shape.

    Returns:
        (S, S, 3) float32, a multiple of ``way``.
    """
    small = texture(mean, points, warp)
    at = float(((small - origin) * way).sum() / max(float((way**2).sum()), 1e-9))
    found: FloatArray = (np.clip(PLAIN - at, -_FARTHEST, _FARTHEST) * way).astype(np.float32)
    return found


def evenly_lit(ratio: FloatArray, points: FloatArray) -> FloatArray:
    """A texture by chance without what light brings: sides, tints and glints differ more than faces do.

    Args:
        ratio: (S, S, 3) float32, natural logarithm of a face over a mean.
        points: (468, 2) where its features lie, pixels of a 256 px crop.

    Returns:
        (S, S, 3) float32, alike on both sides of the face.
    """
    light = ratio.mean(2, keepdims=True)
    even = _LIGHT * np.tanh(light / _LIGHT) + _COLOUR * (ratio - light)
    x = points[:, 0]
    # In the middle of the face lies a column's place or one between two.
    across = (float(x.min() + x.max()) + 1) * len(ratio) / CROP_SIZE - 1 - np.arange(len(ratio))
    across = np.clip(across, 0, len(ratio) - 1)
    left = np.minimum(across.astype(np.int64), len(ratio) - 2)
    part = (across - left).astype(np.float32)[:, None]
    mirrored = (1 - part) * even[:, left] + part * even[:, left + 1]
    found: FloatArray = ((even + mirrored) / 2).astype(np.float32)
    return found


def level_at_rim(points: FloatArray) -> Callable[[FloatArray], FloatArray]:
    """A way to take light and tints from a texture at the rim of what G sees, where it has to go on.

    What is light or dark there G continues above the brows, as smoke. Fine detail (brows) stays.

    Args:
        points: (468, 2) where features lie, pixels of a 256 px crop.

    Returns:
        What makes (128, 128, 3) float32 of such a texture.
    """
    seen = planes_blurred(sight(points)[..., None], _RIM)
    rim = 1 - np.clip(2 * seen - 1, 0, 1)

    def levelled(ratio: FloatArray) -> FloatArray:
        found: FloatArray = ratio - rim * planes_blurred(ratio, _FINE)
        return found

    return levelled


def without(ratio: FloatArray, way: FloatArray) -> FloatArray:
    """A texture without its part along an expression's."""
    along = float((ratio * way).sum() / max(float((way**2).sum()), 1e-9))
    found: FloatArray = (ratio - along * way).astype(np.float32)
    return found
