"""The refiner: a picture at half size becomes a photograph at full size."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812

from kssgan.models.haar import softened, without_nyquist
from kssgan.models.parts import Noise, enlarged

__all__ = ["Refiner", "doubled"]


def _conv(inside: int, outside: int) -> nn.Conv2d:
    # A frame of zeros would be seen in the picture.
    return nn.Conv2d(inside, outside, 3, 1, 1, padding_mode="replicate")


class _Block(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.first = _conv(width, width)
        self.second = _conv(width, width)
        self.noise = Noise(width)
        nn.init.zeros_(self.second.weight)
        nn.init.zeros_(self.second.bias)  # type: ignore[arg-type]

    def forward(self, x: Tensor, source: torch.Generator | None) -> Tensor:
        inner = F.leaky_relu(self.noise(self.first(x), source), 0.2)
        found: Tensor = x + self.second(inner)
        return found


class Refiner(nn.Module):
    """Sharpens and doubles: hair, lashes and pores that half a size cannot hold.

    It works on places alone, with a short reach, and never sees S_g: what it adds is what photographs have,
    nothing of a group. The output is the doubled picture plus a correction whose last layer starts at zero.
    Every step down or up is filtered and the last layers work on every pixel of the full size: with blocks
    of 2 x 2, or places that are skipped, patterns of the grid stay in the picture.

    Args:
        coarse: channels at a quarter of the full size.
        fine: channels at half of it, twice as many as at the full size.
        blocks: residual blocks at the quarter.

    Reference: Wang et al. 2018 (ESRGAN), in small; noise as in StyleGAN; filters as Zhang 2019, "Making
    convolutional networks shift-invariant again".
    """

    def __init__(self, coarse: int, fine: int, blocks: int) -> None:
        super().__init__()
        full = max(1, fine // 2)
        self.stem = _conv(3, fine)
        self.down = _conv(fine, coarse)
        self.blocks = nn.ModuleList(_Block(coarse) for _ in range(blocks))
        self.first = _conv(coarse + fine, fine)
        self.noise = Noise(fine)
        self.second = _conv(fine, fine)
        self.up = _conv(fine, full)
        self.grain = Noise(full)
        self.last = _conv(full, full)
        self.out = _conv(full, 3)
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
        near = F.leaky_relu(self.stem(picture_pm1), 0.2)
        x = F.leaky_relu(self.down(F.avg_pool2d(softened(near), 2)), 0.2)
        for block in self.blocks:
            x = block(x, noise)
        x = torch.cat([softened(enlarged(x)), near], 1)
        x = F.leaky_relu(self.noise(self.first(x), noise), 0.2)
        x = F.leaky_relu(self.second(x), 0.2)
        x = F.leaky_relu(self.grain(self.up(softened(enlarged(x))), noise), 0.2)
        x = F.leaky_relu(self.last(x), 0.2)
        found: Tensor = doubled(picture_pm1) + self.out(x)
        return found


def doubled(picture_pm1: Tensor) -> Tensor:
    """A picture at twice its size, (B, C, 2H, 2W), with nothing added."""
    large = F.interpolate(picture_pm1, scale_factor=2.0, mode="bicubic", align_corners=False)
    # Doubling leaves stripes of a tenth of a grey level.
    return without_nyquist(large)
