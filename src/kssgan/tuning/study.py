"""A study: a folder with its settings, its trials in a storage, and what came out of them."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import optuna
from optuna.pruners import PercentilePruner
from optuna.storages import BaseStorage
from optuna.trial import FrozenTrial, TrialState

from kssgan.errors import BadOutput, StorageError, UsageError
from kssgan.files import write_whole
from kssgan.tuning.importance import importances
from kssgan.tuning.sampler import SolverSampler
from kssgan.tuning.solvers import make_solver
from kssgan.tuning.space import Space, Value, Values
from kssgan.tuning.storage import close_storage, open_storage, release_dead, without_password
from kssgan.tuning.worker import DEFAULT, counted

__all__ = ["Outcome", "Study", "open_study"]

_STATES = {
    TrialState.COMPLETE: "complete",
    TrialState.PRUNED: "pruned",
    TrialState.FAIL: "failed",
}
_KEPT = 75.0  # percent of trials that may go on
_UNPRUNED = 5  # trials that are run to their end before any is judged


@dataclass(frozen=True)
class Outcome:
    """One trial that is over.

    Attributes:
        number: of the trial, from 0.
        state: "complete", "pruned" or "failed".
        values: its parameters.
        score: lower is better; None unless complete.
        curve: "step" with "score" at every look, and with what else was logged.
        facts: figures that were noted and not tuned.
        seconds: of the score.
        reason: why it failed, else "".
    """

    number: int
    state: str
    values: Values
    score: float | None
    curve: list[dict[str, float]] = field(default_factory=list)
    facts: dict[str, float] = field(default_factory=dict)
    seconds: float = 0.0
    reason: str = ""


def outcomes(study: optuna.Study) -> list[Outcome]:
    """All trials that are over and were asked for."""
    return [
        _outcome(trial)
        for trial in study.get_trials(deepcopy=False)
        if counted(trial) and trial.state in _STATES
    ]


class Study:
    """A study that is open.

    Attributes:
        folder: STUDY.
        space: what is tuned.
        default: what the first trial tries, and what a winner has to beat.
        optuna: the study as Optuna sees it.
        storage: URL of the database without a password, "" for the journal in the folder.
    """

    def __init__(
        self,
        folder: Path,
        settings: Mapping[str, Any],
        space: Space,
        study: optuna.Study,
        url: str | None,
        opened: BaseStorage,
    ) -> None:
        self.folder, self._settings, self.space = folder, settings, space
        self.default: Values = dict(settings["default"])
        self.optuna, self.storage = study, "" if url is None else without_password(url)
        self._opened = opened

    def close(self) -> None:
        """Leave the database server, if there is one."""
        close_storage(self._opened)

    def outcomes(self) -> list[Outcome]:
        """All trials that are over and were asked for."""
        return outcomes(self.optuna)

    def best(self) -> Outcome | None:
        """The best trial that ran to its end; of equal ones the first. None where there is none."""
        complete = [outcome for outcome in self.outcomes() if outcome.score is not None]
        return min(complete, key=lambda o: (o.score or 0.0, o.number), default=None)

    def changes(self) -> dict[str, Value]:
        """What the winner changes of the default: nothing, unless a trial scored better than the default."""
        best = self.best()
        if best is None:
            return {}
        return {n: v for n, v in best.values.items() if v != self.default[n]}

    def export(self) -> Path:
        """Write ``STUDY/study.json``: settings, trials, importances; all that a report needs.

        Raises:
            StorageError: the disk is full or refuses.
        """
        content = {
            **self._settings,
            "storage": self.storage,
            "study": self.optuna.study_name,
            "trials": [asdict(outcome) for outcome in self.outcomes()],
            "importance": importances(self.optuna, list(self.space.parameters)),
        }
        path = self.folder / "study.json"
        try:
            write_whole(path, json.dumps(content, indent=1) + "\n", rivals=True)
        except OSError as error:
            raise StorageError(f"STUDY cannot be written ({type(error).__name__})") from None
        return path


def open_study(
    folder: Path,
    *,
    solver: str,
    space: Space,
    default: Mapping[str, Value],
    budget: int,
    seed: int = 0,
    storage: str | None = None,
    about: Mapping[str, Any] | None = None,
) -> Study:
    """Begin a study, or join one that was begun with the same settings.

    The default's values are the first trial. A trial is ended early when three quarters of the others were
    better after as many steps, from a third of the budget on and after five whole trials.

    Args:
        folder: STUDY; its name is the study's name in the storage.
        solver: one of :data:`kssgan.tuning.solvers.SOLVERS`.
        space: what is tuned.
        default: a value of each parameter.
        budget: steps of a trial.
        seed: of the solver.
        storage: URL of a database server; a journal in the folder by default.
        about: further settings that all workers must share.

    Raises:
        UsageError: settings that cannot be, or other ones than the study was begun with.
        StorageError: the storage cannot be opened.
    """
    space.check(default)
    if budget < 1 or seed < 0:
        raise UsageError(f"budget {budget} and seed {seed} came; at least 1 and 0 were wanted")
    made = make_solver(solver, space, seed)
    if folder.exists() and not folder.is_dir():
        raise BadOutput("STUDY is a file; give a folder")
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    except OSError as error:
        raise StorageError(f"STUDY cannot be made ({type(error).__name__})") from None
    opened = open_storage(folder, storage)
    before = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    study = optuna.create_study(
        storage=opened,
        study_name=folder.resolve().name,
        sampler=SolverSampler(made, space),
        pruner=PercentilePruner(
            _KEPT, n_startup_trials=_UNPRUNED, n_warmup_steps=math.ceil(budget / 3)
        ),
        direction="minimize",
        load_if_exists=True,
    )
    optuna.logging.set_verbosity(before)
    settings = {
        "solver": solver,
        "seed": seed,
        "budget": budget,
        "default": dict(default),
        "space": space.to_json(),
        **(about or {}),
    }
    _agree(study, settings)
    # Before it is asked whether somebody is at the default.
    release_dead(study)
    if not any(DEFAULT in t.user_attrs and _lives(t) for t in study.get_trials(False)):
        study.enqueue_trial(dict(default), user_attrs={DEFAULT: True})
    return Study(folder, settings, space, study, storage, opened)


def _lives(trial: FrozenTrial) -> bool:
    return trial.state == TrialState.WAITING or counted(trial)


def _agree(study: optuna.Study, mine: Mapping[str, Any]) -> None:
    theirs = study.user_attrs.get("settings")
    if theirs is None:
        study.set_user_attr("settings", dict(mine))
        return
    mine = json.loads(json.dumps(mine))
    other = sorted(k for k in mine.keys() | theirs.keys() if mine.get(k) != theirs.get(k))
    if other:
        raise UsageError(
            f"STUDY was begun with another {', '.join(other)}; give the same to join it, or a new STUDY"
        )


def _outcome(trial: FrozenTrial) -> Outcome:
    about = trial.user_attrs.get("told", {})
    return Outcome(
        trial.number,
        _STATES[trial.state],
        dict(trial.params),
        trial.value if trial.state == TrialState.COMPLETE else None,
        about.get("curve", []),
        about.get("facts", {}),
        about.get("seconds", 0.0),
        about.get("reason", ""),
    )
