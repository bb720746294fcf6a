"""The Siamese twin: two pictures through the same weights, to be told apart by their features."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812

__all__ = ["SiameseConfig", "SiameseTwin"]


@dataclass(frozen=True)
class SiameseConfig:
    """Shape of a twin.

    Attributes:
        widths: channels at 1/2, 1/4, ... of the size.
        features: length of the embedding.
    """

    widths: tuple[int, ...] = (32, 64, 128, 256)
    features: int = 128

    def to_json(self) -> dict[str, Any]:
        """Plain values, for a checkpoint."""
        return asdict(self)

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> SiameseConfig:
        """Inverse of :meth:`to_json`."""
        return cls(**{**values, "widths": tuple(values["widths"])})


class SiameseTwin(nn.Module):
    """Pictures of one person get features that lie close, of different people far apart.

    It belongs to the loss: what judges a release is never this network. Sharing weights means calling it
    once for each picture of a pair, or once for both together.
    """

    def __init__(self, config: SiameseConfig) -> None:
        super().__init__()
        self.config = config
        w = config.widths
        self.down = nn.ModuleList(nn.Conv2d(a, b, 3, 2, 1) for a, b in pairwise((3, *w)))
        # Where something lies in the picture counts, as eyes and mouths do: so 2 x 2 places stay.
        self.out = nn.Linear(4 * w[-1], config.features)

    def forward(self, pictures_pm1: Tensor) -> Tensor:
        """Features of pictures (B, 3, H, W) in [-1, 1].

        Returns:
            (B, features), of length 1, float32 under autocast too.
        """
        x = pictures_pm1
        for convolution in self.down:
            x = F.leaky_relu(convolution(x), 0.2)
        x = self.out(F.adaptive_avg_pool2d(x, 2).flatten(1))
        with torch.autocast(x.device.type, enabled=False):
            return F.normalize(x if x.dtype == torch.float64 else x.float(), dim=1)
