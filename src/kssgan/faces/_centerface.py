"""The detector's network: CenterFace (Xu et al. 2020), a MobileNetV2 body with a small pyramid neck.

Layers stand in the order in which they run, and batch norms are folded into the convolutions, so that
``tools/convert_weights.py`` can pair them one by one with the published file.
"""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor, nn
from torch.nn import functional

__all__ = ["CenterFace"]

_STAGES = ((24, 2, 2), (32, 3, 2), (64, 4, 2), (96, 3, 1), (160, 3, 2), (320, 1, 1))
"""(channels, blocks, stride of the first block) after the stem."""


class _Inverted(nn.Module):
    """MobileNetV2's block: widen six times, filter each channel, narrow; add the input where it fits."""

    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        wide = inputs * 6
        self.widen = nn.Conv2d(inputs, wide, 1)
        self.filter = nn.Conv2d(wide, wide, 3, stride, 1, groups=wide)
        self.narrow = nn.Conv2d(wide, outputs, 1)
        self.residual = stride == 1 and inputs == outputs

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = functional.relu(self.widen(x), inplace=True)
        y = self.narrow(functional.relu(self.filter(y), inplace=True))
        return x + y if self.residual else y


class _Merge(nn.Module):
    """Double the coarse map and add the finer one to it."""

    def __init__(self, fine: int) -> None:
        super().__init__()
        self.enlarge = nn.ConvTranspose2d(24, 24, 2, 2)
        self.lateral = nn.Conv2d(fine, 24, 1)

    def forward(self, coarse: Tensor, fine: Tensor) -> Tensor:
        return functional.relu(self.enlarge(coarse)) + functional.relu(self.lateral(fine))


class CenterFace(nn.Module):
    """Heat map of face centres with size, offset and landmarks at a quarter of the input's size.

    Input: (N, 3, H, W) float32 RGB in 0..255, H and W multiples of 32.
    Output: heat (N, 1, H/4, W/4) in 0..1, size (N, 2) as log of quarter pixels (height, width), offset
    (N, 2) in quarter pixels (y, x), points (N, 10) as (y, x) pairs in units of the box.
    """

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, 32, 3, 2, 1)
        self.stem_filter = nn.Conv2d(32, 32, 3, 1, 1, groups=32)
        self.stem_narrow = nn.Conv2d(32, 16, 1)
        stages = []
        channels = 16
        for outputs, blocks, stride in _STAGES:
            stage = nn.Sequential()
            for block in range(blocks):
                stage.append(_Inverted(channels, outputs, stride if block == 0 else 1))
                channels = outputs
            stages.append(stage)
        self.stages = nn.ModuleList(stages)
        self.top = nn.Conv2d(320, 24, 1)
        self.merge16 = _Merge(96)
        self.merge8 = _Merge(32)
        self.merge4 = _Merge(24)
        self.head = nn.Conv2d(24, 24, 3, 1, 1)
        self.heat = nn.Conv2d(24, 1, 1)
        self.size = nn.Conv2d(24, 2, 1)
        self.offset = nn.Conv2d(24, 2, 1)
        self.points = nn.Conv2d(24, 10, 1)

    def convolutions(self) -> Iterator[nn.Conv2d | nn.ConvTranspose2d]:
        """All weighted layers in running order."""
        for module in self.modules():
            if isinstance(module, nn.Conv2d | nn.ConvTranspose2d):
                yield module

    def body(self, image: Tensor) -> list[Tensor]:
        """Maps of the six stages: 24, 32, 64, 96, 160 and 320 channels at strides 4, 8, 16, 16, 32, 32."""
        x = functional.relu(
            self.stem_filter(functional.relu(self.stem(image), inplace=True)), inplace=True
        )
        x = self.stem_narrow(x)
        maps = []
        for stage in self.stages:
            x = stage(x)
            maps.append(x)
        return maps

    def forward(self, image: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        at4, at8, _, at16, _, at32 = self.body(image)
        y = self.merge16(functional.relu(self.top(at32)), at16)
        y = self.merge4(self.merge8(y, at8), at4)
        y = functional.relu(self.head(y))
        return torch.sigmoid(self.heat(y)), self.size(y), self.offset(y), self.points(y)
