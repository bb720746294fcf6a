"""``kssgan report``: figures of studies or evaluations."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from kssgan.cli._paths import shown

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
    parser: argparse.ArgumentParser = verbs.add_parser(
        "report",
        help="draw what studies or evaluations found",
        description=_DESCRIPTION,
        epilog="examples:\n"
        "  kssgan report pso-0 pso-1 pso-2 random-0 random-1 random-2 --out report\n"
        "  kssgan report results-monday results-tuesday --out results-both",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "folders",
        type=Path,
        nargs="+",
        metavar="STUDY|RESULTS",
        help="what kssgan tune, or kssgan evaluate, wrote",
    )
    parser.add_argument(
        "--out", type=Path, required=True, metavar="DIR", help="folder to write; must not exist"
    )
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Run the verb; the exit status is 0."""
    from kssgan.api import report

    page = report(*args.folders, out=args.out)
    print(f"Report:             {shown(page)}")
    return 0
