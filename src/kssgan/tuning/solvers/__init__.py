"""The three solvers behind one small interface, by name."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Literal, get_args

from kssgan.errors import UsageError
from kssgan.tuning.solvers.solver import Lesson, Solver
from kssgan.tuning.space import Space

__all__ = ["SOLVERS", "Lesson", "Solver", "SolverName", "make_solver"]

SolverName = Literal["random", "hyperopt", "pso"]

# Loaded when asked for: each brings its own library.
SOLVERS: Mapping[SolverName, str] = {
    "random": "kssgan.tuning.solvers.random_search:RandomSearch",
    "hyperopt": "kssgan.tuning.solvers.tree_parzen:TreeParzen",
    "pso": "kssgan.tuning.solvers.particle_swarm:ParticleSwarm",
}


def make_solver(name: str, space: Space, seed: int) -> Solver:
    """A solver.

    Raises:
        UsageError: an unknown name, or its library is not installed.
    """
    if name not in get_args(SolverName):
        raise UsageError(f"solver {name!r} came; choose one of {', '.join(SOLVERS)}")
    module, _, made = SOLVERS[name].partition(":")  # type: ignore[index]
    try:
        make: Callable[[Space, int], Solver] = getattr(import_module(module), made)
        return make(space, seed)
    except ModuleNotFoundError as error:
        raise UsageError(
            f"solver {name} needs the package {error.name}; install kssgan[tune]"
        ) from None
