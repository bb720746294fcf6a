"""What one update of the paper's networks sees."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812

__all__ = ["SiameseBatch", "TwinPairs", "conditions"]


class SiameseBatch(NamedTuple):
    """Photographs of members, and what is drawn for them.

    Attributes:
        real: (B, 3, H, W) in [-1, 1], photographs x.
        attributes: (B, A) int64, categories that the photographs show; -1 is unknown.
        source: (B, 3, H, W) in [-1, 1], what G reads: I0 = S_g of each one's group in strict mode, x itself
            in utility mode and for the ``stargan`` baseline.
        wanted: (B, A) int64, categories asked for; -1 asks for nothing.
        code: (B, C) group one-hot or code, the first part of c; C may be 0.
        groups: (B,) int64, numbers of the groups for the critic's head, None without one; -1 is unknown.
        style: (B, style), z_g; None for a generator without.
        share: (B,) eps of the gradient penalty in [0, 1]; None draws it by chance.
    """

    real: Tensor
    attributes: Tensor
    source: Tensor
    wanted: Tensor
    code: Tensor
    groups: Tensor | None = None
    style: Tensor | None = None
    share: Tensor | None = None


class TwinPairs(NamedTuple):
    """Pairs of photographs for the twin.

    Attributes:
        first: (P, 3, H, W) in [-1, 1].
        second: the same, of the same person or of another.
        same: (P,) bool, whether of the same.
    """

    first: Tensor
    second: Tensor
    same: Tensor


def conditions(code: Tensor, categories: Tensor, widths: Sequence[int]) -> Tensor:
    """Conditions c = [group one-hot or code, attribute one-hots].

    Args:
        code: (B, C) of the groups.
        categories: (B, A) int64; -1 gives zeros.
        widths: number of categories of each attribute.

    Returns:
        (B, C + sum of widths) float32.
    """
    hots = [
        F.one_hot(column.clamp(min=0), width).float() * (column >= 0)[:, None]
        for column, width in zip(categories.unbind(1), widths, strict=True)
    ]
    return torch.cat([code.float(), *hots], 1)
