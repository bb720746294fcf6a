"""The generator G(S_g, z_g, c): a group's mean face becomes a photograph of nobody."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812

from kssgan.models.haar import haar, without_nyquist
from kssgan.models.parts import ModulatedConv, enlarged
from kssgan.models.refiner import Refiner

__all__ = ["Drawer", "Generator", "GeneratorConfig", "face_alone"]


@dataclass(frozen=True)
class GeneratorConfig:
    """Shape of a generator.

    Attributes:
        size: side of S_g and of the picture in pixels; divisible by 2 ** (1 + number of widths).
        widths: of the drawer, channels at 1/4, 1/8, ... of the size, finest first.
        labels: width of the one-hot label c.
        style: length of a code's vector, which modulates the decoder.
        layout: channels of a code's map.
        laid_at: which of ``widths`` has the scale of the map; not the last.
        coarse: of the refiner, channels at 1/4 of the size.
        fine: of the refiner, channels at 1/2 of the size.
        blocks: of the refiner.
    """

    size: int = 256
    widths: tuple[int, ...] = (32, 64, 128, 192)
    labels: int = 0
    style: int = 64
    layout: int = 16
    laid_at: int = 2
    coarse: int = 40
    fine: int = 24
    blocks: int = 3

    @property
    def grid(self) -> int:
        """Side of a code's layout map."""
        return int(self.size >> (2 + self.laid_at))

    def to_json(self) -> dict[str, Any]:
        """Plain values, for a checkpoint."""
        return asdict(self)

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> GeneratorConfig:
        """Inverse of :meth:`to_json`."""
        return cls(**{**values, "widths": tuple(values["widths"])})


