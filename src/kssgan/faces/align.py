"""Cut upright, equally framed faces out of photos with the five points.

A picture is moved, turned and scaled, never sheared or mirrored: the similarity that brings the points
closest to a template (Umeyama 1991). When the photo is larger than the crop it is reduced with an
antialiasing filter first; what lies outside the photo repeats its nearest pixel.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from PIL import Image

from kssgan.types import CROP_SIZE, FloatArray, U8Array

__all__ = [
    "CHIP_SIZE",
    "CHIP_TEMPLATE",
    "HEAD_TEMPLATE",
    "chips_of_crops",
    "cut",
    "face_only",
    "head_crop",
    "recogniser_chip",
    "similarity",
]

CHIP_SIZE = 150
"""Side of the recogniser's input, pixels."""

CHIP_TEMPLATE: FloatArray = np.array(
    [(46.4, 46.6), (103.4, 44.9), (75.0, 78.5), (49.9, 103.7), (98.7, 102.1)], np.float32
)
"""(5, 2) where the recogniser wants the points in its chip."""

HEAD_TEMPLATE: FloatArray = np.array(
    [(97.0, 130.0), (159.0, 130.0), (128.0, 165.0), (103.0, 193.0), (153.0, 193.0)], np.float32
)
"""(5, 2) where the points lie in a head crop: hair to chin, eyes level."""

_MARGIN = 3
_Array = npt.NDArray[np.float64]


def similarity(points: npt.ArrayLike, template: npt.ArrayLike) -> tuple[_Array, _Array]:
    """Least-squares similarity (turn, scale, shift; no mirroring) from points to a template.

    Args:
        points: (M, 2), at least two of them distinct.
        template: (M, 2).

    Returns:
        (2, 2) matrix A and (2,) shift b with ``A @ point + b`` near ``template``, float64.

    Raises:
        ValueError: all points coincide.

    >>> A, b = similarity([(0, 0), (1, 0), (0, 1)], [(5, 5), (5, 7), (3, 5)])
    >>> (A @ [1, 1] + b).round(6).tolist()
    [3.0, 7.0]
    """
    source, target = np.asarray(points, np.float64), np.asarray(template, np.float64)
    source_mean, target_mean = source.mean(axis=0), target.mean(axis=0)
    p, q = source - source_mean, target - target_mean
    spread = float((p**2).sum())
    if spread == 0:
        raise ValueError(
            "all points coincide, so no similarity is defined; give distinct points"
        )
    # In the plane the best turn and scale have a closed form: c and s are scale * cos and scale * sin.
    c = float((p * q).sum()) / spread
    s = float((p[:, 0] * q[:, 1] - p[:, 1] * q[:, 0]).sum()) / spread
    matrix = np.array([[c, -s], [s, c]])
    return matrix, target_mean - matrix @ source_mean


def head_crop(image_u8: U8Array, points: FloatArray, *, finer: float = 1.0) -> U8Array:
    """Head from hair to chin, upright, eyes at fixed places.

    Args:
        image_u8: (H, W, 3) uint8 RGB photo.
        points: (5, 2) of one face in its pixels.
        finer: as for :func:`cut`.

    Returns:
        (256, 256, 3) uint8.

    Raises:
        ValueError: all points coincide.
    """
    return cut(image_u8, points, HEAD_TEMPLATE, CROP_SIZE, finer=finer)


def recogniser_chip(image_u8: U8Array, points: FloatArray, *, finer: float = 1.0) -> U8Array:
    """The tighter cut that the recogniser was trained on.

    Args:
        image_u8: (H, W, 3) uint8 RGB photo or head crop.
        points: (5, 2) of one face in its pixels.
        finer: as for :func:`cut`.

    Returns:
        (150, 150, 3) uint8.

    Raises:
        ValueError: all points coincide.
    """
    return cut(image_u8, points, CHIP_TEMPLATE, CHIP_SIZE, finer=finer)


def chips_of_crops(crops_u8: U8Array) -> U8Array:
    """Recogniser chips of head crops, whose points are those of the template.

    Args:
        crops_u8: (N, 256, 256, 3) uint8.

    Returns:
        (N, 150, 150, 3) uint8.
    """
    chips = [recogniser_chip(crop, HEAD_TEMPLATE) for crop in crops_u8]
    return np.stack(chips) if chips else np.empty((0, CHIP_SIZE, CHIP_SIZE, 3), np.uint8)


