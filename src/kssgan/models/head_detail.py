"""Fine detail of donors' heads: strands of hair, cloth, the skin of neck and brow. Never a face."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from kssgan.types import CROP_SIZE, FloatArray, U8Array

__all__ = ["STRETCHED", "UNIT", "HeadDetail"]

UNIT = 0.01
"""Natural logarithm of brightness per step of a stored detail."""

STRETCHED = 6.0
"""Pixels by which a lender's head may be narrower beside the face than a mixture's."""

_COARSE = CROP_SIZE // 4
_POINTS = 468
_PREFIX = "detail."


@dataclass(frozen=True, eq=False)
class HeadDetail:
    """One layer per donor, in the order of the codes.

    Attributes:
        fine: (D, 256, 256) int8, in units of :data:`UNIT`: logarithm of the grey portrait over its own blur;
            0 on the face, from the brows to the chin.
        coarse: (D, 64, 64, 3) uint8, the portrait reduced four times, its face in the colour of its cheeks.
        points: (D, 468, 2) float32, the donor's mesh in pixels of a 256 px crop.
        apart: (D, D) float32, mean difference of two heads' tones (logarithms) in one shape, and more where
            they are turned to different sides: outlines that differ have no clean middle.

    Raises:
        ValueError: arrays of other shapes or numbers.
    """

    fine: np.ndarray[tuple[int, int, int], np.dtype[np.int8]]
    coarse: U8Array
    points: FloatArray
    apart: FloatArray

    def __post_init__(self) -> None:
        count = len(self.fine)
        wanted = {
            "fine": (count, CROP_SIZE, CROP_SIZE),
            "coarse": (count, _COARSE, _COARSE, 3),
            "points": (count, _POINTS, 2),
            "apart": (count, count),
        }
        for name, shape in wanted.items():
            if getattr(self, name).shape != shape:
                raise ValueError(
                    f"{name} of shape {getattr(self, name).shape} came, {shape} was wanted"
                )

    def __len__(self) -> int:
        return len(self.fine)

    def logs(self, row: int) -> FloatArray:
        """(256, 256) float32, one donor's logarithms."""
        found: FloatArray = self.fine[row].astype(np.float32) * np.float32(UNIT)
        return found

    def lender(self, mix: Sequence[tuple[int, float]], reach: FloatArray) -> int:
        """Whose strands a mixture of heads wears: of the one that looks most like all of it.

        By the mixture alone, not by a picture: all pictures of a group wear the same. Nobody lends
        whose head is narrower beside the face by more than :data:`STRETCHED`: ears would be stretched to fill
        the mixture's.

        Args:
            mix: (row, weight) pairs, at least one; weights add up to 1.
            reach: (D,) how far each head reaches beyond its face, pixels.

        Returns:
            Of those that are wide enough the row with the least mean of ``apart``, by weight; the first of
            those that have it.
        """
        wide = sum(weight * float(reach[row]) for row, weight in mix)
        fits = [row for row, _ in mix if reach[row] >= wide - STRETCHED]
        return min(
            fits,
            key=lambda row: sum(
                weight * float(self.apart[row, other]) for other, weight in mix
            ),
        )

    def tensors(self) -> dict[str, Tensor]:
        """What a generator's file holds of it, by name."""
        return {
            f"{_PREFIX}fine": torch.from_numpy(np.ascontiguousarray(self.fine)),
            f"{_PREFIX}coarse": torch.from_numpy(np.ascontiguousarray(self.coarse)),
            f"{_PREFIX}points": torch.from_numpy(np.ascontiguousarray(self.points)).half(),
            f"{_PREFIX}apart": torch.from_numpy(np.ascontiguousarray(self.apart)).half(),
        }

    @classmethod
    def of(cls, tensors: Mapping[str, Tensor]) -> HeadDetail | None:
        """Inverse of :meth:`tensors`; None where a file holds none.

        Raises:
            ValueError: of other shapes or types.
            KeyError: a part is missing.
        """
        if not any(name.startswith(_PREFIX) for name in tensors):
            return None
        fine, coarse, points, apart = (
            tensors[_PREFIX + name] for name in ("fine", "coarse", "points", "apart")
        )
        if fine.dtype != torch.int8 or coarse.dtype != torch.uint8:
            raise ValueError(f"details of {fine.dtype} and {coarse.dtype} came")
        return cls(fine.numpy(), coarse.numpy(), points.float().numpy(), apart.float().numpy())
