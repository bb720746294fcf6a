"""What every loss returns: a total to minimise and the parts that it is the sum of."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

__all__ = ["Loss", "precise"]


class Loss(NamedTuple):
    """A loss.

    Attributes:
        total: scalar to minimise.
        parts: unweighted terms by name, for the log.
    """

    total: Tensor
    parts: dict[str, Tensor]


def precise(values: Tensor) -> Tensor:
    """The same in float32, float64 if it is that already: halves overflow in squares and sums."""
    return values if values.dtype == torch.float64 else values.float()
