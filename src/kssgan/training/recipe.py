"""What the loop asks of a kind of training."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Protocol

from torch import Tensor

from kssgan.types import U8Array

__all__ = ["Recipe"]


class Recipe(Protocol):
    """One kind of training: data, networks and steps. The loop counts, saves, looks and stops.

    Everything by chance is a function of the seed and the step's number, so that a resumed run repeats it.
    """

    def begin(self, step: int, stopped: Callable[[], bool]) -> bool:
        """Get ready for a step, the first of this call; ``stopped`` says when to give up.

        Returns:
            Whether it is ready; else no finished weights may be exported before the next step.
        """

    def step(self, step: int) -> dict[str, float]:
        """Improve the networks once; returns unweighted parts of the losses."""

    def look(self) -> tuple[dict[str, float], U8Array]:
        """Figures of the averaged networks, and a sheet (H, W, 3) uint8 to look at."""

    def score(self, figures: Mapping[str, float]) -> float:
        """How good those figures are, in one number of fixed weights; lower is better."""

    def state(self) -> dict[str, Tensor]:
        """Every tensor that a run needs to go on, by name."""

    def restore(self, tensors: dict[str, Tensor]) -> None:
        """Inverse of :meth:`state`.

        Raises:
            KeyError, RuntimeError, ValueError: tensors of other networks.
        """

    def more(self) -> dict[str, Any]:
        """Further plain values for the checkpoint."""

    def export(self, facts: dict[str, Any], *, finished: bool) -> bytes:
        """The averaged generator as a file."""

    def note(self, parts: Mapping[str, float]) -> str:
        """A word for the progress bar."""

    def plan(self) -> dict[str, Any]:
        """Sizes of networks and data, for a dry run."""
