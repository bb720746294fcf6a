"""The critic D(S_g, picture): does this picture look like a photograph that belongs to S_g?"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812

from kssgan.models.haar import haar

__all__ = ["Critic", "CriticConfig"]


@dataclass(frozen=True)
class CriticConfig:
    """Shape of a critic.

    Attributes:
        widths: channels at 1/2, 1/4, ... of the size; one score per place of the last.
        labels: width of the one-hot label c; 0 where it is not shown to the critic.
    """

    widths: tuple[int, ...] = (32, 64, 128, 160)
    labels: int = 0

    def to_json(self) -> dict[str, Any]:
        """Plain values, for a checkpoint."""
        return asdict(self)

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> CriticConfig:
        """Inverse of :meth:`to_json`."""
        return cls(**{**values, "widths": tuple(values["widths"])})


class Critic(nn.Module):
    """Patch critic on pairs, in the Haar domain so that fine bands are as near as coarse ones.

    No normalisation layers: its gradient penalty looks at each picture alone.
    """

    def __init__(self, config: CriticConfig) -> None:
        super().__init__()
        self.config = config
        w = config.widths
        self.stem = nn.Conv2d(24, w[0], 3, 1, 1)
        self.down = nn.ModuleList(nn.Conv2d(a, b, 4, 2, 1) for a, b in pairwise(w))
        self.label = nn.Linear(config.labels, w[-1]) if config.labels else None
        self.out = nn.Conv2d(w[-1], 1, 3, 1, 1)

    def forward(
        self, surrogate_pm1: Tensor, picture_pm1: Tensor, label: Tensor | None = None
    ) -> Tensor:
        """Score each place of each picture.

        Args:
            surrogate_pm1: (B, 3, H, W) in [-1, 1].
            picture_pm1: (B, 3, H, W), a photograph or what a generator drew from S_g.
            label: (B, labels) one-hot, needed when ``config.labels`` > 0.

        Returns:
            (B, 1, h, w) scores; higher is more like a photograph.
        """
        x = self.stem(haar(torch.cat([surrogate_pm1, picture_pm1], 1)))
        for down in self.down:
            x = down(F.leaky_relu(x, 0.2))
        if self.label is not None and label is not None:
            x = x + self.label(label)[:, :, None, None]
        scores: Tensor = self.out(F.leaky_relu(x, 0.2))
        return scores
