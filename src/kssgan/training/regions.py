"""Soft masks of a face's parts and blurs, in torch: what the teacher composes with.

Like :mod:`kssgan.surrogate._regions`, without an imaging library and on any device.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812

from kssgan.surrogate._mesh import CHEEKS, EYES, FOREHEAD, NOSE, OUTER_LIPS, OVAL
from kssgan.types import CROP_SIZE

__all__ = ["COARSE", "Regions", "blur", "regions", "step"]

COARSE = 128
"""Side of the masks."""


@dataclass(frozen=True)
class Regions:
    """Weights in [0, 1], each (1, 1, 128, 128) float32.

    Attributes:
        inner: the face, fading to nothing at its outline.
        oval: the face, with a hard edge.
        patch: cheeks, nose and the middle of the forehead: skin on nearly everybody.
        features: eyes and mouth.
        upper: above the nose, where hair may lie over the face.
        rim: 1 outside the face and at its outline, 0 in its middle.
        near: how likely a place is to show skin before its colour is looked at.
        far: where skin is not expected.
    """

    inner: Tensor
    oval: Tensor
    patch: Tensor
    features: Tensor
    upper: Tensor
    rim: Tensor
    near: Tensor
    far: Tensor


def step(x: Tensor) -> Tensor:
    """Smooth step from 0 at 0 to 1 at 1."""
    t = x.clamp(0, 1)
    return t * t * (3 - 2 * t)


def blur(x: Tensor, sigma: float) -> Tensor:
    """Gaussian blur of (B, C, H, W); the border is repeated. Wide blurs work at a lower resolution."""
    if sigma > 3 and x.shape[-1] % 2 == 0 and x.shape[-1] > 16:
        small = blur(F.avg_pool2d(x, 2), sigma / 2)
        return F.interpolate(small, x.shape[-2:], mode="bilinear", align_corners=False)
    radius = min(int(3 * sigma) + 1, x.shape[-1] - 1)
    at = torch.arange(-radius, radius + 1, dtype=x.dtype, device=x.device)
    kernel = torch.exp(-0.5 * (at / sigma) ** 2)
    kernel = (kernel / kernel.sum()).view(1, 1, 1, -1).repeat(x.shape[1], 1, 1, 1)
    x = F.conv2d(F.pad(x, (radius, radius, 0, 0), "replicate"), kernel, groups=x.shape[1])
    return F.conv2d(F.pad(x, (0, 0, radius, radius), "replicate"), kernel.mT, groups=x.shape[1])


def regions(points: Tensor) -> Regions:
    """Masks of one face, (468, 2) pixels of a 256 px crop."""
    at = (points.float() + 0.5) * (COARSE / CROP_SIZE)
    line = torch.arange(COARSE, dtype=torch.float32, device=points.device) + 0.5
    y, x = torch.meshgrid(line, line, indexing="ij")

    def union(outlines: Sequence[Sequence[int]], scale: float = 1.0) -> Tensor:
        inside = [_inside(at[list(o)], scale, x, y) for o in outlines]
        return torch.stack(inside).any(0).float()[None, None]

    oval = union([OVAL])
    brow_tops, base_of_nose = at[[105, 334], 1].mean(), at[2, 1]
    upper = step((base_of_nose - y) / (base_of_nose - brow_tops).clamp(min=1))[None, None]
    left, right = at[172], at[397]
    below_jaw = torch.sigmoid((y - (left[1] + right[1]) / 2) / 3)
    neck = (
        below_jaw
        * torch.sigmoid((x - left[0] + 14) / 3)
        * torch.sigmoid((right[0] + 14 - x) / 3)
    )
    wide = blur(union([OVAL], 1.12), 4.0)
    around = torch.maximum(0.55 * blur(union([OVAL], 1.3), 5.0), 0.8 * wide)
    return Regions(
        inner=step(2 * blur(union([OVAL], 0.985), 2.5) - 1),
        oval=oval,
        patch=union([*CHEEKS, NOSE, FOREHEAD]),
        features=blur(union(EYES, 1.15), 1.0).maximum(blur(union([OUTER_LIPS], 1.05), 1.0)),
        upper=upper,
        rim=1 - blur(union([OVAL], 0.8), 3.0),
        near=torch.maximum(around, 0.85 * neck),
        far=(1 - blur(union([OVAL], 1.12), 1.0)) * (1 - neck),
    )


def _inside(corners: Tensor, scale: float, x: Tensor, y: Tensor) -> Tensor:
    """Even-odd rule for an outline (M, 2) blown up about its middle."""
    middle = corners.mean(0)
    a = middle + (corners - middle) * scale
    b = a.roll(-1, 0)
    across = (a[:, 1, None, None] > y) != (b[:, 1, None, None] > y)
    fall = b[:, 1] - a[:, 1]
    slope = (b[:, 0] - a[:, 0]) / torch.where(fall == 0, torch.ones_like(fall), fall)
    edge = a[:, 0, None, None] + (y - a[:, 1, None, None]) * slope[:, None, None]
    crossed: Tensor = (across & (x < edge)).sum(0) % 2 == 1
    return crossed
