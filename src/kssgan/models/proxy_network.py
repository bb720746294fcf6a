"""The network of k-Same-Net: an identity, mixed from known ones, and an expression become a face."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812

from kssgan.models.haar import inverse_haar, without_nyquist
from kssgan.models.parts import enlarged
from kssgan.types import CROP_SIZE

__all__ = ["ProxyConfig", "ProxyNetwork", "at_crop_size"]

_SMALLEST = 8  # side of the first map


@dataclass(frozen=True)
class ProxyConfig:
    """Shape of a network.

    Attributes:
        proxies: P, the identities that it knows.
        labels: width of the one-hot expression.
        code: numbers by which it knows an identity.
        hidden: width between code and first map.
        spread: channels of the first map, 8 x 8.
        widths: channels at 8, 16, 32, ... pixels; the last at half the size of the picture; at least 3.
    """

    proxies: int
    labels: int
    code: int = 128
    hidden: int = 192
    spread: int = 80
    widths: tuple[int, ...] = (128, 96, 64, 48)

    @property
    def size(self) -> int:
        """Side of the picture in pixels."""
        return int(_SMALLEST << len(self.widths))

    @property
    def rough_size(self) -> int:
        """Side of the rough picture in pixels, a quarter of the size."""
        return self.size // 4

    def to_json(self) -> dict[str, Any]:
        """Plain values, for a file of weights."""
        return asdict(self)

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> ProxyConfig:
        """Inverse of :meth:`to_json`."""
        return cls(**{**values, "widths": tuple(values["widths"])})


class ProxyNetwork(nn.Module):
    """Up-convolutions from who and how to a head crop.

    The first layer holds one code for each proxy and no bias, so the code of a mixture is the mixture of
    codes. Maps are enlarged linearly and then convolved: transposed convolutions draw checkerboards. A rough
    picture at a quarter of the size can be learnt first, at a tenth of the cost; the rest is a correction in
    the Haar domain, of which a fixed filter takes away what alternates from pixel to pixel.

    Reference: Dosovitskiy, Springenberg, Brox 2015, "Learning to generate chairs with convolutional neural
    networks"; Meden, Emersic, Struc, Peer 2018, "k-Same-Net".
    """

    def __init__(self, config: ProxyConfig) -> None:
        super().__init__()
        self.config = config
        w = config.widths
        self.codes = nn.Parameter(torch.randn(config.proxies, config.code))
        self.hidden = nn.Linear(config.code + config.labels, config.hidden)
        self.spread = nn.Linear(config.hidden, config.spread * _SMALLEST**2)
        self.first = nn.Conv2d(config.spread, w[0], 3, 1, 1)
        self.up = nn.ModuleList(nn.Conv2d(a, b, 3, 1, 1) for a, b in pairwise(w))
        self.rough_head = nn.Conv2d(w[-2], 3, 3, 1, 1)
        self.bands = nn.Conv2d(w[-1], 12, 3, 1, 1)
        for layer in self.modules():
            if isinstance(layer, nn.Conv2d | nn.Linear):
                nn.init.kaiming_normal_(layer.weight, 0.2)
                nn.init.zeros_(layer.bias)  # type: ignore[arg-type]
        nn.init.normal_(self.rough_head.weight, std=0.01)
        nn.init.normal_(self.bands.weight, std=0.001)

    def forward(self, mixture: Tensor, label: Tensor) -> Tensor:
        """Draw one picture for each mixture.

        Args:
            mixture: (B, P) weights of the proxies, each row adding up to 1; one-hot for a proxy itself.
            label: (B, labels) weights of the expressions, one-hot or adding up to 1.

        Returns:
            (B, 3, size, size), unclamped, for [-1, 1].
        """
        return self.decode(mixture @ self.codes, label)

    def decode(self, code: Tensor, label: Tensor) -> Tensor:
        """As :meth:`forward`, for codes (B, code) in place of mixtures."""
        x = self._small(code, label)
        rough = self.rough_head(x)
        x = F.leaky_relu(self.up[-1](enlarged(x)), 0.2)
        fine = inverse_haar(self.bands(x))
        return without_nyquist(enlarged(enlarged(rough)) + fine)

    def rough(self, code: Tensor, label: Tensor) -> Tensor:
        """The rough picture alone, (B, 3, rough_size, rough_size); arguments as of :meth:`decode`."""
        found: Tensor = self.rough_head(self._small(code, label))
        return found

    def _small(self, code: Tensor, label: Tensor) -> Tensor:
        x = F.leaky_relu(self.hidden(torch.cat([code, label], 1)), 0.2)
        x = F.leaky_relu(self.spread(x), 0.2)
        x = x.view(-1, self.config.spread, _SMALLEST, _SMALLEST)
        x = x.contiguous(
            memory_format=torch.channels_last
        )  # convolutions are quicker so on a CPU
        x = F.leaky_relu(self.first(x), 0.2)
        for layer in self.up[:-1]:
            x = F.leaky_relu(layer(enlarged(x)), 0.2)
        return x


def at_crop_size(pictures: Tensor) -> Tensor:
    """(B, 3, S, S) enlarged to (B, 3, 256, 256), unclamped.

    By bicubic interpolation: a photograph reduced to 128 px keeps 0.44 of its sharpness so, 0.14 by linear.
    """
    size = (CROP_SIZE, CROP_SIZE)
    return F.interpolate(pictures, size, mode="bicubic", align_corners=False)
