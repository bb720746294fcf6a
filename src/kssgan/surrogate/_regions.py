"""Soft masks of a face's parts, drawn from its mesh at a quarter of the working size."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from kssgan.surrogate._mesh import (
    BROWS,
    CHEEKS,
    EYES,
    FOREHEAD,
    GLABELLA,
    INNER_LIPS,
    LENSES,
    NOSE,
    NOSTRILS,
    OUTER_LIPS,
    OVAL,
)
from kssgan.types import CROP_SIZE, FloatArray

__all__ = ["COARSE", "Regions", "doubled", "lower_face", "reduced", "regions", "soften", "step"]

COARSE = 128
"""Side of the masks and of all that is smooth: tone, gain, skin."""

_FINER = 2  # polygons are drawn at this multiple, then averaged


@dataclass(frozen=True, slots=True, eq=False)
class Regions:
    """Weights in [0, 1], each (128, 128) float32.

    Attributes:
        oval: the face, forehead to chin.
        inner: the same, fading to nothing at its outline.
        patch: cheeks, nose and the middle of the forehead, which are skin on nearly everybody.
        eyes: between the lids.
        around_eyes: lids and brows, and what lies between them, with a wide soft edge.
        lenses: skin where glasses are worn: from the brows to the upper cheeks, temple to temple.
        above: the forehead without the brows, hair over it included.
        mouth: between the lips.
        lips: lips and what is between them, with a wide soft edge.
        skin: the oval without eyes, brows, lips and nostrils.
        forehead: everything above the brows.
        upper: everything above the nose, fading in between nose and brows; hair may lie over the face here.
        rim: 1 outside the face and at its outline, 0 in its middle.
        sure: parts of the oval that show skin unless a beard covers them.
        near: how likely a place is to show skin before its colour is looked at (face, ears, neck).
        far: where skin is not expected (hair, background, clothes).
    """

    oval: FloatArray
    inner: FloatArray
    patch: FloatArray
    eyes: FloatArray
    around_eyes: FloatArray
    lenses: FloatArray
    above: FloatArray
    mouth: FloatArray
    lips: FloatArray
    skin: FloatArray
    forehead: FloatArray
    upper: FloatArray
    rim: FloatArray
    sure: FloatArray
    near: FloatArray
    far: FloatArray


def step(x: FloatArray) -> FloatArray:
    """Smooth step from 0 at 0 to 1 at 1.

    >>> step(np.array([-1.0, 0.5, 2.0], np.float32)).tolist()
    [0.0, 0.5, 1.0]
    """
    t = np.clip(x, 0, 1)
    result: FloatArray = (t * t * (3 - 2 * t)).astype(np.float32)
    return result


def soften(image: FloatArray, sigma: float) -> FloatArray:
    """Gaussian blur of (H, W) or (H, W, C); the border is repeated."""
    from scipy.ndimage import gaussian_filter

    if sigma > 4:  # nearly the same at half the size, for a quarter of the work
        return doubled(soften(reduced(image, 2), sigma / 2))
    sigmas = (sigma, sigma) + (0.0,) * (image.ndim - 2)
    result: FloatArray = gaussian_filter(image, sigmas, mode="nearest", truncate=3.0)
    return result


def reduced(image: FloatArray, factor: int) -> FloatArray:
    """Mean over squares of ``factor`` pixels; (H, W) or (H, W, C), sides divisible by it.

    >>> reduced(np.array([[0, 4], [4, 8]], np.float32), 2).tolist()
    [[4.0]]
    """
    height, width = image.shape[0] // factor, image.shape[1] // factor
    rows = image.reshape(height, factor, -1).sum(1)
    squares = rows.reshape(height, width, factor, -1).sum(2) / np.float32(factor**2)
    result: FloatArray = squares.reshape(height, width, *image.shape[2:])
    return result


def doubled(image: FloatArray) -> FloatArray:
    """Linear interpolation of (H, W) or (H, W, C) to twice the size."""
    for axis in (0, 1):
        along = np.moveaxis(image, axis, 0)
        before = np.concatenate([along[:1], along[:-1]])
        after = np.concatenate([along[1:], along[-1:]])
        pairs = np.stack([3 * along + before, 3 * along + after], 1) / np.float32(4)
        image = np.moveaxis(pairs.reshape(-1, *along.shape[1:]), 0, axis).astype(np.float32)
    return image


def regions(points: FloatArray) -> Regions:
    """Masks of one face.

    Args:
        points: (468, 2), pixels of a 256 px crop.
    """
    at = ((points + 0.5) * (COARSE / CROP_SIZE)).astype(np.float32)

    def draw(outline: Sequence[int], scale: float = 1.0) -> FloatArray:
        return _polygon(at, outline, scale)

    def union(outlines: Sequence[Sequence[int]], scale: float = 1.0) -> FloatArray:
        return np.clip(sum(draw(o, scale) for o in outlines), 0, 1).astype(np.float32)

    x = np.arange(COARSE, dtype=np.float32)[None] + 0.5
    y = np.arange(COARSE, dtype=np.float32)[:, None] + 0.5
    brows = float(at[[105, 334, 107, 336], 1].mean())
    brow_tops = float(at[[105, 334], 1].mean())
    below = np.float32(at[2, 1]) - y  # the base of the nose
    height = np.float32(max(float(at[2, 1]) - brow_tops, 1.0))
    upper = step(np.asarray(below / height, np.float32)) * np.ones_like(x)
    forehead = step(np.asarray((brows + 1 - y) / 5, np.float32)) * np.ones_like(x)
    high = step(np.asarray((brows - y) / 9, np.float32)) * np.ones_like(x)
    features = union([*(EYES), OUTER_LIPS], 1.15) + union(BROWS, 1.1)
    sure = draw(OVAL, 0.86) * (1 - soften(np.clip(features, 0, 1), 1.0))
    sure = sure * (1 - upper * (1 - soften(draw(OVAL, 0.72), 2.0)))
    details = union(EYES, 1.5) + union(BROWS, 1.35) + draw(OUTER_LIPS, 1.25)
    details = np.clip(details + draw(NOSTRILS, 1.3), 0, 1)
    brow_hair = np.clip(soften(union(BROWS, 1.3), 1.5) * 1.8, 0, 1)
    # Between the brows a frame's bridge crosses; no brow grows there.
    between = soften(draw(GLABELLA, 1.1), 0.7)
    worn = step(soften(_hull(at, [*BROWS[0], *BROWS[1], *LENSES], 1.08), 2.0) * 1.3)
    free = 1 - np.clip(soften(union(EYES, 1.35) + union(BROWS, 1.15), 0.8) * 1.3, 0, 1)
    free = np.maximum(free, between)
    neck = _neck(at, x, y)
    around = np.maximum(
        0.55 * soften(draw(OVAL, 1.3), 5.0), 0.8 * soften(draw(OVAL, 1.12), 4.0)
    )
    return Regions(
        oval=draw(OVAL),
        inner=step(2 * soften(draw(OVAL, 0.985), 2.5) - 1),
        patch=union([*CHEEKS, NOSE, FOREHEAD]),
        eyes=union(EYES, 1.05),
        around_eyes=step(soften(union([*EYES, *BROWS], 1.6), 2.5) * 1.5),
        lenses=(worn * free).astype(np.float32),
        above=(high * (1 - brow_hair)).astype(np.float32),
        mouth=draw(INNER_LIPS, 1.1),
        lips=soften(draw(OUTER_LIPS, 1.2), 1.5),
        skin=soften(draw(OVAL, 0.95), 2.0) * (1 - soften(details, 1.2)),
        forehead=forehead,
        upper=upper,
        rim=1 - soften(draw(OVAL, 0.8), 3.0),
        sure=sure,
        near=np.maximum(around, 0.85 * neck).astype(np.float32),
        far=((1 - soften(draw(OVAL, 1.12), 1.0)) * (1 - neck)).astype(np.float32),
    )


def lower_face(points: FloatArray) -> FloatArray:
    """What an expression changes most, (128, 128) float32 in [0, 1]: lips, chin, and cheeks with their folds.

    Args:
        points: (468, 2), pixels of a 256 px crop.
    """
    at = ((points + 0.5) * (COARSE / CROP_SIZE)).astype(np.float32)
    return soften(_polygon(at, OUTER_LIPS, 4.0), 8.0)


def _neck(at: FloatArray, x: FloatArray, y: FloatArray) -> FloatArray:
    """A column from the jaw to the lower border, a little wider than the jaw."""
    left, right = at[172], at[397]
    from_jaw = _rise((y - (left[1] + right[1]) / 2) / 3)
    column: FloatArray = (
        from_jaw * _rise((x - (left[0] - 14)) / 3) * _rise((right[0] + 14 - x) / 3)
    )
    return column


def _hull(at: FloatArray, points: Sequence[int], scale: float) -> FloatArray:
    """Convex hull of some points, blown up about its middle: what a pair of glasses covers."""
    from scipy.spatial import ConvexHull

    order = ConvexHull(at[list(points)].astype(np.float64)).vertices
    return _polygon(at, [points[i] for i in order], scale)


def _rise(x: FloatArray) -> FloatArray:
    result: FloatArray = (1 / (1 + np.exp(-np.clip(x, -40, 40)))).astype(np.float32)
    return result


def _polygon(at: FloatArray, outline: Sequence[int], scale: float) -> FloatArray:
    """Filled outline, blown up about its middle, edges softened by area."""
    from PIL import Image, ImageDraw

    corners = at[list(outline)] * _FINER
    middle = corners.mean(axis=0)
    corners = middle + (corners - middle) * scale
    picture = Image.new("L", (COARSE * _FINER, COARSE * _FINER))
    ImageDraw.Draw(picture).polygon([(float(a), float(b)) for a, b in corners - 0.5], fill=255)
    result: FloatArray = np.asarray(picture.reduce(_FINER), np.float32) / np.float32(255)
    return result
