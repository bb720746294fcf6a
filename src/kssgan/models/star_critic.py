"""D of the paper, in the shape of StarGAN (Choi et al. 2018): is this a photograph, and of which kind?"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from itertools import pairwise
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812

from kssgan.models.halving import doubled, halved

__all__ = ["Judgement", "StarCritic", "StarCriticConfig"]

_LEAK = 0.01


@dataclass(frozen=True)
class StarCriticConfig:
    """Shape of a critic; the defaults with five categories are StarGAN's.

    Attributes:
        size: side of the pictures, a multiple of 2 ** depth.
        width: channels at half size; doubled at each further step down.
        depth: steps down.
        attributes: number of categories of each attribute.
        groups: number of groups to tell apart; 0 where they are not told.
    """

    size: int = 128
    width: int = 64
    depth: int = 6
    attributes: tuple[int, ...] = ()
    groups: int = 0

    def to_json(self) -> dict[str, Any]:
        """Plain values, for a checkpoint."""
        return asdict(self)

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> StarCriticConfig:
        """Inverse of :meth:`to_json`."""
        return cls(**{**values, "attributes": tuple(values["attributes"])})


class Judgement(NamedTuple):
    """What a critic says of B pictures.

    Attributes:
        score: (B,), higher is more like a photograph; the mean over places.
        attributes: (B, categories) logits, one tensor for each attribute.
        group: (B, groups) logits; None where groups are not told.
    """

    score: Tensor
    attributes: tuple[Tensor, ...]
    group: Tensor | None


class StarCritic(nn.Module):
    """Strided convolutions, then a head that scores places and one that sees the whole picture.

    No normalisation layers: its gradient penalty looks at each picture alone.
    """

    def __init__(self, config: StarCriticConfig) -> None:
        super().__init__()
        side, rest = divmod(config.size, 2**config.depth)
        if rest or not side:
            raise ValueError(
                f"size {config.size} came; a critic of depth {config.depth} "
                f"needs a multiple of {2**config.depth}"
            )
        self.config = config
        widths = [3, *(config.width * 2**step for step in range(config.depth))]
        self.down = nn.ModuleList(nn.Conv2d(a, b, 4, 2, 1) for a, b in pairwise(widths))
        self.score = nn.Conv2d(widths[-1], 1, 3, 1, 1, bias=False)
        told = sum(config.attributes) + config.groups
        self.tell = nn.Conv2d(widths[-1], told, side, bias=False) if told else None

    def forward(self, judged_pm1: Tensor) -> Judgement:
        """Judge pictures (B, 3, size, size) in [-1, 1]."""
        x = judged_pm1
        for convolution in self.down:
            x = F.leaky_relu(_halved(x, convolution), _LEAK, inplace=True)
        score = self.score(x).flatten(1).mean(1)
        if self.tell is None:
            return Judgement(score, (), None)
        c = self.config
        *attributes, group = self.tell(x).flatten(1).split([*c.attributes, c.groups], 1)
        return Judgement(score, tuple(attributes), group if c.groups else None)

    def slope(self, judged_pm1: Tensor) -> Tensor:
        """Gradient of each picture's score by that picture, differentiable by the weights.

        Between the kinks of its leaky units the critic is linear, so this gradient is a network too: the
        transposed convolutions with the same weights, switched by the signs that the picture caused. One
        ordinary backward pass through it gives what differentiating twice gives, without the second pass
        through the critic, which adds zeros. Always float32 (float64 if the critic is).

        Args:
            judged_pm1: (B, 3, size, size) in [-1, 1]; no gradients flow there.

        Returns:
            (B, 3, size, size).
        """
        with torch.autocast(judged_pm1.device.type, enabled=False):
            signs = []
            with torch.no_grad():
                x = judged_pm1.to(self.score.weight.dtype)
                for convolution in self.down:
                    x = _halved(x, convolution)
                    signs.append(x > 0)
                    x = F.leaky_relu(x, _LEAK, inplace=True)
            places = x.shape[2] * x.shape[3]
            slope = x.new_full((len(x), 1, *x.shape[2:]), 1 / places)
            slope = F.conv_transpose2d(slope, self.score.weight, padding=1)
            for convolution, up in zip(reversed(self.down), reversed(signs), strict=True):
                assert isinstance(convolution, nn.Conv2d)
                slope = torch.where(up, slope, slope * _LEAK)
                slope = doubled(slope, convolution.weight)
        return slope


def _halved(x: Tensor, convolution: nn.Module) -> Tensor:
    assert isinstance(convolution, nn.Conv2d)
    assert convolution.bias is not None
    return halved(x, convolution.weight, convolution.bias)
