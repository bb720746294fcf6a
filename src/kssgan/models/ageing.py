"""How faces of the public change with age, and how old a group's mean looks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from kssgan.types import FloatArray

__all__ = ["READ_SIZE", "Ageing"]

READ_SIZE = 32
"""Side of the textures off which an age is read."""

_POINTS = 468
_TEXTURE = 128
_PREFIX = "ageing."


@dataclass(frozen=True, eq=False)
class Ageing:
    """Ages are places among bands: 0 is the first band, 1 the next, and so on; halves lie between.

    Textures lie in the shape of the generator's face space.

    Attributes:
        bands: names from young to old, at least two.
        reader: (32, 32, 3) float32, what each value of a texture adds to the place that is read.
        constant: what is read off a texture of zeros.
        texture: (128, 128, 3) float32, what a band more adds to a texture.
        moved: (468, 2) float32, pixels by which a band more moves the points.

    Raises:
        ValueError: arrays of other shapes.
    """

    bands: Sequence[str]
    reader: FloatArray
    constant: float
    texture: FloatArray
    moved: FloatArray

    def __post_init__(self) -> None:
        wanted = {
            "reader": (READ_SIZE, READ_SIZE, 3),
            "texture": (_TEXTURE, _TEXTURE, 3),
            "moved": (_POINTS, 2),
        }
        for name, shape in wanted.items():
            if (came := getattr(self, name).shape) != shape:
                raise ValueError(f"{name} of {came} came, {shape} was wanted")
        if len(self.bands) < 2:
            raise ValueError(f"{len(self.bands)} bands came, at least 2 were wanted")

    def read(self, texture: FloatArray) -> float:
        """How old a face looks, 0 to the number of bands less one.

        Args:
            texture: (128, 128, 3) natural logarithm of a face over its skin tone.
        """
        by = _TEXTURE // READ_SIZE
        small = texture.reshape(READ_SIZE, by, READ_SIZE, by, 3).mean((1, 3))
        at = self.constant + float((small * self.reader).sum(dtype=np.float64))
        return float(np.clip(at, 0, len(self.bands) - 1))

    def place(self, band: str) -> float | None:
        """Where a band lies; None for a name that is not one."""
        return float(self.bands.index(band)) if band in self.bands else None

    def band(self, place: float) -> str:
        """The band nearest to a place."""
        return self.bands[int(np.clip(np.rint(place), 0, len(self.bands) - 1))]

    def tensors(self) -> dict[str, Tensor]:
        """What a generator's file holds of it, by name."""
        planes = torch.from_numpy(np.ascontiguousarray(self.texture))
        unit = planes.abs().max().clamp(min=1e-12) / 127
        return {
            f"{_PREFIX}reader": torch.tensor(np.float32(self.reader)),
            f"{_PREFIX}constant": torch.tensor(np.float32(self.constant)),
            f"{_PREFIX}texture": (planes / unit).round().to(torch.int8),
            f"{_PREFIX}unit": unit,
            f"{_PREFIX}moved": torch.tensor(np.float32(self.moved)),
        }

    @classmethod
    def of(cls, tensors: Mapping[str, Tensor], bands: Sequence[str]) -> Ageing | None:
        """Inverse of :meth:`tensors`; None where a file holds none.

        Raises:
            ValueError: of other shapes.
            KeyError: a part is missing.
        """
        if not any(name.startswith(_PREFIX) for name in tensors):
            return None
        parts = {
            name: tensors[f"{_PREFIX}{name}"].float()
            for name in ("reader", "constant", "texture", "unit", "moved")
        }
        return cls(
            tuple(bands),
            parts["reader"].numpy(),
            float(parts["constant"]),
            (parts["texture"] * parts["unit"]).numpy(),
            parts["moved"].numpy(),
        )
