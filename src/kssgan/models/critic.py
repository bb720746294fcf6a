"""Critics: does this picture look like a photograph? D(S_g, picture) also asks whether it belongs to S_g."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from itertools import pairwise
from typing import Any

from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812

from kssgan.models.haar import haar

__all__ = ["Critic", "CriticConfig"]


@dataclass(frozen=True)
class CriticConfig:
    """Shape of a critic.

    Attributes:
        widths: channels at 1/2, 1/4, ... of the size; one score per place of the last.
        channels: of what is judged: 6 for S_g with a picture, 3 for a picture alone.
        labels: width of the one-hot label c; 0 where it is not shown to the critic.
    """

    widths: tuple[int, ...] = (32, 64, 128, 160)
    channels: int = 6
    labels: int = 0

    def to_json(self) -> dict[str, Any]:
        """Plain values, for a checkpoint."""
        return asdict(self)

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> CriticConfig:
        """Inverse of :meth:`to_json`."""
        return cls(**{**values, "widths": tuple(values["widths"])})


class Critic(nn.Module):
    """Patch critic in the Haar domain, so that fine bands are as near as coarse ones.

    No normalisation layers: its gradient penalty looks at each picture alone.
    """

    def __init__(self, config: CriticConfig) -> None:
        super().__init__()
        self.config = config
        w = config.widths
        self.stem = nn.Conv2d(4 * config.channels, w[0], 3, 1, 1)
        self.down = nn.ModuleList(nn.Conv2d(a, b, 4, 2, 1) for a, b in pairwise(w))
        self.label = nn.Linear(config.labels, w[-1]) if config.labels else None
        self.out = nn.Conv2d(w[-1], 1, 3, 1, 1)

    def forward(self, judged_pm1: Tensor, label: Tensor | None = None) -> Tensor:
        """Score each place of each picture.

        Args:
            judged_pm1: (B, channels, H, W) in [-1, 1]: a picture, after S_g where ``config.channels`` is 6.
            label: (B, labels) one-hot, needed when ``config.labels`` > 0.

        Returns:
            (B, 1, h, w) scores; higher is more like a photograph.
        """
        return self.look(judged_pm1, label)[0]

    def look(
        self, judged_pm1: Tensor, label: Tensor | None = None
    ) -> tuple[Tensor, list[Tensor]]:
        """Scores as of :meth:`forward`, and the features of every scale that they are made of."""
        x = self.stem(haar(judged_pm1))
        features = []
        for down in self.down:
            x = F.leaky_relu(x, 0.2)
            features.append(x)
            x = down(x)
        if self.label is not None and label is not None:
            x = x + self.label(label)[:, :, None, None]
        x = F.leaky_relu(x, 0.2)
        features.append(x)
        scores: Tensor = self.out(x)
        return scores, features
