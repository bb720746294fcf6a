"""Which parameters mattered."""

from __future__ import annotations

import warnings

import optuna
from optuna.importance import PedAnovaImportanceEvaluator, get_param_importances
from optuna.trial import TrialState

__all__ = ["importances"]

_FEWEST = 4


def importances(study: optuna.Study, names: list[str]) -> dict[str, float]:
    """Share of each parameter in what told the best quarter of trials from the others; they add up to 1.

    Of few trials this is a hint and no more. Empty below four complete trials.

    Reference: Watanabe, Bansal, Hutter 2023, PED-ANOVA.
    """
    complete = study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))
    if len(complete) < _FEWEST or len({trial.value for trial in complete}) < 2:
        return {}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            found = get_param_importances(
                study,
                evaluator=PedAnovaImportanceEvaluator(target_quantile=0.25),
                params=names,
            )
        except (RuntimeError, ValueError):
            return {}  # too few of the best trials to say anything
    return {name: float(value) for name, value in found.items()}
