"""Smooth warps in torch alone: many crops to one face shape, on any device.

A thin-plate spline through the outlines of face, eyes, brows, nose and lips. It needs no triangulation (and
so no scipy), and costs one small linear system a shape.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812

from kssgan.surrogate._mesh import (
    BROWS,
    CHEEKS,
    EYES,
    FOREHEAD,
    INNER_LIPS,
    NOSE,
    NOSTRILS,
    OUTER_LIPS,
    OVAL,
)
from kssgan.types import CROP_SIZE

__all__ = ["ANCHORS", "Spline", "sample"]

ANCHORS: tuple[int, ...] = tuple(
    sorted(
        {
            *OVAL,
            *NOSE,
            *NOSTRILS,
            *OUTER_LIPS,
            *INNER_LIPS,
            *FOREHEAD,
            *(i for outline in (*EYES, *BROWS, *CHEEKS) for i in outline),
        }
    )
)
"""Points of the mesh that a warp is led by."""

_FIELD = 128  # side of the grid on which a field is computed
_REACH = 0.15  # beyond the crop the movement has faded away
_RIM = 9  # fixed points per side out there
_SOFT = 1e-5  # how far the surface may miss a point, against noise in neighbouring points


class Spline:
    """Warps to one shape.

    Args:
        shape: (468, 2) pixels of a crop, on the device that shall work.
    """

    def __init__(self, shape: Tensor) -> None:
        self._shape = _fractions(shape)
        line = torch.linspace(-_REACH, 1 + _REACH, _RIM, dtype=torch.float64)
        y, x = torch.meshgrid(line, line, indexing="ij")
        square = torch.stack([x, y], -1).reshape(-1, 2)
        rim = square[((square - 0.5).abs() > 0.5 + _REACH - 1e-9).any(1)].to(shape.device)
        known = torch.cat([self._shape, rim])
        count = len(known)
        system = known.new_zeros(count + 3, count + 3)
        system[:count, :count] = _kernel(known, known)
        system[:count, :count] += _SOFT * torch.eye(
            count, dtype=known.dtype, device=known.device
        )
        plane = torch.cat([known.new_ones(count, 1), known], 1)
        system[:count, count:] = plane
        system[count:, :count] = plane.T
        self._factors = torch.linalg.lu_factor(system)
        middle = (torch.arange(_FIELD, dtype=torch.float32, device=shape.device) + 0.5) / _FIELD
        y, x = torch.meshgrid(middle, middle, indexing="ij")
        self._places = torch.stack([x, y], -1).reshape(-1, 2)
        near = known.float()
        self._basis = torch.cat(
            [
                _kernel(self._places, near),
                self._places.new_ones(len(self._places), 1),
                self._places,
            ],
            1,
        )

    def fields(self, points: Tensor) -> Tensor:
        """Where each place of the result lies in each picture.

        Args:
            points: (B, 468, 2) of the pictures' faces, pixels of their crops.

        Returns:
            (B, 128, 128, 2) float32 (x, y), fractions of the picture.
        """
        moved = _fractions(points) - self._shape
        count = len(self._basis[0])
        right = moved.new_zeros(count, len(points) * 2)
        right[: len(self._shape)] = moved.permute(1, 0, 2).reshape(len(self._shape), -1)
        solved = torch.linalg.lu_solve(*self._factors, right).float()
        moves = (self._basis @ solved).reshape(-1, len(points), 2).permute(1, 0, 2)
        found: Tensor = (self._places + moves).reshape(-1, _FIELD, _FIELD, 2)
        return found

    def __call__(self, pictures: Tensor, points: Tensor) -> Tensor:
        """Warp pictures (B, C, H, W) whose faces lie at ``points`` (B, 468, 2, of a 256 px crop)."""
        return sample(pictures, self.fields(points))


def sample(pictures: Tensor, fields: Tensor) -> Tensor:
    """Bicubic samples of pictures (B, C, H, W) along fields (B, h, w, 2), mirrored at the border."""
    size = pictures.shape[-2:]
    grid = F.interpolate(
        fields.permute(0, 3, 1, 2) * 2 - 1, size, mode="bilinear", align_corners=False
    )
    found: Tensor = F.grid_sample(
        pictures,
        grid.permute(0, 2, 3, 1),
        mode="bicubic",
        padding_mode="reflection",
        align_corners=False,
    )
    return found


def _fractions(points: Tensor) -> Tensor:
    return (points[..., ANCHORS, :].double() + 0.5) / CROP_SIZE


def _kernel(a: Tensor, b: Tensor) -> Tensor:
    """r**2 log r, 0 where places coincide."""
    across, down = (a[:, None, i] - b[None, :, i] for i in (0, 1))
    squared = across.square() + down.square()
    found: Tensor = 0.5 * squared * squared.clamp(min=1e-30).log()
    return found
