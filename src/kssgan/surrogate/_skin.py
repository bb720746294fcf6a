"""Where a portrait shows skin: colour statistics of this one picture, no trained model.

The skin of the face, known from the mesh, is compared with what lies far from the face (hair, background,
clothes) in histograms of brightness and two ratios of channels. Both are learnt from the same picture, so
dark and light skin, blue backgrounds and fair hair are judged by what they look like here. What lies far but
has the face's own colour (a bald head, shoulders) is left out of the second histogram.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from kssgan.surrogate._regions import Regions
from kssgan.types import FloatArray

__all__ = ["DARK", "log_colour", "skin_colour", "skin_likelihood", "snap"]

_Array = npt.NDArray[np.float64]

DARK = np.float32(0.03)
"""Added before logarithms, so that noise in the dark stays small."""

_LOWEST = np.array([-3.6, -0.75, -1.2], np.float32)
_STEP = np.array([0.18, 0.045, 0.045], np.float32)
_BINS = (22, 44, 56)
_UNSEEN = 2e-7  # density given to colours that neither histogram has seen


def log_colour(image_01: FloatArray) -> FloatArray:
    """Brightness and the two ratios red/green, green/blue, as logarithms; (H, W, 3)."""
    r, g, b = np.moveaxis(np.log(image_01 + DARK), -1, 0)
    result: FloatArray = np.stack([(r + g + b) / 3, r - g, g - b], -1).astype(np.float32)
    return result


def skin_colour(image_01: FloatArray, patch: FloatArray) -> FloatArray:
    """How near each pixel's colour is to that of the cheeks, nose and forehead.

    Args:
        image_01: (H, W, 3) float32 in [0, 1].
        patch: (H, W) weights; above one half is taken as skin to learn from.

    Returns:
        (H, W) float32 in [0, 1].
    """
    colour = log_colour(image_01)
    seen = colour[patch > 0.5]
    least = np.array([0.175, 0.027, 0.027], np.float32)
    middle = np.median(seen, axis=0)
    spread = least
    for _ in range(3):  # glints, moles and shadows of the nose are dropped
        middle = np.median(seen, axis=0)
        spread = np.maximum(np.median(np.abs(seen - middle), axis=0) * np.float32(1.48), least)
        kept = (np.abs(seen - middle) < 2.5 * spread).all(1)
        if kept.sum() < 20:
            break
        seen = seen[kept]
    away = colour - middle
    # Necks lie in shadow: darker is allowed more than lighter, and shadows are warmer.
    light = np.where(away[..., 0] < 0, away[..., 0] / 0.55, away[..., 0] / 0.40)
    warmth = 0.12 * np.clip(-away[..., :1], 0, 1.2)
    ratios = away[..., 1:]
    ratios = np.where(ratios > 0, np.maximum(ratios - warmth, 0), ratios)
    ratios = ratios / np.maximum(spread[1:], 0.045)
    distance = 0.5 * light**2 + 0.35 * (ratios**2).sum(-1)
    result: FloatArray = np.exp(-0.5 * np.maximum(distance - 0.8, 0)).astype(np.float32)
    return result


def skin_likelihood(image_01: FloatArray, where: Regions) -> FloatArray:
    """Probability of skin at each place.

    Args:
        image_01: (128, 128, 3) float32 in [0, 1].
        where: masks of its face.

    Returns:
        (128, 128) float32 in [0, 1].
    """
    like_face = skin_colour(image_01, where.patch)
    bins = np.rint((log_colour(image_01) - _LOWEST) / _STEP).astype(np.int64)
    bins = np.clip(bins, 0, np.array(_BINS) - 1)
    flat = np.ravel_multi_index(tuple(np.moveaxis(bins, -1, 0)), _BINS)
    skin = _density(flat, where.sure)
    rest = _density(flat, where.far * (1 - like_face) ** 2)
    prior = np.clip(where.near, 0.02, 0.98)
    result: FloatArray = (
        prior * (skin + _UNSEEN) / (prior * skin + (1 - prior) * rest + 2 * _UNSEEN)
    ).astype(np.float32)
    return result


def _density(bins: FloatArray, weights: FloatArray) -> FloatArray:
    """Smoothed histogram, looked up at each pixel."""
    from scipy.ndimage import gaussian_filter

    counts = np.bincount(bins.ravel(), weights.ravel(), int(np.prod(_BINS))).reshape(_BINS)
    smooth = gaussian_filter(counts.astype(np.float32), 1.2, mode="constant", truncate=2.5)
    result: FloatArray = smooth.ravel()[bins] / (weights.sum() + 1e-6)
    return result


def snap(mask: FloatArray, image_01: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Fit a mask to a picture's edges: the guided filter, as a map that serves any resolution.

    Args:
        mask: (H, W).
        image_01: (H, W, 3) the guide.

    Returns:
        (H, W, 3) slopes and (H, W) offsets; the mask is ``(slopes * picture).sum(-1) + offsets``.

    Reference: He, Sun 2015, "Fast guided filter".
    """
    from scipy.ndimage import uniform_filter

    def box(values: _Array) -> _Array:
        sides = (7, 7) + (1,) * (values.ndim - 2)
        result: _Array = uniform_filter(values, sides, mode="nearest")
        return result

    r, g, b = np.moveaxis(image_01.astype(np.float64), -1, 0)
    colours, wanted = np.stack([r, g, b], -1), mask.astype(np.float64)[..., None]
    products = np.stack([r * r, r * g, r * b, g * g, g * b, b * b], -1)
    means = box(np.dstack([colours, wanted, products, colours * wanted]))
    guide, target = means[..., :3], means[..., 3]
    r, g, b = np.moveaxis(guide, -1, 0)
    rr, rg, rb, gg, gb, bb = np.moveaxis(means[..., 4:10], -1, 0)
    loose = 5e-4  # below this variance the guide counts as flat
    rr, gg, bb = rr - r * r + loose, gg - g * g + loose, bb - b * b + loose
    rg, rb, gb = rg - r * g, rb - r * b, gb - g * b
    to_r, to_g, to_b = np.moveaxis(means[..., 10:] - guide * target[..., None], -1, 0)
    # Cramer's rule for the symmetric 3 x 3 system of each pixel.
    c_rr, c_rg, c_rb = gg * bb - gb * gb, rb * gb - rg * bb, rg * gb - rb * gg
    c_gg, c_gb, c_bb = rr * bb - rb * rb, rg * rb - rr * gb, rr * gg - rg * rg
    whole = rr * c_rr + rg * c_rg + rb * c_rb
    slopes = np.stack(
        [
            (c_rr * to_r + c_rg * to_g + c_rb * to_b) / whole,
            (c_rg * to_r + c_gg * to_g + c_gb * to_b) / whole,
            (c_rb * to_r + c_gb * to_g + c_bb * to_b) / whole,
        ],
        -1,
    )
    offsets = target - (slopes * guide).sum(-1)
    smooth = box(np.dstack([slopes, offsets])).astype(np.float32)
    return smooth[..., :3], smooth[..., 3]
