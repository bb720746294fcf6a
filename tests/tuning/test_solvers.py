"""Each solver on a parabola, a mixed space and a noisy function."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from statistics import mean
from time import perf_counter

import pytest
from tests.tuning.conftest import (
    MIXED,
    MIXED_DEFAULT,
    PLAIN,
    PLAIN_DEFAULT,
    Noisy,
    mixed,
    parabola,
)

from kssgan.errors import UsageError
from kssgan.tuning.report import Report
from kssgan.tuning.run import Tuned, tune
from kssgan.tuning.solvers import SOLVERS, Lesson, make_solver
from kssgan.tuning.space import Range, Space, Values

Score = Callable[[Values, Report], float]


def found(folder: Path, solver: str, score: Score, *, trials: int = 40, seed: int = 0) -> Tuned:
    space, default = (MIXED, MIXED_DEFAULT) if score is mixed else (PLAIN, PLAIN_DEFAULT)
    return tune(
        score,
        out=folder / f"{solver}-{seed}",
        solver=solver,
        space=space,
        default=default,
        trials=trials,
        budget=1,
        seed=seed,
    )


@pytest.mark.parametrize("solver", SOLVERS)
@pytest.mark.parametrize(
    "score", [parabola, mixed, Noisy(0)], ids=["parabola", "mixed", "noisy"]
)
def test_a_solver_gets_far_below_the_default(solver: str, score: Score, tmp_path: Path) -> None:
    done = found(tmp_path, solver, score)
    assert done.scores is not None
    default, best = done.scores
    assert best < 0.3 * default
    assert done.states == {"complete": 40}
    assert done.changes


@pytest.mark.parametrize("solver", ["hyperopt", "pso"])
def test_who_learns_beats_chance(solver: str, tmp_path: Path) -> None:
    scores = {
        name: mean(
            found(tmp_path, name, parabola, trials=50, seed=seed).best.score or 0.0
            for seed in range(4)
        )
        for name in ("random", solver)
    }
    assert scores[solver] < scores["random"]


@pytest.mark.parametrize("solver", SOLVERS)
def test_suggestions_are_places_and_a_function_of_the_seed(solver: str) -> None:
    space = Space({f"p{i}": Range(0, 1) for i in range(13)})
    lessons = [
        Lesson(n, tuple((n * 7 + i) % 10 / 10 for i in range(13)), float(n)) for n in range(8)
    ]
    one, same, other = (make_solver(solver, space, seed) for seed in (1, 1, 2))
    for number in (8, 9, 10):
        places = one.suggest(number, lessons)
        assert len(places) == 13
        assert all(0 <= place <= 1 for place in places)
        assert same.suggest(number, lessons) == places
        assert other.suggest(number, lessons) != places


def test_another_name_is_refused() -> None:
    with pytest.raises(UsageError, match="choose one of random, hyperopt, pso"):
        make_solver("grid", PLAIN, 0)


@pytest.mark.parametrize("solver", SOLVERS)
def test_the_tuner_itself_is_quick(solver: str, tmp_path: Path) -> None:
    """50 ms a trial is the aim; a busy machine is no failure."""
    begin = perf_counter()
    found(tmp_path, solver, mixed, trials=20)
    assert (perf_counter() - begin) / 20 < 0.25


def test_importing_the_room_loads_no_library() -> None:
    code = (
        "import sys, kssgan.tuning, kssgan.tuning.space, kssgan.tuning.declared, kssgan.tuning.solvers;"
        "sys.exit(bool({'optuna', 'hyperopt', 'nevergrad', 'torch'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
