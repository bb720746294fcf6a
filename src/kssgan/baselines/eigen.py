"""k-Same-Eigen: the mean of the group's coefficients in a space of eigenfaces."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Self

import numpy as np
import numpy.typing as npt

from kssgan.baselines._components import Components, principal_components
from kssgan.baselines.pixel import KSame
from kssgan.errors import UsageError
from kssgan.surrogate.mean import equal_mean
from kssgan.types import CROP_SIZE, PhotoFace, U8Array

__all__ = ["KSameEigen"]


class KSameEigen(KSame):
    """Mean coefficients of the group on eigenfaces, rendered.

    A projection is linear, so the mean of coefficients is the mean face's coefficients; that is how it is
    computed, and why no order of people or photos changes a bit. With all directions of a gallery that holds
    the group it equals k-Same-Pixel; with fewer it is a smoother mean. Memory: 1.6 MB per person of ``fit``.

    Args:
        energy: share of the variance that the eigenfaces keep, above 0 and up to 1.

    Attributes:
        eigenfaces_: after :meth:`fit`.

    Reference: Newton, Sweeney, Malin 2005 (k-Same-Eigen).
    """

    name = "k-same-eigen"
    draws: Mapping[str, Sequence[str]] = {}
    fails = KSame.fails + "; eigenfaces of the gallery depend on everybody in it"

    def __init__(self, *, energy: float = 0.95) -> None:
        self.energy = energy
        self.eigenfaces_: Components | None = None

    def fit(self, people: Sequence[Iterable[PhotoFace]]) -> Self:
        """Learn eigenfaces of public faces, or of the gallery, everybody weighing the same.

        Raises:
            UsageError: fewer than two people.
        """
        rows = [equal_mean([(face.crop for face in faces)]).ravel() for faces in people]
        self.eigenfaces_ = principal_components(np.array(rows), energy=self.energy)
        return self

    def surrogate(self, members: Sequence[Iterable[PhotoFace]]) -> npt.NDArray[np.float64]:
        """Coefficients of S_g, (C,) float64."""
        mean = equal_mean([(face.crop for face in faces) for faces in members])
        return self._fitted().coefficients(mean.ravel())

    def draw(
        self, surrogate: npt.NDArray[np.float64], label: Mapping[str, str], *, seed: int
    ) -> U8Array:
        """The face of those coefficients, (256, 256, 3) uint8. ``label`` and ``seed`` change nothing."""
        del label, seed
        image_01 = self._fitted().row(surrogate).reshape(CROP_SIZE, CROP_SIZE, 3)
        picture_u8: U8Array = np.rint(np.clip(image_01, 0, 1) * 255).astype(np.uint8)
        return picture_u8

    def _fitted(self) -> Components:
        if self.eigenfaces_ is None:
            raise UsageError("k-Same-Eigen has no eigenfaces yet; call fit(people) first")
        return self.eigenfaces_
