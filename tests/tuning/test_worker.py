"""Failures, pruning, and workers that are killed or share a study."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from kssgan.errors import StorageError, TrainingFailed, UsageError
from kssgan.tuning import storage
from kssgan.tuning.report import Report
from kssgan.tuning.run import Tuned, tune
from kssgan.tuning.saved import read_study
from kssgan.tuning.space import Range, Space, Values
from kssgan.tuning.study import open_study

SPACE = Space({"x": Range(-5, 5)})
WORKER = Path(__file__).with_name("_worker.py")


def tuned(score: object, out: Path, *, trials: int = 20, **more: object) -> Tuned:
    settings = {"solver": "random", "space": SPACE, "default": {"x": 4.0}, "budget": 9} | more
    return tune(score, out=out, trials=trials, **settings)  # type: ignore[arg-type]


def square(values: Values, report: Report) -> float:
    return float(values["x"]) ** 2


def start(folder: Path, trials: int, seconds: float, *storage: str) -> subprocess.Popen[str]:
    worker = subprocess.Popen(
        [sys.executable, str(WORKER), str(folder), str(trials), str(seconds), *storage],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert worker.stdout is not None
    assert worker.stdout.readline() == "ready\n"
    return worker


def go(*workers: subprocess.Popen[str]) -> float:
    """Let workers run; the longest of their times, without starting Python."""
    for worker in workers:
        assert worker.stdin is not None
        worker.stdin.write("go\n")
        worker.stdin.flush()
    said = [worker.communicate(timeout=120)[0] for worker in workers]
    assert [worker.returncode for worker in workers] == [0] * len(workers)
    return max(map(float, said))


def states(folder: Path) -> list[str]:
    return [trial["state"] for trial in read_study(folder)["trials"]]


@pytest.mark.parametrize(
    ("solver", "error"),
    [
        ("random", TrainingFailed("a loss is not a number")),
        ("hyperopt", MemoryError("can't allocate memory")),
        ("pso", RuntimeError("CUDA out of memory")),
        ("pso", float("nan")),
        ("hyperopt", float("-inf")),
    ],
)
def test_a_failed_trial_is_recorded_as_failed_and_never_good(
    solver: str, error: Exception | float, tmp_path: Path
) -> None:
    def score(values: Values, report: Report) -> float:
        x = float(values["x"])
        if abs(x) < 2:  # where the best would be
            if isinstance(error, Exception):
                raise error
            return error
        return x**2

    done = tuned(score, tmp_path / "s", trials=25, solver=solver)
    failed = [t for t in read_study(tmp_path / "s")["trials"] if t["state"] == "failed"]
    assert failed
    assert all(t["score"] is None and abs(t["values"]["x"]) < 2 for t in failed)
    name = type(error).__name__ if isinstance(error, Exception) else "ArithmeticError"
    assert all(t["reason"].startswith(name) for t in failed)
    assert done.states["failed"] == len(failed)
    assert sum(done.states.values()) == 25
    assert abs(float(done.best.values["x"])) >= 2


def test_a_mistake_in_the_program_is_no_failed_trial(tmp_path: Path) -> None:
    with pytest.raises(KeyError):
        tuned(lambda values, report: values["y"], tmp_path / "s")


def test_where_nothing_works_the_reason_is_told(tmp_path: Path) -> None:
    def score(values: Values, report: Report) -> float:
        raise TrainingFailed("loss of step 3 is not a number")

    with pytest.raises(TrainingFailed, match=r"none of 3 trials.*step 3"):
        tuned(score, tmp_path / "s", trials=3)


def test_hopeless_trials_end_early_and_do_not_win(tmp_path: Path) -> None:
    steps = []

    def score(values: Values, report: Report) -> float:
        for step in range(1, 10):
            report(step, float(values["x"]) ** 2 + 10 - step)
            report.log(step, loss=1.0 / step)
            steps.append(step)
        report.note(other=3.0)
        return float(values["x"]) ** 2

    done = tuned(score, tmp_path / "s", trials=30)
    trials = read_study(tmp_path / "s")["trials"]
    pruned = [t for t in trials if t["state"] == "pruned"]
    assert 1 <= len(pruned) <= 15
    assert len(steps) < 30 * 9
    middle = sorted(abs(t["values"]["x"]) for t in trials)[len(trials) // 2]
    for trial in pruned:
        assert trial["score"] is None
        assert trial["number"] >= 5
        assert abs(trial["values"]["x"]) > middle
        assert trial["curve"][-1]["step"] >= 3
    assert done.best.facts == {"other": 3.0}
    assert [line["loss"] for line in done.best.curve if "loss" in line][1] == 0.5


def test_the_default_is_tried_first_and_wins_where_nothing_is_better(tmp_path: Path) -> None:
    done = tuned(square, tmp_path / "s", default={"x": 0.0})
    assert done.changes == {}
    assert done.best.number == 0
    assert done.scores == (0.0, 0.0)


def test_the_same_command_goes_on_and_another_is_refused(tmp_path: Path) -> None:
    assert sum(tuned(square, tmp_path / "s", trials=5).states.values()) == 5
    calls = []

    def counted(values: Values, report: Report) -> float:
        calls.append(values)
        return square(values, report)

    assert sum(tuned(counted, tmp_path / "s", trials=8).states.values()) == 8
    assert len(calls) == 3
    tuned(counted, tmp_path / "s", trials=8)
    assert len(calls) == 3
    for more in ({"solver": "pso"}, {"budget": 7}, {"default": {"x": 1.0}}, {"seed": 3}):
        with pytest.raises(UsageError, match="another"):
            tuned(square, tmp_path / "s", **more)
    with pytest.raises(UsageError, match="a number from -5 to 5"):
        tuned(square, tmp_path / "t", default={"x": 6.0})
    with pytest.raises(UsageError, match="0 trials"):
        tuned(square, tmp_path / "t", trials=0)
    (tmp_path / "file").write_text("")
    with pytest.raises(UsageError, match="is a file"):
        tuned(square, tmp_path / "file")


def test_an_interrupted_trial_counts_for_nothing(tmp_path: Path) -> None:
    calls = []

    def score(values: Values, report: Report) -> float:
        calls.append(values)
        if len(calls) == 4:
            raise KeyboardInterrupt
        return square(values, report)

    with pytest.raises(KeyboardInterrupt, match="same command goes on"):
        tuned(score, tmp_path / "s", trials=6)
    assert states(tmp_path / "s") == ["complete"] * 3
    assert tuned(score, tmp_path / "s", trials=6).states == {"complete": 6}
    assert len(calls) == 7


def test_sigkill_loses_no_finished_trial(tmp_path: Path) -> None:
    folder = tmp_path / "s"
    worker = start(folder, 1000, 0.02)
    assert worker.stdin is not None
    worker.stdin.write("go\n")
    worker.stdin.flush()
    for _ in range(600):
        if (folder / "study.json").exists() and len(states(folder)) >= 8:
            break
        time.sleep(0.05)
    worker.kill()
    worker.communicate()
    before = read_study(folder)["trials"]
    assert len(before) >= 8
    # A line that was half written when the power of the process ended.
    with (folder / "study.journal").open("ab") as file:
        file.write(b'{"op_code":5,"worker')
    total = len(before) + 3
    done = tune(
        square,
        out=folder,
        solver="random",
        space=SPACE,
        default={"x": 4.0},
        trials=total,
        budget=1,
    )
    after = read_study(folder)["trials"]
    assert after[: len(before)] == before
    assert done.states == {"complete": total}


def test_two_workers_share_a_study(tmp_path: Path) -> None:
    ratios = []
    for attempt in range(3):  # a busy machine may hold one of them up
        one, two = tmp_path / f"one-{attempt}", tmp_path / f"two-{attempt}"
        alone = go(start(one, 12, 0.5))
        both = go(*[start(two, 12, 0.5) for _ in range(2)])
        trials = read_study(two)["trials"]
        assert [t["state"] for t in trials] == ["complete"] * 12
        places = {t["values"]["x"] for t in trials}
        assert len(places) == 12
        # The same points, whoever tries them; but where both begin with the default one number is left out.
        assert len(places & {t["values"]["x"] for t in read_study(one)["trials"]}) >= 11
        ratios.append(both / alone)
        if ratios[-1] <= 0.6:
            break
    assert min(ratios) <= 0.6


def test_two_workers_on_a_database_server(postgres: str, tmp_path: Path) -> None:
    """On two machines: each has a folder of its own, of the study's name."""
    folders = [tmp_path / machine / "shared-study" for machine in "ab"]
    go(*[start(folder, 14, 0.1, postgres) for folder in folders])
    found = [json.loads((folder / "study.json").read_text()) for folder in folders]
    most = max(found, key=lambda content: len(content["trials"]))
    assert [t["state"] for t in most["trials"]] == ["complete"] * 14
    assert len({t["values"]["x"] for t in most["trials"]}) == 14
    assert not (folders[0] / "study.journal").exists()
    # A third machine that comes later finds all of it done.
    late = tmp_path / "c" / "shared-study"
    go(start(late, 14, 0.1, postgres))
    assert len(read_study(late)["trials"]) == 14
    study = open_study(
        late,
        solver="random",
        space=SPACE,
        default={"x": 4.0},
        budget=1,
        storage=postgres,
    )
    ran = study.optuna.get_trials(deepcopy=False)
    study.close()
    assert len({t.user_attrs["worker"]["pid"] for t in ran if "worker" in t.user_attrs}) == 2


