"""One level of the orthonormal Haar transform: a picture at half size with four times the channels."""

from __future__ import annotations

import torch
from torch import Tensor

__all__ = ["haar", "inverse_haar"]


def haar(image: Tensor) -> Tensor:
    """Split (B, C, H, W) with even H, W into bands (B, 4C, H/2, W/2): LL, LH, HL, HH.

    The transform is orthonormal, so L2 distances between pictures are those between their bands.
    """
    a, b = image[..., 0::2, 0::2], image[..., 0::2, 1::2]
    c, d = image[..., 1::2, 0::2], image[..., 1::2, 1::2]
    return torch.cat([a + b + c + d, a - b + c - d, a + b - c - d, a - b - c + d], 1) / 2


def inverse_haar(bands: Tensor) -> Tensor:
    """Undo :func:`haar`: (B, 4C, H, W) to (B, C, 2H, 2W)."""
    ll, lh, hl, hh = bands.chunk(4, 1)
    a, b = ll + lh + hl + hh, ll - lh + hl - hh
    c, d = ll + lh - hl - hh, ll - lh - hl + hh
    rows = torch.stack([torch.stack([a, b], -1), torch.stack([c, d], -1)], -3)
    return rows.flatten(-2, -1).flatten(-3, -2) / 2
