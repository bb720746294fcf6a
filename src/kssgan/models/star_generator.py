"""G(x, c) of the paper, in the shape of StarGAN (Choi et al. 2018), for pictures of any size."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Literal

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812
from torch.utils.checkpoint import checkpoint

from kssgan.models.parts import Noise, enlarged

__all__ = ["StarGenerator", "StarGeneratorConfig", "Upsampling"]

Upsampling = Literal["transposed", "resize"]
_INNER = 128  # width of the mapped style


@dataclass(frozen=True)
class StarGeneratorConfig:
    """Shape of a generator; the defaults with five conditions are StarGAN's.

    Attributes:
        conditions: width of c = [group one-hot or code, attribute one-hots].
        width: channels at full size; doubled at each step down.
        steps: down and up again; sides of a picture are multiples of 2 ** steps.
        blocks: residual ones at the smallest size.
        style: length of z_g, which modulates every layer; 0 has no modulation, as StarGAN.
        noise: whether noise may be added to every layer, with learned strengths.
        upsample: "transposed" convolutions as StarGAN, or "resize", linearly before a convolution:
            no checkerboards.
    """

    conditions: int = 5
    width: int = 64
    steps: int = 2
    blocks: int = 6
    style: int = 0
    noise: bool = False
    upsample: Upsampling = "transposed"

    def to_json(self) -> dict[str, Any]:
        """Plain values, for a checkpoint."""
        return asdict(self)

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> StarGeneratorConfig:
        """Inverse of :meth:`to_json`."""
        return cls(**values)


class _Layer(nn.Module):
    """A convolution and its instance norm, with noise before it and the style's scale and shift behind."""

    def __init__(
        self,
        convolution: nn.Module,
        channels: int,
        config: StarGeneratorConfig,
        *,
        relu: bool = True,
    ) -> None:
        super().__init__()
        self._relu = relu
        self.convolution = convolution
        self.noise = Noise(channels) if config.noise else None
        self.norm = nn.InstanceNorm2d(channels, affine=True)
        self.affine = nn.Linear(_INNER, 2 * channels) if config.style else None
        if self.affine is not None:
            nn.init.normal_(self.affine.weight, std=0.02)
            nn.init.zeros_(self.affine.bias)

    def forward(self, x: Tensor, style: Tensor | None, noise: torch.Generator | None) -> Tensor:
        x = self.convolution(x)
        if self.noise is not None:
            x = self.noise(x, noise)
        x = self.norm(x)
        if self.affine is not None and style is not None:
            scale, shift = self.affine(style)[:, :, None, None].chunk(2, 1)
            x = x * (1 + scale) + shift
        return F.relu(x, inplace=True) if self._relu else x


class _Block(nn.Module):
    def __init__(self, channels: int, config: StarGeneratorConfig) -> None:
        super().__init__()
        self.first, self.second = (
            _Layer(
                nn.Conv2d(channels, channels, 3, 1, 1, bias=False), channels, config, relu=relu
            )
            for relu in (True, False)
        )

    def forward(self, x: Tensor, style: Tensor | None, noise: torch.Generator | None) -> Tensor:
        found: Tensor = x + self.second(self.first(x, style, noise), style, noise)
        return found


class _Resize(nn.Module):
    def __init__(self, inside: int, outside: int) -> None:
        super().__init__()
        self.convolution = nn.Conv2d(inside, outside, 3, 1, 1, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        found: Tensor = self.convolution(enlarged(x))
        return found


class StarGenerator(nn.Module):
    """G(x, c): the conditions lie beside the picture as constant maps.

    With ``style`` it is G(x, z_g, c): z_g, mapped by two layers, scales and shifts every normalised layer.
    """

    def __init__(self, config: StarGeneratorConfig) -> None:
        super().__init__()
        self.config = config
        w = config.width
        stem = nn.Conv2d(3 + config.conditions, w, 7, 1, 3, bias=False)
        self.down = nn.ModuleList([_Layer(stem, w, config)])
        for _ in range(config.steps):
            self.down.append(_Layer(nn.Conv2d(w, 2 * w, 4, 2, 1, bias=False), 2 * w, config))
            w *= 2
        self.blocks = nn.ModuleList(_Block(w, config) for _ in range(config.blocks))
        self.up = nn.ModuleList()
        for _ in range(config.steps):
            self.up.append(_Layer(_doubling(w, w // 2, config.upsample), w // 2, config))
            w //= 2
        self.out = nn.Conv2d(w, 3, 7, 1, 3, bias=False)
        self.map = (
            nn.Sequential(
                nn.Linear(config.style, _INNER), nn.LeakyReLU(0.2), nn.Linear(_INNER, _INNER)
            )
            if config.style
            else None
        )

    def forward(
        self,
        source_pm1: Tensor,
        condition: Tensor,
        style: Tensor | None = None,
        *,
        noise: torch.Generator | None = None,
        recompute: bool = False,
    ) -> Tensor:
        """Draw one picture for each that is read.

        Args:
            source_pm1: (B, 3, H, W) in [-1, 1]: S_g in strict mode, x in utility mode.
            condition: (B, conditions), c.
            style: (B, style), z_g; needed when ``config.style`` > 0.
            noise: source of the injected noise; None adds none.
            recompute: keep each layer's input alone for the way back and compute the rest again there: less
                than half the memory for a second way forward. Noise would be other noise then, so where there
                is some, everything is kept.

        Returns:
            (B, 3, H, W) in [-1, 1].

        Raises:
            ValueError: style is missing where the generator has one.
        """
        if self.map is not None:
            if style is None:
                raise ValueError(
                    f"no style came; this generator needs (B, {self.config.style})"
                )
            style = self.map(style)
        maps = condition[:, :, None, None].expand(-1, -1, *source_pm1.shape[2:])
        x = torch.cat([source_pm1, maps.to(source_pm1)], 1)
        again = (
            recompute and torch.is_grad_enabled() and (noise is None or not self.config.noise)
        )
        for part in (*self.down, *self.blocks, *self.up):
            if again:
                x = checkpoint(
                    part, x, style, None, use_reentrant=False, preserve_rng_state=False
                )
            else:
                x = part(x, style, noise)
        return torch.tanh(self.out(x))


def _doubling(inside: int, outside: int, upsample: Upsampling) -> nn.Module:
    if upsample == "resize":
        return _Resize(inside, outside)
    return nn.ConvTranspose2d(inside, outside, 4, 2, 1, bias=False)
