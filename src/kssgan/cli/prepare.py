"""``kssgan prepare``: a collection of photos in, the one private file that training needs out."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kssgan.cli._paths import shown
from kssgan.cli._progress import bars
from kssgan.cli._verb import add_json, add_out, add_verb

if TYPE_CHECKING:
    from kssgan.preparation import Preparation

__all__ = ["add", "run"]

_DESCRIPTION = """\
Make one file of a collection: head crops, landmarks, labels, embeddings, and who is who.

Training needs nothing else, so it can run on another machine. The file holds faces: it is as private as the
photos. One person in five is held out and never trained on."""

_EXAMPLES = """\
examples:
  kssgan prepare photos --out photos.safetensors --subjects people.csv --labels people.csv
      people.csv: file,subject,expression,gender,age
  kssgan prepare RaFD --out rafd.safetensors --format rafd
      frontal photos; subject, expression and gender from their names
  kssgan prepare CelebA --out celeba.safetensors --format celeba
      list_attr_celeba.txt, identity_CelebA.txt and the official split, in CelebA or its Anno/ and Eval/

Then:  kssgan train photos.safetensors --out run"""


def add(verbs: Any) -> None:
    """Add the verb to the parser."""
    parser = add_verb(
        verbs,
        "prepare",
        run,
        about="make the one file that training needs",
        description=_DESCRIPTION,
        examples=_EXAMPLES,
    )
    parser.add_argument("data", type=Path, metavar="DATA", help="folder of photos")
    add_out(parser, "FILE.safetensors", "private file to write; must not exist")
    parser.add_argument(
        "--format",
        choices=("folder", "rafd", "celeba"),
        default="folder",
        help="how the collection is laid out (default folder)",
    )
    parser.add_argument(
        "--subjects",
        default="auto",
        metavar="auto|folder|file|CSV",
        help="who is on which photo: found by the recogniser (default; with --format rafd or celeba, what "
        "names and tables say), one folder per person, one person per file, or a CSV file,subject",
    )
    parser.add_argument(
        "--labels", type=Path, metavar="CSV", help="columns file or subject, then attributes"
    )
    parser.add_argument(
        "--held-out",
        type=float,
        default=0.2,
        metavar="SHARE",
        help="share of the people who are never trained on (default 0.2)",
    )
    parser.add_argument(
        "--seed", type=int, default=0, metavar="N", help="of who is held out (default 0)"
    )
    parser.add_argument(
        "--landmarks",
        type=Path,
        metavar="FILE.npz",
        help="for development: landmarks found elsewhere (files, mesh468 in photo pixels)",
    )
    add_json(parser)


def run(args: argparse.Namespace) -> int:
    """Run the verb; the exit status is 0, or 3 when photos were refused."""
    from kssgan.api import prepare

    done = prepare(
        args.data,
        out=args.out,
        format=args.format,
        subjects=args.subjects,
        labels=args.labels,
        held_out=args.held_out,
        seed=args.seed,
        landmarks=args.landmarks,
        progress=bars,
    )
    if args.as_json:
        print(json.dumps(_plain(done)))
    else:
        _tell(done)
    return done.exit_status


def _plain(done: Preparation) -> dict[str, Any]:
    return {
        "file": str(done.path),
        "bytes": done.path.stat().st_size,
        "photos": done.photos,
        "subjects": done.subjects,
        "held_out": done.held_out,
        "unreliable_landmarks": done.unreliable,
        "labels": done.labels,
        "seconds": done.seconds,
        "exit_status": done.exit_status,
    }


def _tell(done: Preparation) -> None:
    photos = done.photos
    print(f"{photos['used']:,} of {photos['found']:,} files used, {done.subjects:,} people")
    print(f"{done.held_out:,} people are held out and never trained on")
    for what in ("passed_over", "refused"):
        for reason, count in photos[what].items():
            print(f"{what.replace('_', ' ')}: {count:,} {reason}")
    if done.unreliable:
        print(f"{done.unreliable:,} photos without reliable landmarks take no part in training")
    for name, counts in done.labels.items():
        print(f"{name}: " + ", ".join(f"{n:,} {category}" for category, n in counts.items()))
    print()
    size = done.path.stat().st_size / 2**20
    print(f"Keep secret:        {shown(done.path)} ({size:.1f} MiB, it holds faces)")
