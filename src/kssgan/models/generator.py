"""The generator G(S_g, z_g, c): a group's mean face becomes a photograph of nobody."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812

from kssgan.models.haar import haar, inverse_haar, without_nyquist

__all__ = ["Generator", "GeneratorConfig"]


@dataclass(frozen=True)
class GeneratorConfig:
    """Shape of a generator.

    Attributes:
        size: side of S_g and of the picture in pixels; a multiple of 32.
        widths: channels at 1/2, 1/4, ... of the size, finest first.
        labels: width of the one-hot label c.
        style: length of a code's vector, which modulates the decoder.
        layout: channels of a code's map, which is laid out at the coarsest scale.
    """

    size: int = 256
    widths: tuple[int, ...] = (24, 48, 96, 160, 192)
    labels: int = 0
    style: int = 64
    layout: int = 16

    @property
    def grid(self) -> int:
        """Side of the coarsest scale, and of a code's layout map."""
        return int(self.size >> len(self.widths))

    def to_json(self) -> dict[str, Any]:
        """Plain values, for a checkpoint."""
        return asdict(self)

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> GeneratorConfig:
        """Inverse of :meth:`to_json`."""
        return cls(**{**values, "widths": tuple(values["widths"])})


class _ModulatedConv(nn.Module):
    """3x3 convolution whose input channels are scaled by the style, then demodulated (StyleGAN2)."""

    def __init__(self, inside: int, outside: int, style: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(outside, inside, 3, 3) / (inside * 9) ** 0.5)
        self.bias = nn.Parameter(torch.zeros(outside))
        self.noise = nn.Parameter(torch.zeros(outside))
        self.affine = nn.Linear(style, inside)
        nn.init.normal_(self.affine.weight, std=0.02)
        nn.init.ones_(self.affine.bias)

    def forward(self, x: Tensor, style: Tensor, noise: Tensor | None) -> Tensor:
        scale = self.affine(style)
        # Scaling the input and the output is the same as scaling the weights, without one kernel a sample.
        strength = (self.weight.square().sum((2, 3))[None] * scale.square()[:, None]).sum(2)
        y = F.conv2d(x * scale[:, :, None, None], self.weight, padding=1)
        y = y * torch.rsqrt(strength + 1e-6)[:, :, None, None]
        if noise is not None:
            y = y + noise * self.noise[None, :, None, None]
        return F.leaky_relu(y + self.bias[None, :, None, None], 0.2) * 2**0.5


class _Down(nn.Module):
    def __init__(self, inside: int, outside: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(inside, outside, 3, 2, 1)
        self.second = nn.Conv2d(outside, outside, 3, 1, 1)

    def forward(self, x: Tensor) -> Tensor:
        x = F.leaky_relu(self.first(x), 0.2)
        return x + F.leaky_relu(self.second(x), 0.2)


class _Up(nn.Module):
    def __init__(self, coarse: int, fine: int, style: int) -> None:
        super().__init__()
        self.first = _ModulatedConv(coarse + fine, fine, style)
        self.second = _ModulatedConv(fine, fine, style)

    def forward(
        self, x: Tensor, skip: Tensor, style: Tensor, noise: torch.Generator | None
    ) -> Tensor:
        # Bilinear and then a convolution: transposed convolutions and pixel shuffles draw checkerboards.
        x = F.interpolate(x, scale_factor=2.0, mode="bilinear", align_corners=False)
        x = self.first(torch.cat([x, skip], 1), style, _noise(skip, noise))
        found: Tensor = self.second(x, style, _noise(skip, noise))
        return found


class Generator(nn.Module):
    """U-Net on S_g in the Haar domain with a style-modulated decoder.

    The output is S_g plus a correction whose last layer starts at zero, so an untrained generator returns
    S_g itself. The code z has a vector (modulation: texture, tone) and a small map (layout: hair, neck,
    background). The correction is drawn in blocks of 2 x 2, whose edges leave a pattern at the highest
    frequency; a fixed filter takes it away. Noise, where given, is added per channel with a learned strength
    that starts at zero.
    """

    def __init__(self, config: GeneratorConfig) -> None:
        super().__init__()
        self.config = config
        w = config.widths
        self.stem = nn.Conv2d(12, w[0], 3, 1, 1)
        self.down = nn.ModuleList(_Down(a, b) for a, b in pairwise(w))
        inner = 128
        self.map = nn.Sequential(
            nn.Linear(config.style + config.labels, inner),
            nn.LeakyReLU(0.2),
            nn.Linear(inner, inner),
        )
        self.bottom = _ModulatedConv(w[-1] + config.layout, w[-1], inner)
        self.up = nn.ModuleList()
        for coarse, fine in zip(w[:0:-1], w[-2::-1], strict=True):
            self.up.append(_Up(coarse, fine, inner))
        self.out = nn.Conv2d(w[0], 12, 3, 1, 1)
        nn.init.zeros_(self.out.weight)
        nn.init.zeros_(self.out.bias)  # type: ignore[arg-type]

    def forward(
        self,
        surrogate_pm1: Tensor,
        style: Tensor,
        layout: Tensor,
        label: Tensor | None = None,
        *,
        noise: torch.Generator | None = None,
    ) -> Tensor:
        """Draw one picture for each S_g.

        Args:
            surrogate_pm1: (B, 3, size, size) in [-1, 1].
            style: (B, style) vectors of the codes.
            layout: (B, layout, grid, grid) maps of the codes.
            label: (B, labels) one-hot, needed when ``config.labels`` > 0.
            noise: source of the injected noise; None adds none.

        Returns:
            (B, 3, size, size), unclamped.
        """
        bands = haar(surrogate_pm1)
        code = style if label is None else torch.cat([style, label], 1)
        code = self.map(code)
        x = self.stem(bands)
        skips = [x]
        for down in self.down:
            x = down(x)
            skips.append(x)
        x = self.bottom(torch.cat([x, layout], 1), code, None)
        for up, skip in zip(self.up, skips[-2::-1], strict=True):
            x = up(x, skip, code, noise)
        return surrogate_pm1 + without_nyquist(inverse_haar(self.out(x)))


def _noise(like: Tensor, source: torch.Generator | None) -> Tensor | None:
    if source is None:
        return None
    shape = (like.shape[0], 1, *like.shape[2:])
    return torch.randn(shape, generator=source, device=source.device).to(like)
