"""``kssgan evaluate``: methods against each other on a folder of photos."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from kssgan.cli._paths import shown
from kssgan.cli._progress import bars
from kssgan.cli._recognizer import add_recognizer, recognizer_of
from kssgan.cli._verb import add_out, add_verb
from kssgan.errors import UsageError

__all__ = ["add", "run"]

_DESCRIPTION = """\
Compare de-identification methods on one folder of photos: attacks on one side, utility on the other.

Every method is drawn at every k and seed. A cell that is finished is kept in RESULTS/cells, so a run that
was stopped goes on where it was. Before anything is measured the attacks must give four known answers.
With --recognizer your own recogniser attacks too; its figures stand beside the others."""

_EXAMPLES = """\
methods:
  k-same-pixel k-same-eigen k-same-select k-same-m k-same-furthest   one picture for each group
  k-same-net                                                         the same, of public people by a network
  kss-gan                                                            ours, by the shipped generator
  blur pixelation black-box                                          each photo redrawn; no k

examples:
  kssgan evaluate photos --out results --methods k-same-pixel,k-same-m,kss-gan
  kssgan evaluate photos --out results --methods k-same-m,kss-gan,blur --k 3,5 --seeds 1 --subjects folder

RESULTS gets results.csv, index.html, results.md, figures/ (numbers only) and private/, whose figure6.png has
originals and must be kept secret; figure8-k*.png beside it show every surrogate of ours. kssgan report draws
page and figures again, also of several RESULTS together."""


def add(verbs: Any) -> None:
    """Add the verb to the parser."""
    parser = add_verb(
        verbs,
        "evaluate",
        run,
        about="compare methods: attacks and utility, by k and seed",
        description=_DESCRIPTION,
        examples=_EXAMPLES,
    )
    parser.add_argument("data", type=Path, metavar="DATA", help="folder of photos")
    add_out(parser, "RESULTS", "folder to write; one with an evaluation in it is gone on with")
    parser.add_argument(
        "--methods", required=True, metavar="NAMES", help="names with commas between, see below"
    )
    parser.add_argument(
        "--k",
        default="2,3,5,10,20,30",
        metavar="NUMBERS",
        help="people who share a picture, with commas between (default 2,3,5,10,20,30)",
    )
    parser.add_argument(
        "--seeds",
        type=int,
        default=3,
        metavar="N",
        help="draw each so many times (default 3)",
    )
    parser.add_argument(
        "--subjects",
        default="auto",
        metavar="auto|folder|file|CSV",
        help="who is on which photo, as for deidentify",
    )
    parser.add_argument(
        "--weights",
        type=Path,
        metavar="RUN",
        help="draw kss-gan with weights of kssgan train for any gallery",
    )
    parser.add_argument(
        "--jobs", type=int, metavar="N", help="processes (default: as many as there are cores)"
    )
    parser.add_argument(
        "--cache",
        type=Path,
        metavar="DIR",
        help="private folder that keeps the analysed faces for the next run",
    )
    add_recognizer(parser)


def run(args: argparse.Namespace) -> int:
    """Run the verb."""
    from kssgan.api import evaluate
    from kssgan.reporting import text_table

    done = evaluate(
        args.data,
        out=args.out,
        methods=[name.strip() for name in args.methods.split(",") if name.strip()],
        k=_numbers(args.k),
        seeds=args.seeds,
        subjects=args.subjects,
        weights=args.weights,
        jobs=args.jobs,
        cache=args.cache,
        recognizer=recognizer_of(args),
        progress=bars,
    )
    names = (
        "method",
        "k",
        "seed",
        "rank1",
        "verifies",
        "parrot_rank1",
        "sharpness_ratio",
        "kid",
    )
    print(text_table([[row[name] for name in names] for row in done.rows], names))
    if done.resumed:
        print(f"{done.resumed} cells were finished by an earlier run.")
    for cell, why in done.left_out.items():
        print(f"left out: {cell} ({why})")
    print(f"Page, table and figures, which show nobody: {shown(done.path)}")
    for path in done.private:
        why = "it shows originals" if path.name == "figure6.png" else "it shows all surrogates"
        print(f"Keep secret, {why}: {shown(path)}")
    return 0


def _numbers(text: str) -> list[int]:
    try:
        return [int(part) for part in text.split(",") if part.strip()]
    except ValueError:
        raise UsageError(
            f"--k {text!r} came; whole numbers with commas between were wanted"
        ) from None
