"""The recogniser's network: the 29-layer ResNet of dlib (King 2017), which maps a face to 128 numbers.

Layers stand in the order in which they run, and the affine layers are folded into the convolutions, so
that ``tools/convert_weights.py`` can pair them one by one with the published file.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional

__all__ = ["DlibResNet"]

_MEAN_RGB = (122.782, 117.001, 104.298)
_BLOCKS = ((32, 3), (64, 4), (128, 3), (256, 3), (256, 1))
"""(channels, blocks); every stage but the first begins by halving the map."""

_MAPPED = sum(count for _, count in _BLOCKS[:3])
"""Blocks up to the 8 x 8 map of 128 channels, which still tells where something is."""


def _fit(x: Tensor, like: Tensor) -> Tensor:
    """Pad with zeros on the right, below and in new channels up to the other's shape."""
    missing = [max(0, like.shape[axis] - x.shape[axis]) for axis in (3, 2, 1)]
    return (
        functional.pad(x, (0, missing[0], 0, missing[1], 0, missing[2])) if any(missing) else x
    )


class _Block(nn.Module):
    def __init__(self, inputs: int, outputs: int, *, down: bool) -> None:
        super().__init__()
        # dlib pads half the filter at stride 1 and nothing at other strides.
        self.first = nn.Conv2d(inputs, outputs, 3, 2 if down else 1, 0 if down else 1)
        self.second = nn.Conv2d(outputs, outputs, 3, 1, 1)
        self.down = down

    def forward(self, x: Tensor) -> Tensor:
        y = self.second(functional.relu(self.first(x), inplace=True))
        if self.down:
            x = functional.avg_pool2d(x, 2)
        # The two branches differ by a row where 3x3/2 and 2x2/2 round differently: the smaller is padded.
        return functional.relu(_fit(x, y) + _fit(y, x), inplace=True)


class DlibResNet(nn.Module):
    """Face chip to embedding; not of unit length.

    Input: (N, 3, 150, 150) float32 RGB in 0..255. Output: (N, 128) float32.
    """

    mean: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("mean", torch.tensor(_MEAN_RGB).reshape(3, 1, 1), persistent=False)
        self.stem = nn.Conv2d(3, 32, 7, 2)
        self.blocks = nn.Sequential()
        channels = 32
        for stage, (outputs, count) in enumerate(_BLOCKS):
            for block in range(count):
                self.blocks.append(_Block(channels, outputs, down=stage > 0 and block == 0))
                channels = outputs
        self.out = nn.Linear(256, 128, bias=False)

    def convolutions(self) -> Iterator[nn.Conv2d]:
        """All convolutions in running order."""
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                yield module

    def forward(self, chips: Tensor) -> Tensor:
        return self.with_map(chips)[0]

    def with_map(self, chips: Tensor) -> tuple[Tensor, Tensor]:
        """Embedding and map of one pass.

        Returns:
            (N, 128), and the map two stages before it, (N, 128, 8, 8), not below 0.
        """
        x = (chips - self.mean) / 256
        x = functional.max_pool2d(functional.relu(self.stem(x), inplace=True), 3, 2)
        seen = self.blocks[:_MAPPED](x)
        x = self.blocks[_MAPPED:](seen)
        return cast(Tensor, self.out(x.mean((2, 3)))), seen
