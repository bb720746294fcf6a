"""A critic that needs few steps: it judges what a frozen network sees of a picture, not the picture.

A critic that learns from pixels alone must first learn to see. On a few hundred portraits it is blind for a
hundred steps and then knows drawings by their finest band, which a drawer answers with rings. The landmark
network has seen faces and hair already. It is our own; neither the recogniser that audits a release nor the
detector whose features the picture gate compares is ever trained against.

Reference: Sauer, Chitta, Müller, Geiger 2021, "Projected GANs converge faster": features of several scales,
each mixed by a fixed random projection and judged by a small network of its own.
"""

from __future__ import annotations

from typing import Self

import torch
from torch import Tensor, nn
from torch.nn.utils.parametrizations import spectral_norm

from kssgan.faces._load import ready
from kssgan.faces._mesh_net import MeshNets

__all__ = ["FeatureCritic"]

_LEAST = 1e-3  # of a channel's spread: one that is always the same says nothing
_SLOPE = 0.2


class FeatureCritic(nn.Module):
    """D(picture) on four scales of the landmark network's features.

    It judges pictures alone: S_g is not shown to it, nor the label. Only the judges of the scales learn; the
    network and the projections stay as they are.

    Args:
        width: channels of a projection and of its judge.
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        stages = _stages()
        self.stages = stages.requires_grad_(False)
        channels = [_channels(stage) for stage in stages]
        self.projections = nn.ModuleList(nn.Conv2d(c, width, 1) for c in channels)
        for projection in self.projections:
            nn.init.orthogonal_(projection.weight)  # type: ignore[arg-type]
            nn.init.zeros_(projection.bias)  # type: ignore[arg-type]
        self.projections.requires_grad_(False)
        last = len(channels) - 1
        self.judges = nn.ModuleList(_judge(width, last - n) for n in range(len(channels)))
        self.measures = nn.ModuleList(_Measure(c) for c in channels)

    def requires_grad_(self, requires_grad: bool = True) -> Self:
        """Whether the judges learn; nothing else ever does."""
        self.judges.requires_grad_(requires_grad)
        return self

    @torch.no_grad()
    def get_used_to(self, pictures_pm1: Tensor) -> None:
        """Measure features by what is usual in photographs: as they come, few channels outweigh all others.

        Args:
            pictures_pm1: (B, 3, H, W) in [-1, 1], at least two.
        """
        for measure, seen in zip(self.measures, self._see(pictures_pm1), strict=True):
            assert isinstance(measure, _Measure)
            measure.mean.copy_(seen.mean((0, 2, 3), keepdim=True))
            measure.spread.copy_(seen.std((0, 2, 3), keepdim=True) + _LEAST)

    def forward(self, judged_pm1: Tensor, label: Tensor | None = None) -> Tensor:
        """Score each place of each picture at each scale.

        Args:
            judged_pm1: (B, 3n, H, W) in [-1, 1], sides multiples of 16: pictures; the last is judged.
            label: not looked at.

        Returns:
            (B, 4, H / 16, W / 16) scores, finest scale first; higher is more like a photograph.
        """
        return self.look(judged_pm1, label)[0]

    def look(
        self, judged_pm1: Tensor, label: Tensor | None = None
    ) -> tuple[Tensor, list[Tensor]]:
        """Scores as of :meth:`forward`, and the features of every scale that they are made of."""
        maps = self._see(judged_pm1[:, -3:])
        seen = [measure(x) for measure, x in zip(self.measures, maps, strict=True)]
        parts = zip(self.judges, self.projections, seen, strict=True)
        return torch.cat([judge(projection(x)) for judge, projection, x in parts], 1), seen

    def _see(self, pictures_pm1: Tensor) -> list[Tensor]:
        x, found = pictures_pm1 / 2, []
        for stage in self.stages:
            x = stage(x)
            found.append(x)
        return found


class _Measure(nn.Module):
    """Each channel less its mean, over its spread."""

    mean: Tensor
    spread: Tensor

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.register_buffer("mean", torch.zeros(1, channels, 1, 1))
        self.register_buffer("spread", torch.ones(1, channels, 1, 1))

    def forward(self, x: Tensor) -> Tensor:
        return (x - self.mean) / self.spread


def _stages() -> nn.ModuleList:
    """The shipped landmark network up to its last map, parted where it halves the picture.

    Raises:
        WeightsError: shipped weights are missing or damaged.
    """
    trunk = ready(MeshNets(), "landmarks").fine.trunk
    stages: list[nn.Sequential] = []
    for layer in trunk:
        first = layer[0] if isinstance(layer, nn.Sequential) else None
        if isinstance(first, nn.Conv2d):
            if first.kernel_size == (1, 1):  # the squeeze before the fully connected part
                break
            stages.append(nn.Sequential())
        # In place, it would overwrite what the scale before is judged by.
        stages[-1].append(nn.ReLU() if isinstance(layer, nn.ReLU) else layer)
    return nn.ModuleList(stages)


def _channels(stage: nn.Module) -> int:
    convolutions = [part for part in stage.modules() if isinstance(part, nn.Conv2d)]
    return convolutions[-1].out_channels


def _judge(width: int, halvings: int) -> nn.Sequential:
    """From a map to scores on the coarsest scale's grid."""
    layers: list[nn.Module] = [
        spectral_norm(nn.Conv2d(width, width, 3, 1, 1)),
        nn.LeakyReLU(_SLOPE),
    ]
    for _ in range(halvings):
        layers += [spectral_norm(nn.Conv2d(width, width, 4, 2, 1)), nn.LeakyReLU(_SLOPE)]
    return nn.Sequential(*layers, spectral_norm(nn.Conv2d(width, 1, 3, 1, 1)))
