"""``kssgan reidentify``: who is behind the files of a release, for the holder of the secret key."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

from kssgan.cli._paths import shown
from kssgan.cli._verb import add_verb
from kssgan.errors import UsageError

__all__ = ["add", "run"]

_DESCRIPTION = """\
Open the escrow of a release and print the originals behind every released file, as CSV.

Needs the secret key that belongs to the --escrow-key of the run that made the release. Exit status 4 where
the key is another one, the escrow was changed, or it belongs to another release."""

_EXAMPLES = """\
examples:
  kssgan reidentify --new-key officer.key
      makes officer.key (secret: stays with its owner) and officer.key.pub (for --escrow-key)
  kssgan deidentify photos --out release --escrow release.escrow --escrow-key officer.key.pub
  kssgan reidentify release --escrow release.escrow --key officer.key"""


def add(verbs: Any) -> None:
    """Add the verb to the parser."""
    parser = add_verb(
        verbs,
        "reidentify",
        run,
        about="name the originals behind released files, with an escrow and its secret key",
        description=_DESCRIPTION,
        examples=_EXAMPLES,
    )
    parser.add_argument(
        "release",
        type=Path,
        nargs="?",
        metavar="RELEASE",
        help="the folder that was released",
    )
    parser.add_argument(
        "--escrow", type=Path, metavar="FILE", help="what deidentify sealed for this release"
    )
    parser.add_argument("--key", type=Path, metavar="KEY", help="file with the secret key")
    parser.add_argument(
        "--new-key",
        type=Path,
        metavar="FILE",
        help="instead: make a key pair, the secret key in FILE and the public one in FILE.pub",
    )


def run(args: argparse.Namespace) -> int:
    """Run the verb; the exit status is 0."""
    if args.new_key is not None:
        return _make_key(args)
    missing = [
        name
        for name, value in (
            ("RELEASE", args.release),
            ("--escrow FILE", args.escrow),
            ("--key KEY", args.key),
        )
        if value is None
    ]
    if missing:
        raise UsageError(f"{', '.join(missing)} did not come; all three are needed")
    from kssgan.api import reidentify
    from kssgan.deidentification.map import encode_table

    found = reidentify(args.release, escrow=args.escrow, key=args.key)
    rows = [(name, *original) for name, originals in found.items() for original in originals]
    sys.stdout.flush()
    # Names may hold bytes that are no text in any encoding; they are printed as they are.
    sys.stdout.buffer.write(encode_table(("released", "original", "subject"), rows))
    sys.stdout.flush()
    print(
        "Keep secret: this list names people; print it only where that is lawful.",
        file=sys.stderr,
    )
    return 0


def _make_key(args: argparse.Namespace) -> int:
    from kssgan.deidentification import new_key

    if args.release is not None or args.escrow is not None or args.key is not None:
        raise UsageError("--new-key came with other arguments; give it alone")
    public = new_key(args.new_key)
    print(f"Give to the releasing machine (--escrow-key):  {shown(public)}")
    print(f"Keep secret, away from that machine:           {shown(args.new_key)}")
    return 0
