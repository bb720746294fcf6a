"""Particle Swarm: nevergrad's."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import nevergrad
import numpy as np

from kssgan.tuning.solvers.solver import Lesson
from kssgan.tuning.space import Space

__all__ = ["ParticleSwarm"]

_PARTICLES = 6
"""nevergrad's own number is 40, whose first turn is twice a short study."""
_SPEED = 1 / 6
"""Deviation of speeds at first, of the range."""


class ParticleSwarm:
    """Particles fly on, drawn to their own best place and to the best of all.

    A word without order is a coordinate like the others: its options have equal shares of it. A swarm has a
    state. Trials that this worker did not ask for (another worker's, or from before it was restarted) join
    the swarm as particles of their own in place of the worst, with a speed by chance.

    Reference: Zambrano-Bigiarini, Clerc, Rojas 2013, Standard Particle Swarm Optimisation 2011.
    """

    def __init__(self, space: Space, seed: int) -> None:
        self._length, self._seed = len(space.parameters), seed
        self._swarm: Any = None
        self._asked: dict[int, Any] = {}
        self._told: set[int] = set()

    def suggest(self, number: int, lessons: Sequence[Lesson]) -> list[float]:
        """See :class:`kssgan.tuning.solvers.solver.Solver`."""
        if self._swarm is None:
            self._swarm = self._hatch(number)
        for lesson in lessons:
            if lesson.number not in self._told:
                self._told.add(lesson.number)
                particle = self._asked.pop(lesson.number, None)
                if particle is None:
                    shape = self._swarm.parametrization
                    particle = shape.spawn_child(new_value=np.array(lesson.places))
                self._swarm.tell(particle, lesson.cost)
        particle = self._swarm.ask()
        self._asked[number] = particle
        places: list[float] = np.clip(particle.value, 0, 1).tolist()
        return places

    def _hatch(self, number: int) -> Any:
        cube = nevergrad.p.Array(init=np.full(self._length, 0.5))
        cube.set_mutation(sigma=_SPEED)
        cube.set_bounds(0, 1, method="bouncing", full_range_sampling=True)
        # Workers start at different numbers, so that their swarms differ.
        cube.random_state = np.random.RandomState(
            np.random.SeedSequence([self._seed, number]).generate_state(4)
        )
        swarm = nevergrad.optimizers.ConfPSO(popsize=_PARTICLES)
        return swarm(parametrization=cube, budget=None, num_workers=_PARTICLES)
