"""How faces of the public differ from their mean: what lends a group's mean the features of one person."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from kssgan.types import FloatArray

__all__ = ["FaceSpace", "Features"]

_LIMIT = 2.0
"""Chance numbers are held within so many deviations: rare faces look odd."""


@dataclass(frozen=True, eq=False)
class Features:
    """How one face differs from a mean.

    Attributes:
        points: (468, 2) float32 the shape in which ``ratio`` lies, pixels of a 256 px crop.
        ratio: (128, 128, 3) float32, natural logarithm of the face over the mean.
        moved: (468, 2) float32, pixels by which its points lie elsewhere.
    """

    points: FloatArray
    ratio: FloatArray
    moved: FloatArray


@dataclass(frozen=True, eq=False)
class FaceSpace:
    """Directions in which faces differ, and how they go together.

    A face is drawn from a normal distribution with the covariance of public people, so it is as far from each
    of them as they are from each other, and is nobody's.

    Attributes:
        points: (468, 2) float32 the common shape, pixels of a 256 px crop.
        pictures: (P, 128, 128, 3) float32 directions of the logarithm of pictures in that shape.
        shapes: (S, 468, 2) float32 directions of shapes, pixels.
        spread: by gender, "" for anybody: (P + S, P + S) float32 factor A of the covariance A A^T of the
            coefficients of both.
        kinds: by category of the label that is drawn, (128, 128, 3) float32: mean logarithm of faces over
            their own skin tone in that shape; empty where fewer than two are known.

    Reference: Cootes, Edwards, Taylor 1998, "Active appearance models".
    """

    points: FloatArray
    pictures: FloatArray
    shapes: FloatArray
    spread: Mapping[str, FloatArray]
    kinds: Mapping[str, FloatArray] = field(default_factory=dict)

    def way(self, wanted: str) -> tuple[FloatArray, FloatArray] | None:
        """Texture of the other categories, and what leads from there to the wanted one.

        Returns:
            Two (128, 128, 3) float32, or None where nothing is known of the category.
        """
        others = [texture for name, texture in self.kinds.items() if name != wanted]
        if wanted not in self.kinds or not others:
            return None
        origin: FloatArray = np.mean(others, axis=0)
        return origin, self.kinds[wanted] - origin

    def draw(
        self, gender: str, seed: int, *, texture: float = 1.0, shape: float = 1.0
    ) -> Features | None:
        """Features of a person who does not exist.

        Args:
            gender: a key of ``spread``; any other is drawn as anybody.
            seed: the same gives the same features.
            texture: 1 differs from the mean as people do, 0 not at all.
            shape: the same of shapes.

        Returns:
            None where nothing is known of anybody.
        """
        spread = self.spread.get(gender, self.spread.get(""))
        if spread is None:
            return None
        chance = np.random.default_rng([seed, len(spread)]).normal(size=len(spread))
        # One sum after the other: a product of matrices may add up in an order that depends on threads.
        at = (spread * np.clip(chance, -_LIMIT, _LIMIT)).sum(1)
        ratio = np.zeros(self.pictures.shape[1:])
        for share, direction in zip(at, self.pictures, strict=False):
            ratio += texture * share * direction
        moved = np.zeros(self.shapes.shape[1:])
        for share, direction in zip(at[len(self.pictures) :], self.shapes, strict=True):
            moved += shape * share * direction
        return Features(self.points, ratio.astype(np.float32), moved.astype(np.float32))
