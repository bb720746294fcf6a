"""``kssgan report``: figures of studies or evaluations."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from kssgan.cli._paths import shown
from kssgan.cli._verb import add_out, add_verb

__all__ = ["add", "run"]

_DESCRIPTION = """\
Draw what was found, from what other verbs have written.

Studies of kssgan tune: the best score so far of each solver (Figure 4 of the paper), the training loss and
the score on people held out of the default and of the winners (Figure 5), and which parameters mattered. DIR
receives report.html and the figures as PNG.

RESULTS of kssgan evaluate: tables of privacy and utility, sharpness by k (Figure 7), frontiers. RESULTS of
the same photos are put together in one table, others follow each other. DIR receives index.html,
results.csv, results.md and figures as SVG and PNG. No photo is needed.

Studies and RESULTS cannot be mixed. No picture of a person is in any of it."""


def add(verbs: Any) -> None:
    """Add the verb to the parser."""
    parser = add_verb(
        verbs,
        "report",
        run,
        about="draw what studies or evaluations found",
        description=_DESCRIPTION,
        examples="examples:\n"
        "  kssgan report pso-0 pso-1 pso-2 random-0 random-1 random-2 --out report\n"
        "  kssgan report results-monday results-tuesday --out results-both",
    )
    parser.add_argument(
        "folders",
        type=Path,
        nargs="+",
        metavar="STUDY|RESULTS",
        help="what kssgan tune, or kssgan evaluate, wrote",
    )
    add_out(parser, "DIR", "folder to write; must not exist")


def run(args: argparse.Namespace) -> int:
    """Run the verb; the exit status is 0."""
    from kssgan.api import report

    page = report(*args.folders, out=args.out)
    print(f"Report:             {shown(page)}")
    return 0
