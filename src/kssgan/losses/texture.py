"""Agreement in texture: as much fine detail of each direction and scale, wherever exactly it lies."""

from __future__ import annotations

from functools import cache

import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812

from kssgan.losses.parts import Loss

__all__ = ["texture_agreement"]

_SIDE = 9
_DIRECTIONS = 4
_ACROSS, _ALONG = 0.8, 2.2  # spread of a streak, pixels
_WINDOW, _STRIDE = 16, 8  # over which detail is counted
_FLOOR = 1e-2  # below this much nobody sees any


def texture_agreement(drawn: Tensor, wanted: Tensor) -> Loss:
    """L1 between local strengths of detail in the grey pictures.

    A picture is split into streaks of four directions and spots, at two scales; of each the mean root of the
    magnitude in windows of 16 px counts, squared, which few strong edges hardly move. Strands and pores may
    so lie anywhere, where a difference pixel by pixel would rather have none.

    Args:
        drawn: (B, 3, H, W) in [-1, 1], sides of at least 32.
        wanted: the same shape.

    Returns:
        Part "texture", a mean over windows and kinds of detail.

    Reference: Heeger, Bergen 1995, "Pyramid-based texture analysis/synthesis", locally.
    """
    pairs = zip(_strengths(drawn), _strengths(wanted), strict=True)
    texture = torch.stack([(a - b).abs().mean() for a, b in pairs]).mean()
    return Loss(texture, {"texture": texture})


def _strengths(pictures: Tensor) -> list[Tensor]:
    grey = pictures.mean(1, keepdim=True)
    kernels = _kernels().to(grey)
    found = []
    for image, window, stride in (
        (grey, _WINDOW, _STRIDE),
        (F.avg_pool2d(grey, 2), _WINDOW // 2, _STRIDE // 2),
    ):
        detail = F.conv2d(F.pad(image, (_SIDE // 2,) * 4, "reflect"), kernels)
        root = (detail.square() + _FLOOR**2) ** 0.25
        found.append(F.avg_pool2d(root, window, stride).square())
    return found


@cache
def _kernels() -> Tensor:
    """(5, 1, 9, 9): streaks at 0, 45, 90 and 135 degrees and a spot; each adds up to 0, its squares to 1."""
    line = torch.arange(_SIDE, dtype=torch.float64) - _SIDE // 2
    y, x = torch.meshgrid(line, line, indexing="ij")
    found = []
    for number in range(_DIRECTIONS):
        angle = torch.tensor(torch.pi * number / _DIRECTIONS, dtype=torch.float64)
        along, across = x * angle.cos() + y * angle.sin(), y * angle.cos() - x * angle.sin()
        bump = torch.exp(-0.5 * (along / _ALONG).square())
        ridge = (1 - (across / _ACROSS).square()) * torch.exp(
            -0.5 * (across / _ACROSS).square()
        )
        around = bump * torch.exp(-0.5 * (across / (2 * _ACROSS)).square())
        found.append(_without_mean(bump * ridge, around))
    far = (x.square() + y.square()) / _ACROSS**2
    found.append(
        _without_mean((1 - far / 2) * torch.exp(-0.5 * far), torch.exp(-0.5 * far / 4))
    )
    return torch.stack(found)[:, None].float()


def _without_mean(kernel: Tensor, around: Tensor) -> Tensor:
    flat = kernel - around * (kernel.sum() / around.sum())
    return flat / flat.square().sum().sqrt()
