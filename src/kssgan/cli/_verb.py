"""How every verb begins, and the options that several verbs share."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import Any

__all__ = ["add_device", "add_json", "add_out", "add_verb"]


def add_verb(
    verbs: Any,
    name: str,
    run: Callable[[argparse.Namespace], int],
    *,
    about: str,
    description: str,
    examples: str | None = None,
) -> argparse.ArgumentParser:
    """Add a verb to the command line.

    Args:
        verbs: of the whole parser.
        name: as it is typed.
        run: what it does; gives the exit status.
        about: its line in ``kssgan --help``.
        description: how its own help begins; lines stay as they are.
        examples: how its own help ends.
    """
    parser: argparse.ArgumentParser = verbs.add_parser(
        name,
        help=about,
        description=description,
        epilog=examples,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.set_defaults(run=run)
    return parser


def add_out(parser: argparse.ArgumentParser, name: str, about: str) -> None:
    """Add ``--out``, which must be given."""
    parser.add_argument("--out", type=Path, required=True, metavar=name, help=about)


def add_json(parser: argparse.ArgumentParser) -> None:
    """Add ``--json``: the result for programs, errors too."""
    parser.add_argument(
        "--json", action="store_true", dest="as_json", help="print the result as JSON on stdout"
    )


def add_device(parser: argparse.ArgumentParser) -> None:
    """Add ``--device`` and ``--threads``, for verbs that train."""
    parser.add_argument(
        "--device", default="auto", metavar="NAME", help="auto, cpu or cuda (default auto)"
    )
    parser.add_argument(
        "--threads", type=int, metavar="N", help="of the CPU (default: the machine's)"
    )
