"""k-Same-M: the mean of the group's parameters in an active appearance model, rendered."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
import numpy.typing as npt

from kssgan.baselines._components import Components, principal_components
from kssgan.baselines.pixel import KSame
from kssgan.errors import UsageError
from kssgan.surrogate.shape import ShapeMean, mean_in, moved
from kssgan.surrogate.shape_method import PersonFaces
from kssgan.surrogate.warp import Warp
from kssgan.types import CROP_SIZE, FloatArray, PhotoFace, U8Array

__all__ = ["AppearanceModel", "KSameM", "Parameters"]

_Array = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Parameters:
    """A face in the model.

    Attributes:
        shape: (C_s,) of the shape.
        appearance: (C_a,) of the picture in the reference shape.
    """

    shape: _Array
    appearance: _Array


@dataclass(frozen=True, slots=True, eq=False)
class AppearanceModel:
    """Shapes and shape-free pictures of some people.

    Attributes:
        reference: (468, 2) float32 the mean shape, in pixels of a head crop.
        shapes: components of 936 coordinates.
        appearances: components of 256 x 256 x 3 values in [0, 1].
        warp: to the reference.
    """

    reference: FloatArray
    shapes: Components
    appearances: Components
    warp: Warp


class KSameM(KSame):
    """Mean shape and appearance parameters of the group, rendered: clean features, soft skin.

    The model is an independent one (shape and appearance apart). Head crops have their eyes and mouths at
    fixed places, so shapes need no further alignment, and the picture is the whole head crop, not the face
    alone. With all directions of a gallery that holds the group the parameters are exactly those of the
    shape-normalised mean; the picture differs from ``--surrogate mean`` by one more warp.

    Args:
        energy: share of the variance that each part keeps, above 0 and up to 1.

    Attributes:
        model_: after :meth:`fit`.

    Reference: Gross, Sweeney, de la Torre, Baker 2006, "Model-based face de-identification"; Matthews, Baker
    2004, "Active appearance models revisited".
    """

    name = "k-same-m"
    draws: Mapping[str, Sequence[str]] = {}
    fails = KSame.fails + "; the model depends on everybody whom it was fitted to"

    def __init__(self, *, energy: float = 0.95) -> None:
        self.energy = energy
        self.model_: AppearanceModel | None = None

    def fit(self, people: Sequence[Iterable[PhotoFace]]) -> Self:
        """Learn shapes and appearances of public faces, or of the gallery, everybody weighing the same.

        Raises:
            UsageError: fewer than two people have reliable landmarks.
        """
        fit = [faces for faces in people if any(f.landmarks is not None for f in faces)]
        if len(fit) < 2:
            raise UsageError(
                f"{len(fit)} people have reliable landmarks; an appearance model needs at least two"
            )
        shapes = np.array([_shape(faces).ravel() for faces in fit])
        in_shapes = principal_components(shapes, energy=self.energy)
        reference = in_shapes.mean.reshape(-1, 2)
        warp = Warp(reference)
        pictures = [
            mean_in([PersonFaces(faces)], warp, otherwise=reference).image_01.ravel()
            for faces in people
        ]
        appearances = principal_components(np.array(pictures), energy=self.energy)
        self.model_ = AppearanceModel(reference, in_shapes, appearances, warp)
        return self

    def surrogate(self, members: Sequence[Iterable[PhotoFace]]) -> Parameters:
        """S_g: the group's mean parameters; both models are linear, so those of its mean."""
        model = self._fitted()
        mean = mean_in(
            [PersonFaces(faces) for faces in members], model.warp, otherwise=model.reference
        )
        return Parameters(
            model.shapes.coefficients(mean.points.ravel()),
            model.appearances.coefficients(mean.image_01.ravel()),
        )

    def draw(self, surrogate: Parameters, label: Mapping[str, str], *, seed: int) -> U8Array:
        """Render the parameters, (256, 256, 3) uint8. ``label`` and ``seed`` change nothing."""
        del label, seed
        model = self._fitted()
        points = model.shapes.row(surrogate.shape).reshape(-1, 2)
        row = np.clip(model.appearances.row(surrogate.appearance), 0, 1)
        mean = ShapeMean(row.reshape(CROP_SIZE, CROP_SIZE, 3), model.reference)
        picture_u8: U8Array = np.rint(moved(mean, points).image_01 * 255).astype(np.uint8)
        return picture_u8

    def _fitted(self) -> AppearanceModel:
        if self.model_ is None:
            raise UsageError("k-Same-M has no appearance model yet; call fit(people) first")
        return self.model_


def _shape(faces: Iterable[PhotoFace]) -> FloatArray:
    """Mean shape of one person's photos with reliable landmarks, in no order."""
    points = [f.landmarks.astype(np.float64) for f in faces if f.landmarks is not None]
    whole = np.rint(np.stack(points) * 4096).astype(np.int64).sum(0)
    mean: FloatArray = (whole / (4096 * len(points))).astype(np.float32)
    return mean
