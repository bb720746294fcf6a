"""The refiner: a picture at half size becomes a photograph at full size."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812

from kssgan.models.haar import haar, inverse_haar, without_nyquist
from kssgan.models.parts import Noise, enlarged

__all__ = ["Refiner"]


class _Block(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(width, width, 3, 1, 1, padding_mode="replicate")
        self.second = nn.Conv2d(width, width, 3, 1, 1, padding_mode="replicate")
        self.noise = Noise(width)
        nn.init.zeros_(self.second.weight)
        nn.init.zeros_(self.second.bias)  # type: ignore[arg-type]

    def forward(self, x: Tensor, source: torch.Generator | None) -> Tensor:
        inner = self.noise(F.leaky_relu(self.first(x), 0.2), source)
        found: Tensor = x + self.second(inner)
        return found


class Refiner(nn.Module):
    """Sharpens and doubles: hair, lashes and pores that half a size cannot hold.

    It works on places alone, with a short reach, and never sees S_g: what it adds is what photographs have,
    nothing of a group. The output is the doubled picture plus a correction whose last layer starts at zero.

    Args:
        coarse: channels at a quarter of the full size.
        fine: channels at half of it.
        blocks: residual blocks at the quarter.

    Reference: Wang et al. 2018 (ESRGAN), in small; noise as in StyleGAN.
    """

    def __init__(self, coarse: int, fine: int, blocks: int) -> None:
        super().__init__()
        self.stem = nn.Conv2d(12, coarse, 3, 1, 1, padding_mode="replicate")
        self.blocks = nn.ModuleList(_Block(coarse) for _ in range(blocks))
        self.first = nn.Conv2d(coarse + 3, fine, 3, 1, 1, padding_mode="replicate")
        self.noise = Noise(fine)
        self.second = nn.Conv2d(fine, fine, 3, 1, 1, padding_mode="replicate")
        self.out = nn.Conv2d(fine, 12, 3, 1, 1, padding_mode="replicate")
        nn.init.zeros_(self.out.weight)
        nn.init.zeros_(self.out.bias)  # type: ignore[arg-type]

    def forward(self, picture_pm1: Tensor, *, noise: torch.Generator | None = None) -> Tensor:
        """Refine.

        Args:
            picture_pm1: (B, 3, H, W) in [-1, 1], even sides of at least 4.
            noise: source of the injected noise; None adds none.

        Returns:
            (B, 3, 2H, 2W), unclamped.
        """
        x = self.stem(haar(picture_pm1))
        for block in self.blocks:
            x = block(x, noise)
        x = torch.cat([enlarged(F.leaky_relu(x, 0.2)), picture_pm1], 1)
        x = F.leaky_relu(self.noise(self.first(x), noise), 0.2)
        x = F.leaky_relu(self.second(x), 0.2)
        doubled = F.interpolate(
            picture_pm1, scale_factor=2.0, mode="bicubic", align_corners=False
        )
        # Of the sum: doubling leaves stripes of a tenth of a grey level there.
        return without_nyquist(doubled + inverse_haar(self.out(x)))
