"""Differentiable augmentation: the critic sees few photographs, so it never sees one twice alike.

Reference: Zhao et al. 2020, "Differentiable augmentation for data-efficient GAN training".
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812

__all__ = ["augment"]

_SHIFT = 16  # pixels


def augment(
    surrogate: Tensor, picture: Tensor, source: torch.Generator
) -> tuple[Tensor, Tensor]:
    """Light, colour and place of each pair, changed for S_g and the picture alike.

    Args:
        surrogate: (B, 3, H, W) in [-1, 1].
        picture: the same shape.
        source: of chance, on the same device.

    Returns:
        Both, changed; gradients flow through.
    """
    count, device = len(picture), picture.device

    def chance(*shape: int) -> Tensor:
        return torch.rand(shape, generator=source, device=device)

    light = 0.3 * (chance(count, 1, 1, 1) - 0.5)
    contrast = 1 + 0.4 * (chance(count, 1, 1, 1) - 0.5)
    colour = 1 + 0.6 * (chance(count, 1, 1, 1) - 0.5)
    shifts = (chance(count, 2) * (2 * _SHIFT + 1)).long().tolist()

    def changed(images: Tensor) -> Tensor:
        grey = images.mean(1, keepdim=True)
        images = (grey + (images - grey) * colour) * contrast + light
        padded = F.pad(images, (_SHIFT,) * 4, "reflect")
        height, width = images.shape[-2:]
        parts = [
            p[:, y : y + height, x : x + width]
            for p, (y, x) in zip(padded, shifts, strict=True)
        ]
        return torch.stack(parts)

    return changed(surrogate), changed(picture)
