"""Hyperopt: its own tree-structured Parzen estimator."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import hyperopt
import numpy as np

from kssgan.tuning.solvers.solver import Lesson
from kssgan.tuning.space import Choice, Space

__all__ = ["TreeParzen"]

_STARTUP = 6
"""Random trials at first. Hyperopt's own number is 20, which is all of a short study."""


class TreeParzen:
    """Models where good and bad trials lie, and tries where good ones are likelier.

    What it knows is in the lessons, so any worker goes on where another stopped.

    Reference: Bergstra, Bardenet, Bengio, Kégl 2011, Algorithms for hyper-parameter optimization.
    """

    def __init__(self, space: Space, seed: int) -> None:
        self._space, self._seed = space, seed
        self._counts = {
            name: len(known.options) if isinstance(known, Choice) else 0
            for name, known in space.parameters.items()
        }
        self._domain = hyperopt.Domain(
            _never,
            {
                name: hyperopt.hp.choice(name, list(range(count)))
                if count
                else hyperopt.hp.uniform(name, 0, 1)
                for name, count in self._counts.items()
            },
        )
        self._trials = hyperopt.Trials()
        self._told: set[int] = set()

    def suggest(self, number: int, lessons: Sequence[Lesson]) -> list[float]:
        """See :class:`kssgan.tuning.solvers.solver.Solver`."""
        for lesson in lessons:
            if lesson.number not in self._told:
                self._tell(lesson)
        self._trials.refresh()
        chance = int(np.random.SeedSequence([self._seed, number]).generate_state(1)[0] >> 1)
        (found,) = hyperopt.tpe.suggest(
            [number], self._domain, self._trials, chance, n_startup_jobs=_STARTUP, verbose=False
        )
        values = found["misc"]["vals"]
        return [
            (int(values[name][0]) + 0.5) / count if count else float(values[name][0])
            for name, count in self._counts.items()
        ]

    def _tell(self, lesson: Lesson) -> None:
        self._told.add(lesson.number)
        places = zip(self._counts.items(), lesson.places, strict=True)
        values = {
            name: [min(int(place * count), count - 1) if count else place]
            for (name, count), place in places
        }
        about: dict[str, Any] = {
            "tid": lesson.number,
            "cmd": self._domain.cmd,
            "workdir": self._domain.workdir,
            "idxs": {name: [lesson.number] for name in values},
            "vals": values,
        }
        result = {"status": hyperopt.STATUS_OK, "loss": lesson.cost}
        docs = self._trials.new_trial_docs([lesson.number], [None], [result], [about])
        docs[0]["state"] = hyperopt.JOB_STATE_DONE
        self._trials.insert_trial_docs(docs)


def _never(values: Any) -> float:
    raise AssertionError("the study runs trials, not Hyperopt")
