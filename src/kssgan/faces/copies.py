"""Whether two head crops come from one picture (saved again, scaled, cut, mirrored) or from two photos.

The five points of a copy lie a pixel or two elsewhere, so the crops are first brought onto each other by
an affine map that also allows for another brightness and contrast (Lucas and Kanade 1981; Baker and
Matthews 2004). What remains is compared neighbourhood by neighbourhood: between two photos some part of the
face has moved, in a copy none has.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from PIL import Image
from scipy.ndimage import gaussian_filter

from kssgan.types import CROP_SIZE, BoolArray, FloatArray, U8Array

__all__ = ["AGREEMENT", "agreement", "same_picture"]

AGREEMENT = 0.97
"""Least :func:`agreement` of copies.

Measured with ``benchmarks/recognition.py --copies``: see ``thresholds.COPY`` for the kinds of copies.
"""

_COARSE, _FINE = 32, 64
_NEIGHBOURHOOD = 3.0
_FLAT = 4.0
"""Variance (grey levels squared) below which a neighbourhood counts as empty."""

_WORST = 5
"""The share of neighbourhoods, in percent, that may disagree more than the result says."""

_MOST = 0.25
"""An affine map further than this from the identity has lost its way."""

_Array = npt.NDArray[np.float64]


def same_picture(crop_a: U8Array, crop_b: U8Array) -> bool:
    """Tell copies of one picture from two photos of one person.

    Meant for pairs whose embeddings are within ``thresholds.COPY``; takes some 30 ms.

    Args:
        crop_a: (256, 256, 3) uint8 head crop.
        crop_b: another.
    """
    upright = _agreement(crop_a, crop_b) >= AGREEMENT
    return upright or _agreement(crop_a, crop_b[:, ::-1]) >= AGREEMENT


def agreement(crop_a: U8Array, crop_b: U8Array) -> float:
    """How well the worst parts of two faces agree once they lie on each other, as they are or mirrored.

    Args:
        crop_a: (256, 256, 3) uint8 head crop.
        crop_b: another.

    Returns:
        Correlation, -1..1; 1 for a crop and itself; -1 when the two cannot be brought onto each other.
    """
    return max(_agreement(crop_a, crop_b), _agreement(crop_a, crop_b[:, ::-1]))


def _agreement(crop_a: U8Array, crop_b: U8Array) -> float:
    matrix = _register(_grey(crop_a, _COARSE), _grey(crop_b, _COARSE), np.eye(3))
    matrix[:2, 2] *= _FINE / _COARSE
    a, b = _grey(crop_a, _FINE), _grey(crop_b, _FINE)
    matrix = _register(a, b, matrix)
    if not np.abs(matrix[:2, :2] - np.eye(2)).max() <= _MOST:
        return -1.0
    return _worst_correlation(a, _warp(b, matrix))


def _grey(crop: U8Array, side: int) -> FloatArray:
    grey = Image.fromarray(np.ascontiguousarray(crop)).convert("L")
    small = np.asarray(grey.resize((side, side), Image.Resampling.BOX), np.float32)
    smooth: FloatArray = gaussian_filter(small, 1.0)
    return smooth


def _mask(side: int) -> BoolArray:
    """The face from forehead to chin: nothing near the crop's edge, which a tighter photo lacks."""
    y, x = (np.mgrid[:side, :side] + 0.5) * (CROP_SIZE / side)
    inside: BoolArray = ((x - 128) / 72) ** 2 + ((y - 156) / 88) ** 2 <= 1
    return inside


def _warp(image: FloatArray, matrix: _Array) -> FloatArray:
    coefficients = tuple(float(value) for value in matrix[:2].ravel())
    warped = Image.fromarray(image).transform(
        image.shape[::-1], Image.Transform.AFFINE, coefficients, Image.Resampling.BILINEAR
    )
    return np.asarray(warped, np.float32)


def _register(fixed: FloatArray, moving: FloatArray, matrix: _Array, steps: int = 12) -> _Array:
    """Improve the affine map that takes places in ``fixed`` to places in ``moving`` (Gauss-Newton)."""
    side = len(fixed)
    mask = _mask(side)
    y, x = np.mgrid[:side, :side] + 0.5
    target = _standard(fixed, mask)
    for _ in range(steps):
        current = _standard(_warp(moving, matrix), mask)
        gy, gx = np.gradient(current)
        slopes = np.stack([gx * x, gx * y, gx, gy * x, gy * y, gy], axis=-1)[mask]
        # The small ridge keeps a flat picture, whose slopes are all zero, solvable.
        change = np.linalg.solve(
            slopes.T @ slopes + 1e-6 * np.eye(6), slopes.T @ (target - current)[mask]
        )
        step = np.eye(3)
        step[:2] += change.reshape(2, 3)
        matrix = matrix @ step
        if np.abs(change[[2, 5]]).max() < 0.01:
            break
        if not np.abs(matrix[:2, :2] - np.eye(2)).max() <= 4 * _MOST:
            break
    return matrix


def _standard(image: FloatArray, mask: BoolArray) -> _Array:
    inside = image[mask].astype(np.float64)
    standard: _Array = (image - inside.mean()) / (inside.std() + 1e-3)
    return standard


def _worst_correlation(a: FloatArray, b: FloatArray) -> float:
    mask = _mask(len(a))
    weight = mask.astype(np.float64)
    total = gaussian_filter(weight, _NEIGHBOURHOOD) + 1e-9

    def mean(values: npt.NDArray[np.floating]) -> _Array:
        local: _Array = gaussian_filter(values * weight, _NEIGHBOURHOOD) / total
        return local

    a64, b64 = a.astype(np.float64), b.astype(np.float64)
    mean_a, mean_b = mean(a64), mean(b64)
    spread = np.sqrt(
        (np.maximum(mean(a64**2) - mean_a**2, 0) + _FLAT)
        * (np.maximum(mean(b64**2) - mean_b**2, 0) + _FLAT)
    )
    # Where both are flat they agree; where one is flat and the other is not, they do not.
    local = (mean(a64 * b64) - mean_a * mean_b + _FLAT) / spread
    return float(np.percentile(local[mask], _WORST))
