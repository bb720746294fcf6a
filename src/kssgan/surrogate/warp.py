"""Carry a head crop to another face's shape, with hair, neck and background following smoothly.

The mesh of the face is moved piece by piece (affine in each triangle, so that lids and lips meet exactly).
Outside the face the movement of the outline is continued by a biharmonic surface that fades to nothing
beyond the crop's border, sampled on a lattice; the whole is one triangulation. Where a triangle would turn
over, the movement is smoothed around it until none does.

Positions are fractions of the crop, 0 at its left or top edge and 1 at the other, so one field serves crops
of any size.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from kssgan.surrogate._mesh import OVAL, check_points
from kssgan.types import FloatArray, U8Array

__all__ = ["FIELD", "Warp"]

FIELD = 256
"""Side of the grid on which a field is computed; larger pictures interpolate it."""

_Array = npt.NDArray[np.float64]

_LATTICE = 17  # points per side, from -0.15 to 1.15
_REACH = 0.15  # how far beyond the crop the movement has faded away
_CLEAR = 1.12  # lattice points inside this multiple of the face's outline are left out
_FLIPPED = -2e-6  # a turned triangle of this part of the crop, half a pixel at 512, is visible
_EDGE = 1e-9  # pixels and weights, for what lies on an edge
_ROUNDS = 40  # of smoothing before giving up
_GRID = 1 << 20  # positions are rounded to this part of the crop, below a thousandth of a pixel


class Warp:
    """Warps to one target shape; built once per group, used for each of its pictures.

    Attributes:
        target: (468, 2) float32, fractions of the crop.
        gentler: pictures warped so far whose movement had to be smoothed to avoid a fold.

    Raises:
        ValueError: points of another shape.
    """

    def __init__(self, target: FloatArray, *, size: int = 256) -> None:
        """Prepare the field of a shape.

        Args:
            target: (468, 2) in pixels of a crop of side ``size``.
            size: side of the crop that ``target`` is measured in.
        """
        from scipy.sparse import csr_array
        from scipy.spatial import Delaunay

        check_points(target)
        self.gentler = 0
        shape = _fractions(target, size)
        self.target: FloatArray = shape.astype(np.float32)
        lattice = _lattice(shape)
        self._spread = _continuation(shape[list(OVAL)], lattice)
        self._vertices = np.vstack([shape, lattice])
        mesh = Delaunay(self._vertices)
        self._triangles = mesh.simplices[_area(self._vertices, mesh.simplices) != 0]
        self._around = _neighbours(self._triangles, len(self._vertices))
        corners, weights = _barycentric(self._vertices, self._triangles)
        # A row for each pixel: three weights, added up in their order.
        self._field = csr_array(
            (weights.ravel(), corners.ravel(), np.arange(0, 3 * FIELD**2 + 1, 3)),
            shape=(FIELD**2, len(self._vertices)),
        )

    def sources(self, points: FloatArray, *, size: int = 256) -> FloatArray:
        """Where each pixel of the result lies in a picture.

        Args:
            points: (468, 2) of the picture's face, in pixels of a crop of side ``size``.
            size: side of the crop that ``points`` is measured in.

        Returns:
            (256, 256, 2) float32 (x, y), fractions of the picture.
        """
        check_points(points)
        moved = _fractions(points, size) - self._vertices[: len(points)]
        moved = np.vstack([moved, self._spread @ moved[list(OVAL)]])
        landed = self._unfolded(moved)
        # Rounding makes the field independent of how a sum was ordered in the solver.
        landed = np.rint(landed * _GRID) / _GRID
        return np.asarray(self._field @ landed, np.float32).reshape(FIELD, FIELD, 2)

    def _unfolded(self, moved: _Array) -> _Array:
        """Vertices after the movement, smoothed where a triangle would turn over."""
        landed = self._vertices + moved
        folded = _area(landed, self._triangles) < _FLIPPED
        if not folded.any():
            return landed
        self.gentler += 1
        loose = np.zeros(len(moved), bool)
        for _ in range(_ROUNDS):
            loose[self._triangles[folded].ravel()] = True
            moved = np.where(loose[:, None], (moved + self._around @ moved) / 2, moved)
            landed = self._vertices + moved
            folded = _area(landed, self._triangles) < _FLIPPED
            if not folded.any():
                return landed
        return _affine(self._vertices, landed)

    def __call__(
        self,
        pictures_u8: U8Array,
        points: FloatArray,
        *,
        size: int | None = None,
    ) -> FloatArray:
        """Warp pictures to the target shape.

        Args:
            pictures_u8: (N, H, H, 3) uint8 crops.
            points: (N, 468, 2) of their faces, in their pixels.
            size: side of the result; left out, H.

        Returns:
            (N, size, size, 3) float32 in 0..255, each a function of its own picture and points alone.
        """
        from kssgan.surrogate import _torch_warp

        side = pictures_u8.shape[1]
        fields = np.stack([self.sources(p, size=side) for p in points])
        planes = _torch_warp.sample(pictures_u8, fields, side if size is None else size)
        return np.ascontiguousarray(planes.transpose(0, 2, 3, 1))


def _fractions(points: FloatArray, size: int) -> _Array:
    return (points.astype(np.float64) + 0.5) / size


def _lattice(shape: _Array) -> _Array:
    """Points all over the crop and its surroundings, clear of the face."""
    line = np.linspace(-_REACH, 1 + _REACH, _LATTICE)
    x, y = np.meshgrid(line, line)
    places = np.stack([x.ravel(), y.ravel()], 1)
    oval = shape[list(OVAL)]
    return places[~_inside(places, oval.mean(0) + (oval - oval.mean(0)) * _CLEAR)]


def _inside(places: _Array, polygon: _Array) -> npt.NDArray[np.bool_]:
    """Even-odd rule."""
    x, y = places[:, :1], places[:, 1:]
    x0, y0 = polygon.T
    x1, y1 = np.roll(polygon, -1, 0).T
    across = (y0 > y) != (y1 > y)
    with np.errstate(divide="ignore", invalid="ignore"):
        at = x0 + (y - y0) / (y1 - y0) * (x1 - x0)
    result: npt.NDArray[np.bool_] = (across & (x < at)).sum(1) % 2 == 1
    return result


def _continuation(outline: _Array, lattice: _Array) -> _Array:
    """Matrix from movements of the outline to movements of the lattice; its rim stays where it is."""
    from kssgan.surrogate import _torch_warp

    rim = (np.abs(lattice - 0.5) >= 0.5 + _REACH - 1e-9).any(1)
    known = np.vstack([outline, lattice[rim]])
    count = len(known)
    system = np.zeros((count + 3, count + 3))
    system[:count, :count] = _biharmonic(known, known)
    system[:count, count:] = np.hstack([np.ones((count, 1)), known])
    system[count:, :count] = system[:count, count:].T
    right = np.zeros((count + 3, len(outline)))
    right[: len(outline)] = np.eye(len(outline))
    basis = np.hstack([_biharmonic(lattice, known), np.ones((len(lattice), 1)), lattice])
    spread = _torch_warp.interpolate(system, right, basis)
    spread[rim] = 0.0
    return spread


def _biharmonic(a: _Array, b: _Array) -> _Array:
    """r**2 log r between two sets of points, 0 where they coincide."""
    squared = ((a[:, None] - b[None]) ** 2).sum(2)
    result: _Array = 0.5 * squared * np.log(np.maximum(squared, 1e-300))
    return result


def _area(vertices: _Array, triangles: npt.NDArray[np.intp]) -> _Array:
    """Signed areas, positive where the corners run as in the target."""
    # Taken, not indexed: a third of the time.
    (x0, y0), (x1, y1), (x2, y2) = vertices.take(triangles.T, axis=0).transpose(0, 2, 1)
    area: _Array = 0.5 * ((x1 - x0) * (y2 - y0) - (y1 - y0) * (x2 - x0))
    return area


def _barycentric(
    vertices: _Array, triangles: npt.NDArray[np.intp]
) -> tuple[npt.NDArray[np.intp], _Array]:
    """Corners (N, 3) and weights (N, 3) of the triangle around each of the N = FIELD**2 pixels, row by row.

    Every triangle is laid over the pixels of its bounding box. A search through the mesh would be shorter to
    write, but it takes seconds where flat triangles lead it astray.
    """
    at = vertices[triangles] * FIELD - 0.5  # pixels
    low = np.clip(np.ceil(at.min(1) - _EDGE), 0, FIELD).astype(np.int32)
    high = np.clip(np.floor(at.max(1) + _EDGE) + 1, 0, FIELD).astype(np.int32)
    wide, tall = np.maximum(high - low, 0).T
    cells = wide * tall
    # A triangle's cells follow each other: to repeat its value for them is faster than to look it up.
    step = np.arange(cells.sum(), dtype=np.int32)
    step -= np.repeat((np.cumsum(cells) - cells).astype(np.int32), cells)
    width = np.repeat(wide, cells)
    down = step // width
    across = step - down * width
    row, column = np.repeat(low[:, 1], cells) + down, np.repeat(low[:, 0], cells) + across
    (x0, y0), (x1, y1), (x2, y2) = (at[:, i].T for i in range(3))
    area = (x1 - x0) * (y2 - y0) - (x2 - x0) * (y1 - y0)
    # Each weight is a plane over the box: a value in its first pixel and two slopes.
    dx, dy = low[:, 0] - x0, low[:, 1] - y0
    second, third = (
        np.repeat(value / area, cells)
        + np.repeat(right / area, cells) * across
        + np.repeat(below / area, cells) * down
        for value, right, below in (
            (dx * (y2 - y0) - dy * (x2 - x0), y2 - y0, x0 - x2),
            (dy * (x1 - x0) - dx * (y1 - y0), y0 - y1, x1 - x0),
        )
    )
    first = 1 - second - third
    inside = np.flatnonzero((first >= -_EDGE) & (second >= -_EDGE) & (third >= -_EDGE))
    pixel = row[inside] * FIELD + column[inside]
    # Pixels on an edge belong to the triangle that comes last; either gives the same place.
    chosen = np.full(FIELD**2, -1, np.intp)
    chosen[pixel] = inside
    if (chosen < 0).any():
        raise ValueError(
            "points far outside their crop came; some of it is covered by no triangle"
        )
    weights = np.stack([first[chosen], second[chosen], third[chosen]], axis=1)
    owner = np.repeat(np.arange(len(triangles)), cells)
    return triangles[owner[chosen]], np.clip(weights, 0, 1, out=weights)


def _neighbours(triangles: npt.NDArray[np.intp], count: int) -> Any:
    """Sparse (count, count) matrix that takes the mean over each vertex's neighbours."""
    from scipy.sparse import csr_array

    start = triangles[:, [0, 1, 2, 1, 2, 0]].ravel()
    end = triangles[:, [1, 2, 0, 0, 1, 2]].ravel()
    linked = csr_array((np.ones(len(start)), (start, end)), shape=(count, count))
    linked.data[:] = 1.0
    return linked / np.maximum(linked.sum(axis=1), 1.0)[:, None]


def _affine(start: _Array, end: _Array) -> _Array:
    """The affine map nearest to a movement, which folds nowhere."""
    basis = np.hstack([start, np.ones((len(start), 1))])
    solved = np.linalg.lstsq(basis, end, rcond=None)[0]
    result: _Array = basis @ solved
    return result
