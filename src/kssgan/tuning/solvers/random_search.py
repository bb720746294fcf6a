"""Random Search."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from kssgan.tuning.solvers.solver import Lesson
from kssgan.tuning.space import Space

__all__ = ["RandomSearch"]


class RandomSearch:
    """Uniform in the unit cube; a function of seed and number, so that workers never repeat each other.

    Reference: Bergstra, Bengio 2012, Random search for hyper-parameter optimization.
    """

    def __init__(self, space: Space, seed: int) -> None:
        self._length, self._seed = len(space.parameters), seed

    def suggest(self, number: int, lessons: Sequence[Lesson]) -> list[float]:
        """See :class:`kssgan.tuning.solvers.solver.Solver`."""
        del lessons
        places: list[float] = (
            np.random.default_rng([self._seed, number]).random(self._length).tolist()
        )
        return places
