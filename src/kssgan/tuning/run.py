"""Tuning from end to end: join the study, work, say what came of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import Any

from optuna.exceptions import StorageInternalError

from kssgan.errors import StorageError, TrainingFailed, UsageError
from kssgan.tuning.space import Space, Value
from kssgan.tuning.study import Outcome, Study, open_study
from kssgan.tuning.worker import Score, work
from kssgan.types import Progress

__all__ = ["Tuned", "tune"]


@dataclass(frozen=True)
class Tuned:
    """What a study found.

    Attributes:
        path: STUDY.
        best: the best trial.
        default: the trial of the default; None where it failed.
        changes: what the best trial changes of the default; empty where the default is best.
        states: number of trials by how they ended.
        seconds: of this worker.
        winner: a configuration file, where the caller knows how to write one.
        run: what the caller made with it.
    """

    path: Path
    best: Outcome
    default: Outcome | None
    changes: dict[str, Value]
    states: dict[str, int]
    seconds: float
    winner: Path | None = None
    run: Any = None

    @property
    def scores(self) -> tuple[float, float] | None:
        """Of the default and of the best."""
        if self.default is None or self.default.score is None or self.best.score is None:
            return None
        return self.default.score, self.best.score


def tune(
    score: Score,
    *,
    out: Path,
    solver: str,
    space: Space,
    default: Mapping[str, Value],
    trials: int,
    budget: int,
    seed: int = 0,
    storage: str | None = None,
    about: Mapping[str, Any] | None = None,
    progress: Progress | None = None,
) -> Tuned:
    """Minimise a score. Called again with the same arguments, here or elsewhere, it helps or goes on.

    Args:
        score: parameters and a report in, one number out.
        out: STUDY; see :func:`kssgan.tuning.study.open_study`, also for what is not said here.
        solver: "random", "hyperopt" or "pso".
        space: the parameters.
        default: a value of each; the first trial.
        trials: in all, with every worker's.
        budget: steps of a trial.
        seed: of the solver.
        storage: URL of a database server.
        about: further settings that all workers must share.
        progress: shows progress; nothing by default.

    Raises:
        UsageError: an argument cannot be, or the study was begun with other ones.
        StorageError: the storage refuses.
        TrainingFailed: no trial ran to its end.
        KeyboardInterrupt: stopped; trials that are over are kept.
    """
    if trials < 1:
        raise UsageError(f"{trials} trials came, at least 1 was wanted")
    begin = perf_counter()
    study = open_study(
        out,
        solver=solver,
        space=space,
        default=default,
        budget=budget,
        seed=seed,
        storage=storage,
        about=about,
    )
    try:
        _share(study, score, trials, progress)
    except StorageInternalError as error:
        raise StorageError(
            f"the storage failed ({type(error.__cause__).__name__}); the same command goes on"
        ) from None
    except KeyboardInterrupt:
        raise KeyboardInterrupt(
            "stopped; trials that are over are kept, and the same command goes on"
        ) from None
    else:
        outcomes, best, changes = study.outcomes(), study.best(), study.changes()
    finally:
        study.close()
    if best is None:
        reasons = [outcome.reason for outcome in outcomes if outcome.reason]
        raise TrainingFailed(
            f"none of {len(outcomes)} trials ran to its end; {reasons[-1] if reasons else 'all were pruned'}"
        )
    first = [o for o in outcomes if o.values == study.default and o.score is not None]
    states = dict(Counter(outcome.state for outcome in outcomes))
    return Tuned(
        out, best, first[0] if first else None, changes, states, perf_counter() - begin
    )


def _share(study: Study, score: Score, trials: int, progress: Progress | None) -> None:
    study.export()  # what a report needs is there from the start
    shown = nullcontext(_nothing) if progress is None else progress("trials", total=trials)
    try:
        with shown as advance:
            advance(len(study.outcomes()))
            work(study.optuna, score, study.space, trials=trials, done=lambda: advance(1))
    finally:
        study.export()


def _nothing(count: int) -> None:
    del count
