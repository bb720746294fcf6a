"""``kssgan tune``: better hyperparameters for the paper's training."""

from __future__ import annotations

import argparse
import json
from inspect import signature
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kssgan.cli._paths import shown
from kssgan.cli._progress import bars
from kssgan.cli._verb import add_device, add_json, add_out, add_verb
from kssgan.errors import UsageError

if TYPE_CHECKING:
    from kssgan.tuning.run import Tuned

__all__ = ["add", "run"]

_DESCRIPTION = """\
Look for better hyperparameters of the paper's training: short runs, judged by people whom FILE holds out.

The score has fixed weights, so that trials whose losses are weighted otherwise can be compared; lower is
better. STUDY receives the study, study.json and winner.toml, which kssgan train takes as it is. The same
command goes on where a study stopped, and started several times at once it shares the work: on one machine
as it is, on many with --storage. Needs kssgan[tune]."""

_EXAMPLES = """\
examples:
  kssgan tune photos.safetensors --out pso-0 --solver pso --trials 40 --budget 2000
  kssgan train photos.safetensors --out run --config pso-0/winner.toml
  kssgan report pso-0 random-0 --out report

  kssgan tune photos.safetensors --out pso-1 --trials 20 --budget 24 --threads 1 \\
              --set size=32 --set width=12 --set depth=4 --set blocks=1 --set batch=8 --space small.toml
      on a CPU; small.toml has width = {low = 8, high = 16} and the like

  kssgan tune photos.safetensors --out pso-2 --storage postgresql+pg8000://me@host/studies
      the same on every machine that shall help"""


def add(verbs: Any) -> None:
    """Add the verb to the parser."""
    parser = add_verb(
        verbs,
        "tune",
        run,
        about="look for better hyperparameters",
        description=_DESCRIPTION,
        examples=_EXAMPLES,
    )
    parser.add_argument("file", type=Path, metavar="FILE", help="what kssgan prepare wrote")
    add_out(parser, "STUDY", "folder to write, or to go on in")
    parser.add_argument(
        "--solver",
        choices=("random", "hyperopt", "pso"),
        default="pso",
        help="Random Search, Hyperopt's TPE or Particle Swarm (default pso)",
    )
    parser.add_argument(
        "--trials", type=int, default=20, metavar="N", help="in all (default 20)"
    )
    parser.add_argument(
        "--budget", type=int, default=500, metavar="STEPS", help="of a trial (default 500)"
    )
    parser.add_argument(
        "--storage", metavar="URL", help="database server, for workers on several machines"
    )
    parser.add_argument(
        "--apply", action="store_true", help="then train with the winner, into STUDY/run"
    )
    parser.add_argument(
        "--preset",
        choices=("paper", "stargan"),
        help="what is tuned (default: what --config names, else paper)",
    )
    parser.add_argument("--groups", type=int, metavar="K", help="people of a group (default 5)")
    parser.add_argument(
        "--config", type=Path, metavar="TOML", help="options that stay as they are"
    )
    parser.add_argument(
        "--set",
        action="append",
        default=[],
        dest="changes",
        metavar="NAME=VALUE",
        help="another option that stays as it is",
    )
    parser.add_argument(
        "--space", type=Path, metavar="TOML", help="other ranges than the declared ones"
    )
    parser.add_argument(
        "--seed", type=int, default=0, metavar="N", help="of the solver and of every trial"
    )
    add_device(parser)
    add_json(parser)


def run(args: argparse.Namespace) -> int:
    """Run the verb; the exit status is 0, or 1 when no trial ran to its end."""
    from kssgan.api import tune

    done = tune(
        args.file,
        out=args.out,
        solver=args.solver,
        trials=args.trials,
        budget=args.budget,
        storage=args.storage,
        apply=args.apply,
        preset=args.preset,
        config=args.config,
        groups=args.groups,
        space=args.space,
        seed=args.seed,
        device=args.device,
        threads=args.threads,
        progress=bars,
        **_fixed(args),
    )
    if args.as_json:
        print(json.dumps(_plain(done)))
    else:
        _tell(done)
    return 0


def _fixed(args: argparse.Namespace) -> dict[str, Any]:
    """What ``--set`` holds fixed.

    Raises:
        UsageError: another form, or what the verb has options of its own for.
    """
    from kssgan.api import tune
    from kssgan.training.config import read_changes

    found = read_changes(args.changes)
    if own := [name for name in found if name in signature(tune).parameters]:
        given = [f"--{name}" for name in own if name in vars(args) and name != "file"]
        instead = f"give {', '.join(given)}" if given else "leave it out"
        raise UsageError(
            f"--set {', '.join(own)} came, options of a run were wanted; {instead}"
        )
    return found


def _plain(done: Tuned) -> dict[str, Any]:
    return {
        "study": str(done.path),
        "winner": str(done.winner),
        "trial": done.best.number,
        "score": done.best.score,
        "default_score": None if done.scores is None else done.scores[0],
        "held_out": done.best.facts.get("held_out"),
        "changes": done.changes,
        "trials": done.states,
        "run": None if done.run is None else str(done.run.path),
        "seconds": done.seconds,
        "exit_status": 0,
    }


def _tell(done: Tuned) -> None:
    states = ", ".join(f"{count:,} {state}" for state, count in sorted(done.states.items()))
    print(f"trials: {states}")
    if done.scores is not None:
        default, best = done.scores
        print(f"score of the default {default:.4f}, of trial {done.best.number} {best:.4f}")
    for name, value in done.changes.items():
        print(f"  {name} = {value:.5g}" if isinstance(value, float) else f"  {name} = {value}")
    if not done.changes:
        print("no trial scored better than the default")
    print(f"Winner:             {shown(str(done.winner))} (for kssgan train --config)")
    if done.run is not None:
        print(f"Weights:            {shown(done.run.generator)} (keep secret)")
