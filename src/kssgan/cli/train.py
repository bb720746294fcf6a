"""``kssgan train``: a prepared file in, a generator's weights out."""

from __future__ import annotations

import argparse
import json
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kssgan.api import gallery_groups
from kssgan.cli._paths import shown
from kssgan.cli._verb import add_device, add_json, add_out, add_verb

if TYPE_CHECKING:
    from kssgan.training.loop import Trained

__all__ = ["add", "run"]

_DESCRIPTION = """\
Train a generator: it turns the mean face of a group into a photograph of nobody.

Needs torch, numpy, safetensors and the prepared file only. RUN receives checkpoints, generator.safetensors,
log.jsonl and sheets of samples (from above: means, drawn, taught, two rows with fresh codes, real photos)."""

_EXAMPLES = """\
examples:
  kssgan train photos.safetensors --out run --preset smoke
      seconds; shows that everything works
  kssgan train photos.safetensors --out run --minutes 50
  kssgan train photos.safetensors --out run --resume
      goes on where an interrupted run stopped, with the same result
  kssgan train photos.safetensors --out run --batch 32 --steps 20000 --precision bf16 \\
               --set donors=0 --set bank=4000 --set refresh=0.5
      on a GPU

  kssgan train photos.safetensors --out run --preset paper --groups 5
      the paper's own training on your people; then kssgan deidentify --weights run

Training on your own people's faces lets their looks into the weights: keep them as secret as photos."""

_OWN_PEOPLE = (
    "These weights learn the faces of your own people and know them again: keep RUN as secret as the "
    "photos, and read what kssgan audit says of members before a release leaves the building."
)

# The command line's options that are options of the configuration, with their help.
_OPTIONS = {
    "steps": (int, "N", "how long; all schedules are parts of it"),
    "batch": (int, "N", "examples per step"),
    "seed": (int, "N", "of weights, groups and examples"),
    "label": (str, "NAME", "attribute that the generator draws"),
}


def add(verbs: Any) -> None:
    """Add the verb to the parser."""
    parser = add_verb(
        verbs,
        "train",
        run,
        about="train a generator from a prepared file",
        description=_DESCRIPTION,
        examples=_EXAMPLES,
    )
    parser.add_argument("file", type=Path, metavar="FILE", help="what kssgan prepare wrote")
    add_out(parser, "RUN", "folder to write; must not exist")
    _add_configuration(parser)
    parser.add_argument(
        "--minutes", type=float, metavar="M", help="stop in time, with a checkpoint"
    )
    add_device(parser)
    parser.add_argument(
        "--start",
        type=Path,
        metavar="GENERATOR",
        help="begin with these weights where they fit, not at random; --set refine_from=0 keeps the drawer",
    )
    parser.add_argument(
        "--resume", action="store_true", help="go on from the last checkpoint in RUN"
    )
    parser.add_argument(
        "--tensorboard",
        action="store_true",
        help="write RUN/tensorboard too (needs kssgan[tensorboard])",
    )
    parser.add_argument(
        "--dry-run",
        action="store_true",
        help="print the resolved configuration and sizes; train nothing",
    )
    add_json(parser)


def _add_configuration(parser: argparse.ArgumentParser) -> None:
    """What is trained, and how."""
    parser.add_argument(
        "--preset",
        choices=("smoke", "small", "robust", "paper", "stargan"),
        help="on two CPU cores smoke takes seconds, small minutes, robust (what is shipped) 70; "
        "paper and stargan train on one gallery and want a GPU (default: what --config names, else "
        "robust)",
    )
    parser.add_argument(
        "--groups",
        type=int,
        metavar="K",
        help="for paper and stargan: fix groups of K people and learn them; the weights serve only these",
    )
    parser.add_argument(
        "--config", type=Path, metavar="TOML", help="options by name; see --dry-run"
    )
    for name, (kind, shape, text) in _OPTIONS.items():
        parser.add_argument(f"--{name}", type=kind, metavar=shape, help=text)
    parser.add_argument(
        "--precision",
        choices=("fp32", "tf32", "fp16", "bf16"),
        help="tf32, fp16 (with loss scaling) and bf16 are for GPUs",
    )
    parser.add_argument(
        "--set",
        action="append",
        default=[],
        dest="changes",
        metavar="NAME=VALUE",
        help="any other option of the configuration",
    )


def run(args: argparse.Namespace) -> int:
    """Run the verb; the exit status is 0, also when ``--minutes`` ended it."""
    from kssgan.training.config import read_changes, resolve
    from kssgan.training.prepared import load_prepared

    changes = {name: getattr(args, name) for name in (*_OPTIONS, "precision")}
    config = resolve(
        args.preset, config=args.config, changes=changes | read_changes(args.changes)
    )
    data = load_prepared(args.file)
    groups = gallery_groups(data, config, args.groups)
    if args.dry_run:
        from kssgan.training.loop import plan

        print(json.dumps(plan(data, config, groups=groups, start=args.start), indent=2))
        return 0
    from kssgan.training.loop import train

    if groups is not None:
        print(_OWN_PEOPLE, file=sys.stderr)
    done = train(
        data,
        out=args.out,
        config=config,
        groups=groups,
        device=args.device,
        start=args.start,
        resume=args.resume,
        minutes=args.minutes,
        threads=args.threads,
        tensorboard=args.tensorboard,
    )
    if os.environ.get("RANK", "0") != "0":
        return 0  # of several processes the first one tells
    if args.as_json:
        print(json.dumps(_plain(done)))
    else:
        _tell(done, config.steps)
    return 0


def _plain(done: Trained) -> dict[str, Any]:
    return {
        "run": str(done.path),
        "generator": str(done.generator),
        "steps": done.steps,
        "finished": done.finished,
        "figures": done.figures,
        "seconds": done.seconds,
        "exit_status": 0,
    }


def _tell(done: Trained, steps: int) -> None:
    ended = "" if done.finished else " (time is up; go on with --resume)"
    print(f"{done.steps:,} of {steps:,} steps in {done.seconds / 60:.1f} minutes{ended}")
    print(", ".join(f"{name} {value:.3f}" for name, value in done.figures.items()))
    print(f"Weights:            {shown(done.generator)}")
    print(
        f"Samples:            {shown(done.path / 'sheets')} (they show real people: keep secret)"
    )
