"""Figures 4 and 5 of the paper on this machine: three solvers, equal budgets, several seeds.

    python benchmarks/tuning.py faces.safetensors --out STUDIES [--trials 20] [--seeds 3] [--steps 24]

Resumable: start it again with the same arguments and it goes on. Studies take turns seed by seed, so that
what is there after an interruption is of equal budgets. The trainer is preset ``paper`` made small: 32 px,
width 12, two looks more. A seed is the solver's and the training's; the default is the first trial of each.

best         score (fixed weights, lower is better) of the best trial by the half of the people held out that
             was tuned on
held out     the same trial judged by the other half, which no solver ever saw
default      the default judged by that half

Then: kssgan report STUDIES/* --out REPORT draws the figures.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
from pathlib import Path
from time import perf_counter
from typing import Any

import torch

from kssgan.preparation.gallery import fixed_groups
from kssgan.training.config import resolve
from kssgan.training.gallery_config import GalleryConfig
from kssgan.training.prepared import load_prepared
from kssgan.training.trials import GalleryTrials
from kssgan.tuning.declared import GALLERY_SPACE
from kssgan.tuning.space_file import changed_space
from kssgan.tuning.study import Study, open_study
from kssgan.tuning.worker import work
from kssgan.types import IntArray

SOLVERS = ("random", "hyperopt", "pso")
BASE: dict[str, Any] = {
    "k": 5,
    "size": 32,
    "width": 12,
    "batch": 8,
    "blocks": 1,
    "depth": 4,
    "twin_widths": [8, 16, 32],
    "twin_features": 32,
    "n_critic": 3,
    "ema": 0.9,
    "check": 64,
}
SPACE = {
    "n_critic": {"high": 5},
    "batch": {"high": 16},
    "width": {"low": 8, "high": 16},
}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("file", type=Path, help="what kssgan prepare wrote")
    parser.add_argument("--out", type=Path, required=True, help="folder of studies")
    parser.add_argument("--trials", type=int, default=20)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--steps", type=int, default=24)
    parser.add_argument("--json", type=Path, help="write the figures here too")
    args = parser.parse_args()
    torch.set_num_threads(1)
    rows = []
    for seed in range(args.seeds):
        trials = _trials(args.file, args.steps, seed)
        for solver in SOLVERS:
            rows.append(_row(_study(trials, solver, seed, args), solver, seed))
            print(_line(rows[-1]), flush=True)
    found = _summary(rows)
    print(json.dumps(found["mean"], indent=1))
    if args.json:
        args.json.write_text(json.dumps(found | {"rows": rows}, indent=1) + "\n")


def _trials(file: Path, steps: int, seed: int) -> GalleryTrials:
    data = load_prepared(file)
    base = resolve("paper", changes=BASE | {"steps": steps, "seed": seed})
    assert isinstance(base, GalleryConfig)

    def group(config: GalleryConfig) -> IntArray:
        found = fixed_groups(
            data, config.k, seed, method=config.grouping, without=data.held_out
        )
        assert found is not None
        return found

    return GalleryTrials(data, base, group, device=torch.device("cpu"))


def _study(trials: GalleryTrials, solver: str, seed: int, args: argparse.Namespace) -> Study:
    space = changed_space(GALLERY_SPACE, SPACE)
    study = open_study(
        args.out / f"{solver}-{seed}",
        solver=solver,
        space=space,
        default=trials.values(list(space.parameters)),
        budget=args.steps,
        seed=seed,
    )
    begin, before = perf_counter(), len(study.outcomes())
    study.export()
    work(study.optuna, trials.score, space, trials=args.trials)
    study.export()
    made = study.outcomes()[before:]
    inside = sum(outcome.seconds for outcome in made)
    if made:
        over = 1000 * (perf_counter() - begin - inside) / len(made)
        print(f"{inside / len(made):.1f} s a trial, and {over:.0f} ms of the tuner", flush=True)
    return study


def _row(study: Study, solver: str, seed: int) -> dict[str, Any]:
    outcomes = study.outcomes()
    best, default = study.best(), outcomes[0]
    assert best is not None
    states = [outcome.state for outcome in outcomes]
    return {
        "solver": solver,
        "seed": seed,
        "best": best.score,
        "trial": best.number,
        "held_out": best.facts["held_out"],
        "default_score": default.score,
        "default": default.facts["held_out"],
        "states": {state: states.count(state) for state in sorted(set(states))},
        "seconds": statistics.mean(outcome.seconds for outcome in outcomes),
        "longest": max(outcome.seconds for outcome in outcomes),
        "changes": study.changes(),
    }


def _line(row: dict[str, Any]) -> str:
    return (
        f"{row['solver']:>9} seed {row['seed']}: best {row['best']:.3f} (trial {row['trial']}), held out "
        f"{row['held_out']:.3f}, default {row['default']:.3f}; {row['seconds']:.1f} s a trial, "
        f"{row['states']}"
    )


def _summary(rows: list[dict[str, Any]]) -> dict[str, Any]:
    names = ("best", "held_out", "default", "default_score", "seconds", "longest")
    mean = {
        solver: {
            name: round(statistics.mean(r[name] for r in rows if r["solver"] == solver), 4)
            for name in names
        }
        for solver in SOLVERS
    }
    machine = {
        "platform": platform.platform(),
        "cpus": os.cpu_count(),
        "torch": torch.__version__,
    }
    return {"machine": machine, "mean": mean}


if __name__ == "__main__":
    main()