def face_only(crops_u8: U8Array) -> U8Array:
    """Head crops with everything but a tight oval (brows to chin) painted grey.

    For attacks that must not live on hair, clothes and background. Compare masked with masked only: the
    recogniser is thrown off when one side alone is masked.

    Args:
        crops_u8: (..., 256, 256, 3) uint8 head crops.

    Returns:
        Same shape, uint8; 127 outside the oval.
    """
    y, x = np.mgrid[:CROP_SIZE, :CROP_SIZE]
    centre, radii = _OVAL
    inside = ((x - centre[0]) / radii[0]) ** 2 + ((y - centre[1]) / radii[1]) ** 2 <= 1
    return np.where(inside[..., None], crops_u8, np.uint8(127))


_OVAL = ((128.0, 168.0), (52.0, 66.0))
"""Centre and half axes (x, y) of the face oval in a head crop."""


def cut(
    image_u8: U8Array,
    points: FloatArray,
    template: FloatArray,
    size: int,
    *,
    finer: float = 1.0,
) -> U8Array:
    """Cut a square in which the points come to lie on a template.

    Args:
        image_u8: (H, W, 3) uint8 RGB photo.
        points: (M, 2) in its pixels.
        template: (M, 2) where they are wanted, in pixels of the square.
        size: side of the square.
        finer: how many times as fine as the square a larger photo is reduced, before it is turned into
            place; 1 or a little more. More is sharper, and makes up for a photo that was softened before.

    Returns:
        (size, size, 3) uint8.

    Raises:
        ValueError: all points coincide.
    """
    matrix, shift = similarity(points, template)
    back = np.linalg.inv(matrix).astype(np.float64)
    # Pixel edges at whole numbers from here on, as Pillow counts; points have pixel centres there.
    origin = back @ (-shift - 0.5) + 0.5
    origin = _bring_near(image_u8, back, origin, size)
    region, low, factor = _region(image_u8, back, origin, size, finer)
    # Output edge coordinates u to coordinates of the padded region: back @ u + origin, then its own frame.
    a = back / factor[:, None]
    b = (origin - low) / factor + _MARGIN
    picture = Image.fromarray(region).transform(
        (size, size),
        Image.Transform.AFFINE,
        (a[0, 0], a[0, 1], b[0], a[1, 0], a[1, 1], b[1]),
        Image.Resampling.BICUBIC,
    )
    return np.asarray(picture)


def _corners(back: _Array, origin: _Array, size: int) -> _Array:
    square = np.array([(0, 0), (size, 0), (0, size), (size, size)], np.float64)
    corners: _Array = square @ back.T + origin
    return corners


def _bring_near(image_u8: U8Array, back: _Array, origin: _Array, size: int) -> _Array:
    """Move a crop that lies beyond an edge up to that edge: it repeats the same pixels there."""
    corners = _corners(back, origin, size)
    extent = np.array(image_u8.shape[1::-1], np.float64)
    beyond = np.maximum(corners.min(axis=0) - extent, 0) + np.minimum(corners.max(axis=0), 0)
    near: _Array = origin - beyond
    return near


def _region(
    image_u8: U8Array, back: _Array, origin: _Array, size: int, finer: float
) -> tuple[U8Array, _Array, _Array]:
    """Part of the photo under the crop, reduced to about the crop's scale and padded with its edge.

    Returns:
        Pixels, the photo coordinates (x, y) of its corner inside the margin, and photo pixels per pixel.
    """
    corners = _corners(back, origin, size)
    extent = np.array(image_u8.shape[1::-1], np.float64)
    scale = max(1.0, float(np.sqrt(abs(np.linalg.det(back)))) / finer)
    reach = 4 * scale
    low = np.floor(corners.min(axis=0) - reach)
    high = np.ceil(corners.max(axis=0) + reach)
    # The reach makes sure that at least one pixel of the photo is kept.
    inner_low, inner_high = np.clip(low, 0, extent - 1), np.clip(high, 1, extent)
    x0, y0, x1, y1 = (int(v) for v in (*inner_low, *inner_high))
    part = image_u8[y0:y1, x0:x1]
    pixels = np.maximum(1, np.round((inner_high - inner_low) / scale)).astype(int)
    factor = (inner_high - inner_low) / pixels
    if scale > 1:
        reduced = Image.fromarray(np.ascontiguousarray(part)).resize(
            (int(pixels[0]), int(pixels[1])), Image.Resampling.LANCZOS, reducing_gap=3.0
        )
        part = np.asarray(reduced)
    before = np.ceil((inner_low - low) / factor).astype(int)
    after = np.ceil((high - inner_high) / factor).astype(int)
    before, after = before + _MARGIN, after + _MARGIN
    padded = np.pad(part, ((before[1], after[1]), (before[0], after[0]), (0, 0)), mode="edge")
    return padded, inner_low - (before - _MARGIN) * factor, factor
