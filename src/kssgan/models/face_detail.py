"""Fine detail of faces: means of a few public people, of whom two are mixed for every surrogate."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from kssgan.models.head_detail import UNIT
from kssgan.models.weights_file import under
from kssgan.types import CROP_SIZE, FloatArray

__all__ = ["MIXED", "MOST", "PEOPLE", "UNIT", "FaceDetail"]

PEOPLE = 4
"""Public people who make one layer."""

MIXED = 2
"""Layers of one kind that make the detail of one surrogate."""

MOST = 0.64
"""Largest share of one of them: nobody weighs more than a sixth."""

_POINTS = 468
_PREFIX = "face."
_LAYERS = npt.NDArray[np.int8]


@dataclass(frozen=True, eq=False)
class FaceDetail:
    """Lashes, irises, lips, teeth and pores, which a mean face lacks and a small network draws as noise.

    Attributes:
        points: (468, 2) float32 the common shape, pixels of a 256 px crop.
        corner: row and column of the layers' first pixel in that crop.
        layers: by gender and category of the label that is drawn, "" where it is not known: (M, h, w) int8 in
            units of :data:`UNIT`, M >= 2. Each is a mean of :data:`PEOPLE` people, nobody in two of one kind.
        aged: the same by gender and age band, of bands that differ from who made ``layers``; may be empty.
        moving: (h, w) uint8, 255 where the detail is an expression's also on a face of an age band (eyes,
            lips, folds); None without ``aged``.

    Raises:
        ValueError: arrays of other shapes or numbers.
    """

    points: FloatArray
    corner: tuple[int, int]
    layers: Mapping[tuple[str, str], _LAYERS]
    aged: Mapping[tuple[str, str], _LAYERS] = field(default_factory=dict)
    moving: npt.NDArray[np.uint8] | None = None

    def __post_init__(self) -> None:
        if self.points.shape != (_POINTS, 2) or not self.layers:
            raise ValueError(
                f"a shape of {self.points.shape} and {len(self.layers)} kinds came"
            )
        row, column = self.corner
        for name, layers in (*self.layers.items(), *self.aged.items()):
            fits = layers.ndim == 3 and len(layers) >= MIXED and layers.dtype == np.int8
            if not fits or not (
                0 <= row <= CROP_SIZE - layers.shape[1]
                and 0 <= column <= CROP_SIZE - layers.shape[2]
            ):
                raise ValueError(f"layers of {layers.shape} came for {name}")
        sides = {layers.shape[1:] for layers in (*self.layers.values(), *self.aged.values())}
        if self.aged and (self.moving is None or sides != {self.moving.shape}):
            raise ValueError(f"layers of {sides} came, all of one size and a mask were wanted")

    def draw(self, gender: str, category: str, seed: int, *, age: str = "") -> FloatArray:
        """The detail of a face that does not exist.

        Args:
            gender: of the group; where no layers have it, others serve.
            category: of the label that is drawn; it counts before gender, as a smile needs a smile's teeth.
            seed: which two layers are mixed.
            age: band of the group; its layers, where there are some of this gender, serve where an expression
                does not show.

        Returns:
            (256, 256) float32 natural logarithm, in the common shape; 0 outside the layers.
        """
        rng = np.random.default_rng([seed, _POINTS])

        def agrees(kind: tuple[str, str]) -> tuple[bool, bool]:
            return kind[1] == category, kind[0] == gender

        most = max(agrees(kind) for kind in self.layers)
        kinds = sorted(kind for kind in self.layers if agrees(kind) == most)
        mixed = _mixed(self.layers[kinds[int(rng.integers(len(kinds)))]], rng)
        if (gender, age) in self.aged and self.moving is not None:
            moving = self.moving.astype(np.float32) / np.float32(255)
            mixed = moving * mixed + (1 - moving) * _mixed(self.aged[gender, age], rng)
        found = np.zeros((CROP_SIZE, CROP_SIZE), np.float32)
        row, column = self.corner
        found[row : row + mixed.shape[0], column : column + mixed.shape[1]] = mixed
        return found

    def tensors(self) -> dict[str, Tensor]:
        """What a generator's file holds of it, by name."""
        return {
            f"{_PREFIX}points": torch.tensor(np.float32(self.points)),
            f"{_PREFIX}corner": torch.tensor(self.corner, dtype=torch.int32),
            **{
                f"{_PREFIX}layers.{gender}:{category}": torch.from_numpy(
                    np.ascontiguousarray(layers)
                )
                for (gender, category), layers in sorted(self.layers.items())
            },
            **{
                f"{_PREFIX}aged.{gender}:{band}": torch.from_numpy(np.ascontiguousarray(layers))
                for (gender, band), layers in sorted(self.aged.items())
            },
            **({} if self.moving is None else {f"{_PREFIX}moving": torch.tensor(self.moving)}),
        }

    @classmethod
    def of(cls, tensors: Mapping[str, Tensor]) -> FaceDetail | None:
        """Inverse of :meth:`tensors`; None where a file holds none.

        Raises:
            ValueError: of other shapes or types.
            KeyError: a part is missing.
        """
        if not any(name.startswith(_PREFIX) for name in tensors):
            return None
        kinds: dict[str, dict[tuple[str, str], _LAYERS]] = {"layers": {}, "aged": {}}
        for sort, found in kinds.items():
            for name, value in under(tensors, f"{_PREFIX}{sort}.").items():
                gender, category = name.split(":")
                found[gender, category] = value.numpy()
        moving = tensors.get(f"{_PREFIX}moving")
        row, column = tensors[f"{_PREFIX}corner"].tolist()
        points = tensors[f"{_PREFIX}points"].float().numpy()
        return cls(
            points,
            (int(row), int(column)),
            **kinds,
            moving=None if moving is None else moving.numpy(),
        )


def _mixed(layers: _LAYERS, rng: np.random.Generator) -> FloatArray:
    """Two of some layers, none of them more than :data:`MOST` of it."""
    chosen = rng.choice(len(layers), MIXED, replace=False)
    share = np.float32(rng.uniform(1 - MOST, MOST))
    first, second = layers[chosen].astype(np.float32) * np.float32(UNIT)
    found: FloatArray = share * first + (1 - share) * second
    return found
