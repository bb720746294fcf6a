"""A solver as Optuna wants it: what is over goes in as lessons, places come out as parameters."""

from __future__ import annotations

import math
from typing import Any

from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)
from optuna.samplers import BaseSampler
from optuna.study import Study
from optuna.trial import FrozenTrial, TrialState

from kssgan.tuning.solvers import Lesson, Solver
from kssgan.tuning.space import Choice, Range, Space

__all__ = ["SolverSampler", "distributions"]

_OVER = (TrialState.COMPLETE, TrialState.PRUNED, TrialState.FAIL)


def distributions(space: Space) -> dict[str, BaseDistribution]:
    """The space in Optuna's words, for its storage and dashboard."""
    return {name: _distribution(known) for name, known in space.parameters.items()}


class SolverSampler(BaseSampler):
    """Asks a solver for all parameters of a trial at once."""

    def __init__(self, solver: Solver, space: Space) -> None:
        self._solver, self._space = solver, space
        self._distributions = distributions(space)

    def infer_relative_search_space(
        self, study: Study, trial: FrozenTrial
    ) -> dict[str, BaseDistribution]:
        """All parameters, unless the trial was given them."""
        del study
        return {} if "fixed_params" in trial.system_attrs else self._distributions

    def sample_relative(
        self, study: Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        """Where the solver wants to try next."""
        if not search_space:
            return {}
        return dict(self._space.at(self._solver.suggest(trial.number, self._lessons(study))))

    def sample_independent(
        self,
        study: Study,
        trial: FrozenTrial,
        param_name: str,
        param_distribution: BaseDistribution,
    ) -> Any:
        """Never asked: a trial has all parameters of the space and no other.

        Raises:
            ValueError: it was asked.
        """
        raise ValueError(f"{param_name} is no parameter of this space")

    def _lessons(self, study: Study) -> list[Lesson]:
        trials = [
            trial
            for trial in study.get_trials(deepcopy=False, states=_OVER)
            if trial.params.keys() == self._distributions.keys()
        ]
        costs = [_cost(trial) for trial in trials]
        worst = max((cost for cost in costs if math.isfinite(cost)), default=0.0)
        return [
            Lesson(
                trial.number,
                tuple(self._space.places(trial.params)),
                cost if math.isfinite(cost) else worst,
            )
            for trial, cost in zip(trials, costs, strict=True)
        ]


def _cost(trial: FrozenTrial) -> float:
    if trial.state == TrialState.COMPLETE and trial.value is not None:
        return trial.value
    if trial.state == TrialState.PRUNED and trial.intermediate_values:
        return trial.intermediate_values[max(trial.intermediate_values)]
    return math.inf


def _distribution(known: Range | Choice) -> BaseDistribution:
    if isinstance(known, Choice):
        return CategoricalDistribution(known.options)
    log = known.scale == "log"
    if known.whole:
        return IntDistribution(int(known.low), int(known.high), log=log)
    return FloatDistribution(known.low, known.high, log=log)
