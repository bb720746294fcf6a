"""An expression is a shape first: S_g is moved along the way from the other expressions to the wanted one.

A group's mean lies somewhere between its members' expressions. Where it lies is read from its shape, and it
is warped on to where the wanted expression is plain. The way is that of public people; only S_g is read.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from kssgan.surrogate._mesh import STILL
from kssgan.types import FloatArray

__all__ = ["STRENGTH", "express", "foreign", "position", "upright"]

STRENGTH = 1.6
"""Where a wanted expression lies on its way: 0 is the mean of the others, 1 its own mean."""

_FARTHEST = 2.0  # a mean is moved no farther: landmarks of something odd must not tear a face


def position(points: FloatArray, wanted: str, shapes: Mapping[str, FloatArray]) -> float:
    """Where a face lies on the way to an expression: 0 at the mean of the other shapes, 1 at the wanted one.

    Args:
        points: (468, 2) pixels of a 256 px crop.
        wanted: one of ``shapes``.
        shapes: per expression, (468, 2) mean shape of people of whom every expression is known; at least two.
    """
    origin, way = _way(wanted, shapes)
    return float(((points - origin) * way).sum() / max(float((way**2).sum()), 1e-9))


def express(points: FloatArray, wanted: str, shapes: Mapping[str, FloatArray]) -> FloatArray:
    """The shape of a face with a plain expression; itself where the expression has no shape to compare with.

    Args:
        points: (468, 2) of S_g, pixels of a 256 px crop.
        wanted: expression.
        shapes: as of :func:`position`.

    Returns:
        (468, 2) float32, to which S_g is to be warped.
    """
    if wanted not in shapes or len(shapes) < 2:
        return points
    _, way = _way(wanted, shapes)
    missing = STRENGTH - position(points, wanted, shapes)
    away = np.clip(missing, -_FARTHEST, _FARTHEST) * way
    found: FloatArray = (points + away).astype(np.float32)
    return found


def upright(points: FloatArray, shapes: Mapping[str, FloatArray]) -> FloatArray:
    """A face moved, turned and scaled so that its forehead and eyes lie where those of people do.

    Crops are aligned by five points, two of them the corners of the mouth: a smile makes all of a head
    smaller (by 3 %) and shifts it. One head for a group is one only where it stays in its place.

    Args:
        points: (468, 2) pixels of a 256 px crop.
        shapes: as of :func:`position`; their mean is where people's faces lie.

    Returns:
        (468, 2) float32; itself where there are no shapes.
    """
    if not shapes:
        return points
    still = list(STILL)
    usual = np.mean([shape[still] for shape in shapes.values()], axis=0)
    # In the plane a turn with a scale is one complex factor; least squares have a closed form.
    x, y = points.astype(np.float64).T
    all_points, wanted = x + 1j * y, usual @ np.array([1, 1j])
    away = all_points[still] - all_points[still].mean()
    factor = (away.conj() @ wanted) / max(float((np.abs(away) ** 2).sum()), 1e-9)
    placed = factor * (all_points - all_points[still].mean()) + wanted.mean()
    found: FloatArray = np.stack([placed.real, placed.imag], 1).astype(np.float32)
    return found


def foreign(points: FloatArray, wanted: str, shapes: Mapping[str, FloatArray]) -> float:
    """How foreign an expression is to a face: 0 where it is plain already, 1 where a face is moved farthest.

    Args:
        points: (468, 2) of S_g, pixels of a 256 px crop.
        wanted: expression.
        shapes: as of :func:`position`.

    Returns:
        In [0, 1]; 0 where the expression has no shape to compare with.
    """
    if wanted not in shapes or len(shapes) < 2:
        return 0.0
    missing = STRENGTH - position(points, wanted, shapes)
    return float(np.clip(missing / _FARTHEST, 0.0, 1.0))


def _way(wanted: str, shapes: Mapping[str, FloatArray]) -> tuple[FloatArray, FloatArray]:
    others = [shape for name, shape in shapes.items() if name != wanted]
    origin: FloatArray = np.mean(others, axis=0)
    return origin, shapes[wanted] - origin
