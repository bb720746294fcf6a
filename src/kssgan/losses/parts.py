"""What every loss returns: a total to minimise and the parts that it is the sum of."""

from __future__ import annotations

from typing import NamedTuple

from torch import Tensor

__all__ = ["Loss"]


class Loss(NamedTuple):
    """A loss.

    Attributes:
        total: scalar to minimise.
        parts: unweighted terms by name, for the log.
    """

    total: Tensor
    parts: dict[str, Tensor]
