"""A validation score of fixed weights: it can be compared between runs whose losses are weighted otherwise.

It asks nothing that learns during training: neither critic nor twin, whose own opinion changes with them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812

__all__ = ["WEIGHTS", "Probe", "sliced_distance", "validation_score"]

WEIGHTS: Mapping[str, float] = {"sliced": 1.0, "missed": 1.0, "coarse": 1.0}
"""Of the parts of :func:`validation_score`; never tuned."""

_PATCH = 7
_DIRECTIONS = 128
_LEVELS = 3
_PATCHES = 64  # of a picture and level
_SIDE = 24  # pixels that a probe sees
_RIDGE = 30.0


def validation_score(figures: Mapping[str, float]) -> float:
    """Lower is better.

    Args:
        figures: "sliced", how far textures are from photographs' (:func:`sliced_distance`); "missed", share
            of pictures in which a probe does not see the attribute asked for; "coarse", L1 to S_g at a low
            size, so that a picture stays that of its group.
    """
    return sum(weight * figures[name] for name, weight in WEIGHTS.items())


def sliced_distance(drawn: Tensor, photographs: Tensor) -> float:
    """Sliced Wasserstein distance between patches of two sets of pictures, mean over scales.

    Patches of 7 x 7 pixels at three sizes, each channel standardised by the photographs', along 128 fixed
    random directions; 0 for equal distributions, about 1 for patches one deviation apart.

    Args:
        drawn: (N, 3, H, W) in [-1, 1].
        photographs: (M, 3, H, W).

    Reference: Karras et al. 2018 ("Progressive growing of GANs"), section 5.
    """
    far: list[Tensor] = []
    for _ in range(_LEVELS):
        if min(drawn.shape[2:]) < _PATCH:
            break
        a, b = _patches(drawn), _patches(photographs)
        middle, wide = b.mean((0, 2), keepdim=True), b.std((0, 2), keepdim=True) + 1e-6
        a, b = (((x - middle) / wide).flatten(1) for x in (a, b))
        source = torch.Generator().manual_seed(len(far))
        ways = torch.randn(a.shape[1], _DIRECTIONS, generator=source).to(a)
        ways = F.normalize(ways, dim=0) * (a.shape[1] ** 0.5 / _PATCH)
        line = torch.linspace(0.01, 0.99, 99).to(a)
        one, other = (torch.quantile(x @ ways, line, dim=0) for x in (a, b))
        far.append((one - other).abs().mean())
        drawn, photographs = F.avg_pool2d(drawn, 2), F.avg_pool2d(photographs, 2)
    return float(torch.stack(far).mean())


def _patches(pictures: Tensor) -> Tensor:
    """(P, 3, 49) patches at places that depend on the picture's number alone."""
    height, width = pictures.shape[2:]
    source = torch.Generator().manual_seed(height)
    rows = torch.randint(height - _PATCH + 1, (len(pictures), _PATCHES), generator=source)
    columns = torch.randint(width - _PATCH + 1, (len(pictures), _PATCHES), generator=source)
    windows = pictures.unfold(2, _PATCH, 1).unfold(3, _PATCH, 1)
    picked = [
        window[:, r.to(pictures.device), c.to(pictures.device)]
        for window, r, c in zip(windows, rows, columns, strict=True)
    ]
    return torch.cat(picked, 1).transpose(0, 1).flatten(2)


class Probe:
    """Tells the category of an attribute from small pictures: ridge regression on one-hot labels.

    Args:
        batches: pictures, N in all, each (B, 3, H, W) in [-1, 1].
        categories: (N,) int64, none unknown.
        count: of categories.
    """

    def __init__(self, batches: Iterable[Tensor], categories: Tensor, count: int) -> None:
        seen = torch.cat([self._seen(pictures) for pictures in batches])
        self._middle = seen.mean(0)
        seen = seen - self._middle
        wanted = F.one_hot(categories, count).to(seen)
        self._offset = wanted.mean(0)
        wanted -= self._offset
        ridge = seen.square().sum() / len(seen) * _RIDGE / 100
        # Of two equal ways, that with the smaller system: of photographs or of pixels.
        if len(seen) < seen.shape[1]:
            self._weights = seen.T @ _solved(seen @ seen.T, ridge, wanted)
        else:
            self._weights = _solved(seen.T @ seen, ridge, seen.T @ wanted)

    def __call__(self, pictures: Tensor) -> Tensor:
        """(N,) categories."""
        seen = self._seen(pictures) - self._middle
        found: Tensor = (seen @ self._weights + self._offset).argmax(1)
        return found

    def _seen(self, pictures: Tensor) -> Tensor:
        small = F.adaptive_avg_pool2d(pictures.float(), min(_SIDE, pictures.shape[-1]))
        small = small - small.mean((2, 3), keepdim=True)
        found: Tensor = small.flatten(1).double().cpu()
        return found


def _solved(inner: Tensor, ridge: Tensor, wanted: Tensor) -> Tensor:
    found: Tensor = torch.linalg.solve(inner + ridge * torch.eye(len(inner)).to(inner), wanted)
    return found
