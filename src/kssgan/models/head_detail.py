"""Fine detail of donors' heads: strands of hair, cloth, the skin of neck and brow. Never a face."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from torch import Tensor

from kssgan.types import CROP_SIZE, FloatArray, U8Array

__all__ = ["STRETCHED", "UNIT", "HeadDetail"]

UNIT = 0.01
"""Natural logarithm of brightness per step of a stored detail."""

_COARSE = CROP_SIZE // 4
STRETCHED = 6.0
"""Pixels by which a lender's head may be narrower beside the face than a mixture's."""

_POINTS = 468
_PREFIX = "detail."
_CORNER = (16, 6)  # rows and columns of a reduced portrait that show its wall
_ROWS = (0.3, 0.7)  # of a face's height, from its top: brows to nose
_DARK = 0.03  # added to tones, so that black has a logarithm
_HEAD = 0.35  # how far a head's tone lies from its wall's (logarithm)


@dataclass(frozen=True, eq=False)
class HeadDetail:
    """One layer per donor, in the order of the codes.

    Attributes:
        fine: (D, 256, 256) int8, in units of :data:`UNIT`: logarithm of the grey portrait over its own blur;
            0 on the face, from the brows to the chin.
        coarse: (D, 64, 64, 3) uint8, the portrait reduced four times, its face in the colour of its cheeks.
        points: (D, 468, 2) float32, the donor's mesh in pixels of a 256 px crop.
        apart: (D, D) float32, mean difference of two heads' tones (logarithms) in one shape: outlines that
            differ have no clean middle.

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

    @cached_property
    def beside(self) -> FloatArray:
        """(D,) float32, how far heads reach beyond their faces between brows and nose: pixels.

        The mean of both sides. Short hair leaves ears alone there, long hair more. A head ends where its wall
        begins, whose colour is that of the portrait's upper corners.
        """
        found = [
            _reach(coarse, points)
            for coarse, points in zip(self.coarse, self.points, strict=True)
        ]
        return np.array(found, np.float32)

    def lender(self, mix: Sequence[tuple[int, float]]) -> int:
        """Whose strands a mixture of heads wears: of the one that looks most like all of it.

        By the mixture alone, not by a picture: all pictures of a group wear the same. Nobody lends
        whose head is narrower beside the face by more than :data:`STRETCHED`: ears would be stretched to fill
        the mixture's.

        Args:
            mix: (row, weight) pairs, at least one; weights add up to 1.

        Returns:
            The row with the least mean of ``apart``, by weight; the first of those that have it.
        """
        wide = sum(weight * float(self.beside[row]) for row, weight in mix)
        fits = [row for row, _ in mix if self.beside[row] >= wide - STRETCHED]
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


def _reach(coarse_u8: U8Array, points: FloatArray) -> float:
    """How far a head reaches beyond its face, in pixels of a 256 px crop."""
    step = CROP_SIZE // _COARSE
    rows, columns = _CORNER
    corners = [coarse_u8[:rows, :columns], coarse_u8[:rows, -columns:]]
    wall = np.median(np.concatenate(corners, 1).reshape(-1, 3), axis=0)
    tones = np.log(coarse_u8.astype(np.float32) / 255 + _DARK)
    head = np.abs(tones - np.log(wall / 255 + _DARK)).max(2) > _HEAD
    (left, top), (right, bottom) = points.min(0) / step, points.max(0) / step
    first, last = (round(float(top + share * (bottom - top))) for share in _ROWS)
    found = []
    for row in head[max(first, 0) : max(last, first + 1)]:
        before, after = row[: round(float(left))][::-1], row[round(float(right)) :]
        # Up to the first pixel that is wall, or the border.
        reach = [
            int(np.argmin(side)) if not side.all() else len(side) for side in (before, after)
        ]
        found.append(sum(reach) / 2)
    return step * float(np.median(found)) if found else 0.0
