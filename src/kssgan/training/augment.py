"""Differentiable augmentation: a critic sees few photographs, so it never sees one twice alike.

Reference: Zhao et al. 2020, "Differentiable augmentation for data-efficient GAN training".
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812

__all__ = ["augment"]

_SHIFT = 16  # a move goes up to this part of the side


def augment(pictures: Tensor, source: torch.Generator) -> Tensor:
    """Change light, colour and place of each example; all its pictures alike.

    Args:
        pictures: (B, 3n, H, W) in [-1, 1], n RGB pictures that belong together.
        source: of chance, on the same device.

    Returns:
        The same shape; gradients flow through.
    """
    count, device = len(pictures), pictures.device
    height, width = pictures.shape[-2:]
    reach = max(1, min(height, width) // _SHIFT)

    def chance(*shape: int) -> Tensor:
        return torch.rand(shape, generator=source, device=device)

    light = 0.3 * (chance(count, 1, 1, 1, 1) - 0.5)
    contrast = 1 + 0.4 * (chance(count, 1, 1, 1, 1) - 0.5)
    colour = 1 + 0.6 * (chance(count, 1, 1, 1, 1) - 0.5)
    shifts = (chance(count, 2) * (2 * reach + 1)).long().tolist()
    each = pictures.view(count, -1, 3, height, width)
    grey = each.mean(2, keepdim=True)
    changed = ((grey + (each - grey) * colour) * contrast + light).flatten(1, 2)
    padded = F.pad(changed, (reach,) * 4, "reflect")
    parts = [
        p[:, y : y + height, x : x + width] for p, (y, x) in zip(padded, shifts, strict=True)
    ]
    return torch.stack(parts)
