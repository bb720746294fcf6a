"""k-Same-M as a surrogate method: the shape-normalised mean, shown as it is."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

import numpy as np

from kssgan.surrogate.shape import Face, ShapeMean, shape_mean
from kssgan.types import FloatArray, PhotoFace, U8Array

__all__ = ["PersonFaces", "ShapeMeanSurrogate"]


class PersonFaces(Iterable[Face]):
    """One person's crops and points, read anew each time."""

    def __init__(self, faces: Iterable[PhotoFace]) -> None:
        self._faces = faces

    def __iter__(self) -> Iterator[Face]:
        for face in self._faces:
            yield face.crop, face.landmarks


class ShapeMeanSurrogate:
    """Mean of a group after warping each face to the group's mean shape, every person weighing the same.

    The face is clean, hair and clothes ghost, and it softens as k grows. It shows no expression of its own,
    so it draws no per-photo label. Generator and composites start from it.

    Args:
        otherwise: (468, 2) shape in crop pixels for a group in which no face has reliable landmarks; such a
            group's faces are averaged as they were cut.

    Reference: Gross, Sweeney, de la Torre, Baker 2006, "Model-based face de-identification" (k-Same-M).
    """

    name = "mean"
    draws: Mapping[str, Sequence[str]] = {}
    parallel = True
    """Groups may be drawn by several threads at a time."""

    def __init__(self, *, otherwise: FloatArray) -> None:
        self._otherwise = otherwise

    def surrogate(self, members: Sequence[Iterable[PhotoFace]]) -> ShapeMean:
        """S_g: mean picture and mean shape of the group; see :func:`kssgan.surrogate.shape.shape_mean`.

        An iterable of ``members`` is read twice, so it must not be an iterator.
        """
        return shape_mean([PersonFaces(faces) for faces in members], otherwise=self._otherwise)

    def draw(self, surrogate: ShapeMean, label: Mapping[str, str], *, seed: int) -> U8Array:
        """S_g rounded, (256, 256, 3) uint8. ``label`` and ``seed`` change nothing."""
        del label, seed
        picture_u8: U8Array = np.rint(surrogate.image_01 * 255).astype(np.uint8)
        return picture_u8
