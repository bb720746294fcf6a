"""``kssgan report``: figures of studies."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from kssgan.cli._paths import shown

__all__ = ["add", "run"]

_DESCRIPTION = """\
Draw what studies of kssgan tune found: the best score so far of each solver (Figure 4 of the paper), the
training loss and the score on people held out of the default and of the winners (Figure 5), and which
parameters mattered. DIR receives report.html and the figures as PNG. No picture of a person is in them."""


def add(verbs: Any) -> None:
    """Add the verb to the parser."""
    parser: argparse.ArgumentParser = verbs.add_parser(
        "report",
        help="draw what studies found",
        description=_DESCRIPTION,
        epilog="example:\n  kssgan report pso-0 pso-1 pso-2 random-0 random-1 random-2 --out report",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "studies", type=Path, nargs="+", metavar="STUDY", help="what kssgan tune wrote"
    )
    parser.add_argument(
        "--out", type=Path, required=True, metavar="DIR", help="folder to write; must not exist"
    )
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Run the verb; the exit status is 0."""
    from kssgan.api import report

    page = report(*args.studies, out=args.out)
    print(f"Report:             {shown(page)}")
    return 0