def test_a_worker_that_was_killed_before_it_gave_its_name_is_replaced(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = {"solver": "random", "space": SPACE, "default": {"x": 4.0}, "budget": 9}
    open_study(tmp_path / "study", **settings).optuna.ask()  # type: ignore[arg-type]
    # It may yet give its name.
    assert tuned(square, tmp_path / "study", trials=3).states == {"complete": 2}
    monkeypatch.setattr(storage, "_GRACE", 0)
    found = tuned(square, tmp_path / "study", trials=3)
    assert found.states == {"complete": 3}
    assert found.default is not None
    assert found.default.score == 16


def test_a_worker_that_was_killed_on_a_server_is_replaced(
    postgres: str, tmp_path: Path
) -> None:
    worker = start(tmp_path / "killed", 3, 30, postgres)
    assert worker.stdin is not None
    worker.stdin.write("go\n")
    worker.stdin.flush()
    settings = {"solver": "random", "default": {"x": 4.0}, "budget": 1, "storage": postgres}
    for _ in range(300):
        if (tmp_path / "killed" / "study.json").exists():
            study = open_study(tmp_path / "killed", space=SPACE, **settings)  # type: ignore[arg-type]
            running = [t for t in study.optuna.get_trials() if t.state.name == "RUNNING"]
            study.close()
            if running and "worker" in running[0].user_attrs:
                break
        time.sleep(0.1)
    os.kill(worker.pid, signal.SIGKILL)
    worker.communicate()
    assert tuned(square, tmp_path / "killed", trials=3, **settings).states == {"complete": 3}


def test_storages_that_cannot_be(tmp_path: Path) -> None:
    for url in ("nonsense", "nodatabase://x/y"):
        with pytest.raises(UsageError, match="give a URL"):
            tuned(square, tmp_path / "s", storage=url)
    with pytest.raises(StorageError, match="is its server running") as told:
        tuned(square, tmp_path / "s", storage="postgresql+pg8000://me:secret@127.0.0.1:1/x")
    assert "secret" not in str(told.value)
    with pytest.raises(UsageError, match="no study"):
        read_study(tmp_path)
