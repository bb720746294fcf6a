"""Whether two head crops come from one picture (saved again, scaled, cut, mirrored) or from two photos.

The five points of a copy lie a pixel or two elsewhere, so the crops are first brought onto each other by
an affine map that also allows for another brightness and contrast (Lucas and Kanade 1981; Baker and
Matthews 2004). What remains is compared neighbourhood by neighbourhood: between two photos some part of the
face has moved, in a copy none has.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
import numpy.typing as npt
from PIL import Image

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

    Meant for pairs whose embeddings are within ``thresholds.COPY``; takes some 10 ms.

    Args:
        crop_a: (256, 256, 3) uint8 head crop.
        crop_b: another.
    """
    a, b = _greys(crop_a), _greys(crop_b)
    return _agreement(a, b) >= AGREEMENT or _agreement(a, _mirrored(b)) >= AGREEMENT


def agreement(crop_a: U8Array, crop_b: U8Array) -> float:
    """How well the worst parts of two faces agree once they lie on each other, as they are or mirrored.

    Args:
        crop_a: (256, 256, 3) uint8 head crop.
        crop_b: another.

    Returns:
        Correlation, -1..1; 1 for a crop and itself; -1 when the two cannot be brought onto each other.
    """
    a, b = _greys(crop_a), _greys(crop_b)
    return max(_agreement(a, b), _agreement(a, _mirrored(b)))


def _agreement(a: _Greys, b: _Greys) -> float:
    matrix = _register(a.coarse, b.coarse, np.eye(3))
    matrix[:2, 2] *= _FINE / _COARSE
    matrix = _register(a.fine, b.fine, matrix)
    if not np.abs(matrix[:2, :2] - np.eye(2)).max() <= _MOST:
        return -1.0
    return _worst_correlation(a.fine, _warp(Image.fromarray(b.fine), matrix))


@dataclass(frozen=True, slots=True)
class _Greys:
    """A crop in grey, small and slightly blurred: (32, 32) and (64, 64) float32, 0..255."""

    coarse: FloatArray
    fine: FloatArray


def _greys(crop: U8Array) -> _Greys:
    grey = Image.fromarray(np.ascontiguousarray(crop)).convert("L")
    return _Greys(_small(grey, _COARSE), _small(grey, _FINE))


def _mirrored(greys: _Greys) -> _Greys:
    return _Greys(
        np.ascontiguousarray(greys.coarse[:, ::-1]), np.ascontiguousarray(greys.fine[:, ::-1])
    )


def _small(grey: Image.Image, side: int) -> FloatArray:
    small = np.asarray(grey.resize((side, side), Image.Resampling.BOX), np.float32)
    blur = _blur(side, 1.0)
    smooth: FloatArray = (blur @ small @ blur.T).astype(np.float32)
    return smooth


@cache
def _blur(side: int, sigma: float) -> _Array:
    """Matrix that blurs a line of ``side`` pixels, mirrored at its ends, with a Gaussian out to 4 sigma.

    Small pictures are blurred by two products; scipy's filter takes longer to import than all of them.
    """
    reach = int(4 * sigma + 0.5)
    offsets = np.arange(-reach, reach + 1)
    kernel = np.exp(-0.5 * (offsets / sigma) ** 2)
    mirrored = np.pad(np.arange(side), reach, mode="symmetric")
    matrix = np.zeros((side, side))
    for step, weight in enumerate(kernel / kernel.sum()):
        np.add.at(matrix, (np.arange(side), mirrored[step : step + side]), weight)
    matrix.setflags(write=False)
    return matrix


@dataclass(frozen=True, slots=True)
class _Face:
    """The face from forehead to chin: nothing near the crop's edge, which a tighter photo lacks.

    Attributes:
        mask: (side, side) where it lies; clear of the border by more than a pixel.
        rows: (M,) of its pixels.
        columns: (M,) of its pixels.
        weight: (side, side), the blurred mask.
    """

    mask: BoolArray
    rows: npt.NDArray[np.intp]
    columns: npt.NDArray[np.intp]
    weight: _Array


@cache
def _face(side: int) -> _Face:
    y, x = (np.mgrid[:side, :side] + 0.5) * (CROP_SIZE / side)
    inside: BoolArray = ((x - 128) / 72) ** 2 + ((y - 156) / 88) ** 2 <= 1
    rows, columns = np.nonzero(inside)
    blur = _blur(side, _NEIGHBOURHOOD)
    return _Face(inside, rows, columns, blur @ inside.astype(np.float64) @ blur.T + 1e-9)


def _warp(image: Image.Image, matrix: _Array) -> FloatArray:
    coefficients = tuple(float(value) for value in matrix[:2].ravel())
    warped = image.transform(
        image.size, Image.Transform.AFFINE, coefficients, Image.Resampling.BILINEAR
    )
    return np.asarray(warped, np.float32)


def _register(fixed: FloatArray, moving: FloatArray, matrix: _Array, steps: int = 12) -> _Array:
    """Improve the affine map that takes places in ``fixed`` to places in ``moving`` (Gauss-Newton)."""
    face = _face(len(fixed))
    rows, columns = face.rows, face.columns
    x, y = columns + 0.5, rows + 0.5
    target = _standard(fixed, face)[face.mask]
    picture, slopes = Image.fromarray(moving), np.empty((len(rows), 6))
    for _ in range(steps):
        current = _standard(_warp(picture, matrix), face)
        gx = (current[rows, columns + 1] - current[rows, columns - 1]) / 2
        gy = (current[rows + 1, columns] - current[rows - 1, columns]) / 2
        for place, slope in enumerate((gx * x, gx * y, gx, gy * x, gy * y, gy)):
            slopes[:, place] = slope
        # The small ridge keeps a flat picture, whose slopes are all zero, solvable.
        change = np.linalg.solve(
            slopes.T @ slopes + 1e-6 * np.eye(6), slopes.T @ (target - current[face.mask])
        )
        step = np.eye(3)
        step[:2] += change.reshape(2, 3)
        matrix = matrix @ step
        if np.abs(change[[2, 5]]).max() < 0.01:
            break
        if not np.abs(matrix[:2, :2] - np.eye(2)).max() <= 4 * _MOST:
            break
    return matrix


def _standard(image: FloatArray, face: _Face) -> _Array:
    inside = image[face.mask].astype(np.float64)
    standard: _Array = (image - inside.mean()) / (inside.std() + 1e-3)
    return standard


def _worst_correlation(a: FloatArray, b: FloatArray) -> float:
    face = _face(len(a))
    blur = _blur(len(a), _NEIGHBOURHOOD)

    def mean(values: _Array) -> _Array:
        local: _Array = blur @ (values * face.mask) @ blur.T / face.weight
        return local

    a64, b64 = a.astype(np.float64), b.astype(np.float64)
    mean_a, mean_b = mean(a64), mean(b64)
    spread = np.sqrt(
        (np.maximum(mean(a64**2) - mean_a**2, 0) + _FLAT)
        * (np.maximum(mean(b64**2) - mean_b**2, 0) + _FLAT)
    )
    # Where both are flat they agree; where one is flat and the other is not, they do not.
    local = (mean(a64 * b64) - mean_a * mean_b + _FLAT) / spread
    return float(np.percentile(local[face.mask], _WORST))
