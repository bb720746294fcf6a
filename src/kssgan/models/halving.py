"""4 x 4 convolutions of stride 2, and their transposed ones, quick where weights are many and places few."""

from __future__ import annotations

from torch import Tensor
from torch.nn import functional as F  # noqa: N812

__all__ = ["doubled", "halved"]

_FEW = 4  # sides of the smaller picture up to which a matrix product is quicker on a CPU


def halved(x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    """Convolution from (B, C, H, W) to (B, D, H / 2, W / 2), frame of one zero.

    On a CPU a convolution first brings its weights into an order of its own, 134 MB of them in StarGAN's last
    layer for four places a picture. One matrix product on gathered patches reads them as they lie.

    Args:
        x: with even sides.
        weight: (D, C, 4, 4).
        bias: (D,).
    """
    height, width = x.shape[2] // 2, x.shape[3] // 2
    if not _as_product(x, height, width):
        return F.conv2d(x, weight, bias, stride=2, padding=1)
    patches = F.unfold(x, 4, padding=1, stride=2).transpose(1, 2).flatten(0, 1)
    found = F.linear(patches, weight.flatten(1), bias)
    return found.view(len(x), height, width, -1).permute(0, 3, 1, 2)


def doubled(x: Tensor, weight: Tensor) -> Tensor:
    """The transposed convolution, from (B, D, H, W) to (B, C, 2 H, 2 W), with the same weight and no bias."""
    height, width = x.shape[2:]
    if not _as_product(x, height, width):
        return F.conv_transpose2d(x, weight, stride=2, padding=1)
    patches = x.permute(0, 2, 3, 1).flatten(0, 2) @ weight.flatten(1)
    patches = patches.view(len(x), height * width, -1).transpose(1, 2)
    return F.fold(patches, (2 * height, 2 * width), 4, padding=1, stride=2)


def _as_product(x: Tensor, height: int, width: int) -> bool:
    return x.device.type == "cpu" and height <= _FEW and width <= _FEW
