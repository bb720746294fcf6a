"""What the study asks of a solver."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, Protocol

__all__ = ["Lesson", "Solver"]


class Lesson(NamedTuple):
    """A trial that is over.

    Attributes:
        number: of the trial.
        places: in the unit cube.
        cost: finite, lower is better; of a trial that was stopped early the last score it showed, of one
            that failed the worst that any trial has shown.
    """

    number: int
    places: tuple[float, ...]
    cost: float


class Solver(Protocol):
    """Says where to try next. Every parameter is a place in [0, 1]; the space knows the scales."""

    def suggest(self, number: int, lessons: Sequence[Lesson]) -> list[float]:
        """Places of a trial.

        Args:
            number: of the trial, never the same twice in a study, whoever asks.
            lessons: all trials that are over, also other workers', in the order of their numbers.
        """
