"""One worker of a study: takes trials until all are taken. Start several to share the work."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from time import perf_counter

import optuna
from optuna.trial import FrozenTrial, TrialState

from kssgan.tuning.report import Report, TrialReport
from kssgan.tuning.space import Choice, Space, Value, Values
from kssgan.tuning.storage import me

__all__ = ["DEFAULT", "Score", "counted", "work"]

Score = Callable[[Values, Report], float]
"""Parameters and a report in, one number out: lower is better. May raise; then the trial failed."""

DEFAULT = "default"
"""Mark of the trial that tries the default."""

# What a bad trial may do to itself. Anything else is a mistake in the program and ends the worker.
_FAILURES = (ArithmeticError, MemoryError, RuntimeError, ValueError)


class _Surplus(RuntimeError):
    """Another worker took the last trial, or the default, at the same moment."""


def work(
    study: optuna.Study,
    score: Score,
    space: Space,
    *,
    trials: int,
    done: Callable[[], object] | None = None,
) -> None:
    """Run trials until the study has so many, with all workers together.

    A trial that is over is in the storage, whatever happens to the worker afterwards. One that was
    interrupted counts for nothing, and another takes its place.

    Args:
        study: a study of this space.
        score: what is minimised.
        space: the parameters.
        trials: of the study in all, failed and pruned ones included.
        done: called after each trial.
    """

    def objective(trial: optuna.Trial) -> float:
        if trial.number >= trials and _before(study, trial.number) >= trials:
            raise _Surplus
        if DEFAULT in trial.user_attrs and _tried_before(study, trial.number):
            raise _Surplus
        return _run(trial, score, space)

    with _quiet():
        while sum(map(counted, study.get_trials(deepcopy=False))) < trials:
            study.optimize(objective, n_trials=1, catch=_FAILURES)
            if done is not None:
                done()


def counted(trial: FrozenTrial) -> bool:
    """Whether a trial is one of those that were asked for: not waiting, interrupted or too many."""
    if trial.state == TrialState.FAIL:
        return "reason" in trial.user_attrs.get("told", {})
    return trial.state != TrialState.WAITING


def _before(study: optuna.Study, number: int) -> int:
    return sum(counted(t) for t in study.get_trials(deepcopy=False) if t.number < number)


def _tried_before(study: optuna.Study, number: int) -> bool:
    """Whether two workers, who began at once, both asked for the default."""
    trials = study.get_trials(deepcopy=False)
    return any(t.number < number and DEFAULT in t.user_attrs and counted(t) for t in trials)


def _run(trial: optuna.Trial, score: Score, space: Space) -> float:
    trial.set_user_attr("worker", me())
    values = _values(trial, space)
    report, begin = TrialReport(trial), perf_counter()
    reason = ""
    try:
        found = float(score(values, report))
        if not math.isfinite(found):
            raise ArithmeticError(f"the score is {found}")
    except _FAILURES as error:
        reason = f"{type(error).__name__}: {error}"
        raise
    finally:
        # Also of what was pruned: the curve says why.
        told = report.attributes() | {"seconds": perf_counter() - begin}
        if reason:
            told["reason"] = reason
        trial.set_user_attr("told", told)
    return found


def _values(trial: optuna.Trial, space: Space) -> Values:
    found: dict[str, Value] = {}
    for name, known in space.parameters.items():
        if isinstance(known, Choice):
            found[name] = trial.suggest_categorical(name, known.options)
        elif known.whole:
            low, high = int(known.low), int(known.high)
            found[name] = trial.suggest_int(name, low, high, log=known.scale == "log")
        else:
            log = known.scale == "log"
            found[name] = trial.suggest_float(name, known.low, known.high, log=log)
    return found


@contextmanager
def _quiet() -> Iterator[None]:
    """Optuna logs each trial, and a traceback of each that failed; the study holds both."""
    before = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.CRITICAL)
    try:
        yield
    finally:
        optuna.logging.set_verbosity(before)
