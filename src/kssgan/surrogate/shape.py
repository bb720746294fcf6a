"""Shape-normalised mean (k-Same-M): faces warped to the group's mean shape, then averaged.

Where a plain mean doubles eyes and lips that lie at different heights, here every face is first moved to the
mean shape of the group, so that like falls on like; only hair and clothes still blend.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from kssgan.surrogate._mesh import CHEEKS, check_points
from kssgan.surrogate.warp import Warp
from kssgan.types import CROP_SIZE, FloatArray, IntArray, U8Array

__all__ = [
    "DARK",
    "Face",
    "ShapeMean",
    "at_cheeks",
    "mean_in",
    "moved",
    "shape_mean",
    "skin_tone",
]

Face = tuple[U8Array, FloatArray | None]
"""A head crop (256, 256, 3) uint8 and its (468, 2) points in its pixels, or None where none are reliable."""

DARK = 0.03
"""Added to pictures in [0, 1] before logarithms, so that noise in the dark stays small."""

# Whole numbers, as in ``mean.py``: their sums do not depend on an order. Pictures are rounded to 2**-12 grey
# levels and points to 2**-12 pixels when they come, a person's mean is kept to 2**-24 of the unit.
_FINE = 1 << 12
_UNIT = 1 << 12


@dataclass(frozen=True, slots=True, eq=False)
class ShapeMean:
    """What a group shares: its mean face, and where the features of that face lie.

    Attributes:
        image_01: (256, 256, 3) float32 in [0, 1].
        points: (468, 2) float32, pixels of ``image_01``.
        people: how many people it is the mean of, each weighing the same.
    """

    image_01: FloatArray
    points: FloatArray
    people: int = 1


class _People:
    """Sum over people of the mean of each one's arrays, in whole numbers."""

    def __init__(self) -> None:
        self.total: IntArray | None = None
        self.count = 0

    def add(self, arrays: Iterable[FloatArray]) -> int:
        """Add one person; returns the number of arrays. Without any, the person does not count."""
        summed: IntArray | None = None
        count = 0
        for array in arrays:
            # A power of two: float32 holds the products exactly.
            whole = np.rint(array * np.float32(_FINE)).astype(np.int64)
            summed = whole if summed is None else summed + whole
            count += 1
        if summed is not None:
            person = (summed * _UNIT + count // 2) // count
            self.total = person if self.total is None else self.total + person
            self.count += 1
        return count

    def mean(self) -> FloatArray | None:
        if self.total is None:
            return None
        return (self.total / (_FINE * _UNIT * self.count)).astype(np.float32)


def shape_mean(
    members: Sequence[Iterable[Face]], *, otherwise: FloatArray | None = None
) -> ShapeMean:
    """Warp each person's pictures to the group's mean shape and average, people weighing the same.

    The shape is the mean of each person's mean shape; the picture that of each person's mean picture. A face
    without reliable points counts in the picture as it was cut (eyes, nose and mouth at fixed places), and
    its person's shape is taken from the person's other photos, or left to the other people.

    Args:
        members: one iterable of faces per person, at least one face each. The shape must be known before a
            picture can be warped, so each is read twice: give lists, or objects whose ``__iter__`` loads the
            crops anew. An iterator (a generator) can be read once only and is kept in memory.
        otherwise: (468, 2) the shape to use where nobody has reliable points.

    Returns:
        The same to the last bit whatever the order of people and of a person's photos.

    Raises:
        ValueError: no people, a person without a picture, a person whose second reading differs in number,
            pictures or points of another shape, or no points at all and no ``otherwise``.

    Reference: Gross, Sweeney, de la Torre, Baker 2006, "Model-based face de-identification" (k-Same-M).
    """
    people = _people(members)
    shape, counts = _mean_points(people, otherwise)
    image = _mean_picture(people, counts, Warp(shape))
    return ShapeMean(image, shape, len(people))


def mean_in(
    members: Sequence[Iterable[Face]], warp: Warp, *, otherwise: FloatArray | None = None
) -> ShapeMean:
    """As :func:`shape_mean`, but the pictures are averaged in one shape that all groups share.

    Args:
        members: as there.
        warp: to that shape.
        otherwise: as there.

    Returns:
        ``points`` are the group's own mean shape; ``image_01`` lies in the shape of ``warp``.

    Raises:
        ValueError: as there.
    """
    people = _people(members)
    shape, counts = _mean_points(people, otherwise)
    return ShapeMean(_mean_picture(people, counts, warp), shape, len(people))


def moved(mean: ShapeMean, points: FloatArray, warp: Warp | None = None) -> ShapeMean:
    """S_g warped to another shape; S_g itself where that is its own.

    Args:
        mean: of a group.
        points: (468, 2) float32 the shape.
        warp: to that shape, where one is already made.
    """
    from kssgan.surrogate import _torch_warp

    if points is mean.points:
        return mean
    field = (warp or Warp(points)).sources(mean.points, size=CROP_SIZE)
    image = np.rint(mean.image_01 * 255).astype(np.uint8)
    planes = _torch_warp.sample(image[None], field[None], CROP_SIZE)[0]
    image_01 = np.ascontiguousarray(planes.transpose(1, 2, 0)) / np.float32(255)
    return ShapeMean(image_01.astype(np.float32), points, mean.people)


def skin_tone(mean: ShapeMean) -> FloatArray:
    """Median colour of the cheeks of S_g, (3,) float32 in [0, 1]."""
    tone: FloatArray = np.median(at_cheeks(mean.image_01, mean.points), axis=0).astype(
        np.float32
    )
    return tone


def at_cheeks(image: FloatArray, points: FloatArray) -> FloatArray:
    """What a picture is at the points of the cheeks.

    Args:
        image: (256, 256, C).
        points: (468, 2) where its face lies.

    Returns:
        (N, C), one row for each point.
    """
    cheeks = points[[i for cheek in CHEEKS for i in cheek]]
    x, y = np.clip(np.rint(cheeks), 0, CROP_SIZE - 1).astype(np.int64).T
    found: FloatArray = image[y, x]
    return found


def _people(members: Sequence[Iterable[Face]]) -> list[Iterable[Face]]:
    """Each person's faces, such that they can be read twice."""
    if not members:
        raise ValueError("no people came; a surrogate needs at least one")
    return [list(m) if isinstance(m, Iterator) else m for m in members]


def _mean_points(
    people: Sequence[Iterable[Face]], otherwise: FloatArray | None
) -> tuple[FloatArray, list[int]]:
    """The mean shape, and each person's number of faces."""
    shapes, counts = _People(), []
    for faces in people:
        counts.append(0)
        points = []
        for crop_u8, found in faces:
            _check(crop_u8)
            counts[-1] += 1
            if found is not None:
                check_points(found)
                points.append(found)
        if not counts[-1]:
            raise ValueError("a person without a picture came; every person needs at least one")
        shapes.add(points)
    shape = shapes.mean()
    if shape is None:
        if otherwise is None:
            raise ValueError(
                "no face has reliable points, so there is no mean shape; "
                "give a shape as `otherwise`, or use the plain mean"
            )
        check_points(otherwise)
        shape = otherwise.astype(np.float32)
    return shape, counts


def _mean_picture(
    people: Sequence[Iterable[Face]], counts: Sequence[int], warp: Warp
) -> FloatArray:
    """Mean of the pictures after the warp, (256, 256, 3) float32 in [0, 1]."""
    pictures = _People()
    for faces, count in zip(people, counts, strict=True):
        if pictures.add(_warped(faces, warp)) != count:
            raise ValueError("a person's pictures changed between the two readings")
    image = pictures.mean()
    assert image is not None, "every person has a picture"
    return np.clip(image / 255, 0, 1).astype(np.float32)


def _warped(faces: Iterable[Face], warp: Warp) -> Iterator[FloatArray]:
    for crop_u8, points in faces:
        if points is None:
            yield crop_u8.astype(np.float32)
        else:
            yield warp(crop_u8[None], points[None])[0]


def _check(crop_u8: U8Array) -> None:
    if crop_u8.dtype != np.uint8 or crop_u8.shape != (CROP_SIZE, CROP_SIZE, 3):
        raise ValueError(
            f"a crop of shape {crop_u8.shape} and type {crop_u8.dtype} came; "
            f"({CROP_SIZE}, {CROP_SIZE}, 3) uint8 was wanted"
        )