class _Down(nn.Module):
    def __init__(self, inside: int, outside: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(inside, outside, 3, 2, 1, padding_mode="replicate")
        self.second = nn.Conv2d(outside, outside, 3, 1, 1, padding_mode="replicate")

    def forward(self, x: Tensor) -> Tensor:
        x = F.leaky_relu(self.first(x), 0.2)
        return x + F.leaky_relu(self.second(x), 0.2)


class _Up(nn.Module):
    def __init__(self, coarse: int, skip: int, fine: int, style: int) -> None:
        super().__init__()
        self.first = ModulatedConv(coarse + skip, fine, style)
        self.second = ModulatedConv(fine, fine, style)

    def forward(
        self, x: Tensor, skip: Tensor, style: Tensor, noise: torch.Generator | None
    ) -> Tensor:
        x = self.first(torch.cat([enlarged(x), skip], 1), style, noise)
        found: Tensor = self.second(x, style, noise)
        return found


class Drawer(nn.Module):
    """U-Net on the face of S_g at half size, in the Haar domain, with a style-modulated decoder.

    Of S_g it sees the face alone, so ghosts of hair, neck and background cannot pass. The output is
    that face plus a correction whose last layer starts at zero. The code z has a vector (modulation:
    texture, tone) and a map (layout: hair, neck, background). The last two layers work on every pixel: a
    correction made in blocks of 2 x 2 leaves lines in smooth hair. What is left of the doubling alternates
    from pixel to pixel; a fixed filter takes it away.
    """

    def __init__(self, config: GeneratorConfig) -> None:
        super().__init__()
        w = config.widths
        self.config = config
        self.stem = nn.Conv2d(16, w[0], 3, 1, 1, padding_mode="replicate")
        self.down = nn.ModuleList(_Down(a, b) for a, b in pairwise(w))
        inner = 128
        self.map = nn.Sequential(
            nn.Linear(config.style + config.labels, inner),
            nn.LeakyReLU(0.2),
            nn.Linear(inner, inner),
        )
        self.bottom = ModulatedConv(w[-1], w[-1], inner)
        self.up = nn.ModuleList()
        for level in range(len(w) - 2, -1, -1):
            laid = config.layout if level == config.laid_at else 0
            self.up.append(_Up(w[level + 1], w[level] + laid, w[level], inner))
        self.detail = nn.Conv2d(w[0] + 4, w[0], 3, 1, 1, padding_mode="replicate")
        self.out = nn.Conv2d(w[0], 3, 3, 1, 1, padding_mode="replicate")
        nn.init.zeros_(self.out.weight)
        nn.init.zeros_(self.out.bias)  # type: ignore[arg-type]

    def forward(
        self,
        surrogate_pm1: Tensor,
        face: Tensor,
        style: Tensor,
        layout: Tensor,
        label: Tensor | None = None,
        *,
        noise: torch.Generator | None = None,
    ) -> Tensor:
        """Draw one picture for each S_g at half size; arguments as of :class:`Generator`.

        Returns:
            (B, 3, size / 2, size / 2), unclamped.
        """
        code = self.map(style if label is None else torch.cat([style, label], 1))
        seen = face_alone(surrogate_pm1, face)
        x = self.stem(haar(torch.cat([seen, face], 1)))
        skips = [x]
        for down in self.down:
            x = down(x)
            skips.append(x)
        skips[self.config.laid_at] = torch.cat([skips[self.config.laid_at], layout], 1)
        x = self.bottom(x, code, noise)
        for up, skip in zip(self.up, skips[-2::-1], strict=True):
            x = up(x, skip, code, noise)
        x = F.leaky_relu(self.detail(torch.cat([enlarged(x), seen, face], 1)), 0.2)
        return seen + without_nyquist(self.out(x))


def face_alone(surrogate_pm1: Tensor, face: Tensor) -> Tensor:
    """S_g with everything but the face in the mean colour of that face.

    Skin goes on over forehead and neck, so a drawer has no edge of a mask to take away.

    Args:
        surrogate_pm1: (B, 3, H, W) in [-1, 1].
        face: (B, 1, H, W) in [0, 1].
    """
    area = face.sum((2, 3), keepdim=True) + 1e-6
    tone = (surrogate_pm1 * face).sum((2, 3), keepdim=True) / area
    return tone + (surrogate_pm1 - tone) * face


class Generator(nn.Module):
    """G(S_g, z_g, c): a drawer that makes one head of the group's mean at half size, and a refiner.

    The mean of a group holds little beyond half size, and ghosts are large: so the head is drawn there, at
    a quarter of the cost, and what makes it a photograph (strands, lashes, pores) is added in a second step
    that has learnt from real photographs.
    """

    def __init__(self, config: GeneratorConfig) -> None:
        super().__init__()
        self.config = config
        self.drawer = Drawer(config)
        self.refiner = Refiner(config.coarse, config.fine, config.blocks)

    def forward(
        self,
        surrogate_pm1: Tensor,
        face: Tensor,
        style: Tensor,
        layout: Tensor,
        label: Tensor | None = None,
        *,
        noise: torch.Generator | None = None,
    ) -> Tensor:
        """Draw one picture for each S_g.

        Args:
            surrogate_pm1: (B, 3, size, size) in [-1, 1].
            face: (B, 1, size / 2, size / 2) in [0, 1], what is seen of S_g (:func:`surrogate.sight.sight`).
            style: (B, style) vectors of the codes.
            layout: (B, layout, grid, grid) maps of the codes.
            label: (B, labels) one-hot, needed when ``config.labels`` > 0.
            noise: source of the injected noise; None adds none.

        Returns:
            (B, 3, size, size), unclamped.
        """
        head = self.head(surrogate_pm1, face, style, layout, label, noise=noise)
        found: Tensor = self.refiner(head, noise=noise)
        return found

    def head(
        self,
        surrogate_pm1: Tensor,
        face: Tensor,
        style: Tensor,
        layout: Tensor,
        label: Tensor | None = None,
        *,
        noise: torch.Generator | None = None,
    ) -> Tensor:
        """The picture before it is refined; arguments as of :meth:`forward`.

        Returns:
            (B, 3, size / 2, size / 2) in [-1, 1].
        """
        small = F.avg_pool2d(surrogate_pm1, 2)
        drawn: Tensor = self.drawer(small, face, style, layout, label, noise=noise)
        return drawn.clamp(-1, 1)
