"""The two small residual networks behind :mod:`kssgan.faces.landmarks`.

Both map a square picture to all points of the mesh, as offsets from the mean shape. The coarse one sees
the whole head crop and only has to say where the face lies; the fine one sees a window that was moved,
turned and scaled so that the face fills it.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import nn

__all__ = ["POINTS", "MeshNets", "coarse_net", "fine_net"]

POINTS = 468
"""Points of the mesh."""

_SPREAD = 0.08  # outputs of order one are offsets of this share of the picture


class MeshNets(nn.Module):
    """The pair as one module, so that one weights file holds both.

    Attributes:
        coarse: whole head crop at 64 px.
        fine: aligned window at 96 px; also says how far off it expects to be.
        mirror: (468,) which point is the mirror image of which.
        calibration: (4,) how the two failure signs become an estimated error, and where it is too large.
    """

    def __init__(self, *, training: bool = False) -> None:
        super().__init__()
        self.coarse = coarse_net(normed=training)
        self.fine = fine_net(normed=training)
        self.mirror: torch.Tensor
        self.calibration: torch.Tensor
        self.register_buffer("mirror", torch.arange(POINTS, dtype=torch.float32))
        self.register_buffer("calibration", torch.zeros(4))


def coarse_net(*, normed: bool = False) -> MeshNet:
    """Network for the whole head crop, reduced to 64 px."""
    return MeshNet(
        64, widths=(12, 24, 48, 64), blocks=(0, 0, 1, 0), squeeze=0, hidden=64, normed=normed
    )


def fine_net(*, normed: bool = False) -> MeshNet:
    """Network for the aligned window of 96 px."""
    return MeshNet(
        96, widths=(16, 32, 64, 128), blocks=(0, 0, 2, 2), squeeze=24, hidden=192, normed=normed
    )


class MeshNet(nn.Module):
    """Residual network from a picture to points and a guess of their error.

    Args:
        size: side of its pictures.
        widths: channels of each stage; every stage halves the side.
        blocks: residual blocks of each stage.
        squeeze: channels before the fully connected part; 0 keeps the last stage's.
        hidden: width of the fully connected part.
        normed: with batch norms (for training) instead of biases (shipped: norms are folded).
    """

    def __init__(
        self,
        size: int,
        *,
        widths: Sequence[int],
        blocks: Sequence[int],
        squeeze: int,
        hidden: int,
        normed: bool,
    ) -> None:
        super().__init__()
        self.size = size
        layers: list[nn.Module] = []
        before, side = 3, size
        for stage, (width, count) in enumerate(zip(widths, blocks, strict=True)):
            layers.append(_convolution(before, width, 5 if stage == 0 else 3, 2, normed=normed))
            layers.append(nn.ReLU(inplace=True))
            layers += [_Block(width, normed=normed) for _ in range(count)]
            before, side = width, side // 2
        if squeeze:
            layers += [
                _convolution(before, squeeze, 1, 1, normed=normed),
                nn.ReLU(inplace=True),
            ]
            before = squeeze
        self.trunk = nn.Sequential(*layers)
        self.hidden = nn.Linear(before * side * side, hidden)
        self.points = nn.Linear(hidden, 2 * POINTS)
        self.doubt = nn.Linear(hidden, 1)
        self.mean: torch.Tensor
        self.register_buffer("mean", torch.zeros(POINTS, 2))

    def forward(self, pictures: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Locate the points.

        Args:
            pictures: (B, 3, size, size), values in [-0.5, 0.5].

        Returns:
            Points (B, 468, 2) in pixels of the pictures, and (B,) the logarithm of their expected mean
            error over the distance of the outer eye corners.
        """
        features = torch.relu(self.hidden(self.trunk(pictures).flatten(1)))
        offsets = self.points(features).unflatten(1, (POINTS, 2))
        share = self.mean + _SPREAD * offsets
        return share * self.size - 0.5, self.doubt(features).squeeze(1) - 3.0


class _Block(nn.Module):
    def __init__(self, width: int, *, normed: bool) -> None:
        super().__init__()
        self.first = _convolution(width, width, 3, 1, normed=normed)
        self.second = _convolution(width, width, 3, 1, normed=normed)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.relu(x + self.second(torch.relu(self.first(x))))


def _convolution(
    before: int, after: int, kernel: int, stride: int, *, normed: bool
) -> nn.Sequential:
    layers: list[nn.Module] = [
        nn.Conv2d(before, after, kernel, stride, kernel // 2, bias=not normed)
    ]
    if normed:
        layers.append(nn.BatchNorm2d(after))
    return nn.Sequential(*layers)
