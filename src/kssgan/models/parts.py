"""Pieces that the networks share."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812

__all__ = ["ModulatedConv", "Noise", "enlarged"]


class Noise(nn.Module):
    """Noise added to each channel with a learned strength that starts at zero (StyleGAN)."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.strength = nn.Parameter(torch.zeros(channels))

    def forward(self, x: Tensor, source: torch.Generator | None) -> Tensor:
        """Add noise from ``source`` to (B, C, H, W); none where it is None."""
        if source is None:
            return x
        shape = (x.shape[0], 1, *x.shape[2:])
        drawn = torch.randn(shape, generator=source, device=source.device).to(x)
        return x + drawn * self.strength[None, :, None, None]


class ModulatedConv(nn.Module):
    """3x3 convolution whose input channels are scaled by the style, then demodulated (StyleGAN2)."""

    def __init__(self, inside: int, outside: int, style: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(outside, inside, 3, 3) / (inside * 9) ** 0.5)
        self.bias = nn.Parameter(torch.zeros(outside))
        self.noise = Noise(outside)
        self.affine = nn.Linear(style, inside)
        nn.init.normal_(self.affine.weight, std=0.02)
        nn.init.ones_(self.affine.bias)

    def forward(self, x: Tensor, style: Tensor, noise: torch.Generator | None) -> Tensor:
        """(B, inside, H, W) and styles (B, style) to (B, outside, H, W)."""
        scale = self.affine(style)
        # Scaling the input and the output is the same as scaling the weights, without one kernel a sample.
        strength = (self.weight.square().sum((2, 3))[None] * scale.square()[:, None]).sum(2)
        # A frame of zeros would be seen in the picture.
        x = F.pad(x * scale[:, :, None, None], (1, 1, 1, 1), "replicate")
        y = F.conv2d(x, self.weight)
        y = self.noise(y * torch.rsqrt(strength + 1e-6)[:, :, None, None], noise)
        return F.leaky_relu(y + self.bias[None, :, None, None], 0.2) * 2**0.5


def enlarged(x: Tensor) -> Tensor:
    """Twice the size, linearly: transposed convolutions and pixel shuffles draw checkerboards."""
    return F.interpolate(x, scale_factor=2.0, mode="bilinear", align_corners=False)
