"""``kssgan audit``: measure k and attack a release, from its files."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

from kssgan.cli._progress import bars
from kssgan.cli._recognizer import add_recognizer, recognizer_of
from kssgan.cli._verb import add_verb
from kssgan.errors import UsageError
from kssgan.files import storage, write_whole

__all__ = ["add", "run"]

_DESCRIPTION = """\
Measure what a release really gives away, from its files and the private map, believing nothing it says.

Works on anybody's release that comes with a map (original,subject,released,reason). The originals are read,
never changed. Exit status 4 when the promise does not hold."""

_EXAMPLES = """\
examples:
  kssgan audit release --originals photos --map private.csv
  kssgan audit release --originals photos --map private.csv --json audit.json
  kssgan audit release --originals photos --map private.csv --donors portraits
  kssgan audit release --originals photos --map private.csv --ledger study.ledger
      all releases of the ledger together: whether intersecting them finds anybody
  kssgan audit release --originals photos --map private.csv --recognizer arcface.onnx
      attacked by your own recogniser too, after it has given the known answers"""


def add(verbs: Any) -> None:
    """Add the verb to the parser."""
    parser = add_verb(
        verbs,
        "audit",
        run,
        about="measure k and attack a release, from its files",
        description=_DESCRIPTION,
        examples=_EXAMPLES,
    )
    parser.add_argument(
        "release", type=Path, metavar="RELEASE", help="the folder that was released"
    )
    parser.add_argument(
        "--originals", type=Path, required=True, metavar="PHOTOS", help="the private photos"
    )
    parser.add_argument(
        "--map",
        type=Path,
        required=True,
        dest="map_path",
        metavar="PRIVATE.csv",
        help="the private map",
    )
    parser.add_argument(
        "--labels",
        type=Path,
        metavar="CSV",
        help="the labels that were given to deidentify, to check what became of them",
    )
    parser.add_argument(
        "--donors",
        type=Path,
        metavar="DIR",
        help="the portraits that were given to deidentify: tells how near the pictures come to their faces, "
        "and fails where a picture shows one or a donor is among the originals",
    )
    parser.add_argument(
        "--ledger",
        type=Path,
        metavar="FILE",
        help="the ledger that was given to deidentify: checks this release against it, and all of its "
        "releases together",
    )
    parser.add_argument(
        "--ledger-key",
        type=Path,
        metavar="KEY",
        help="file of the ledger's key (default FILE.key)",
    )
    parser.add_argument(
        "--json",
        type=Path,
        metavar="FILE",
        help="write every figure here as JSON; '-' prints it instead of the table",
    )
    parser.add_argument(
        "--html",
        type=Path,
        metavar="FILE",
        help="secret: write the report as a page for people here",
    )
    add_recognizer(parser)


def run(args: argparse.Namespace) -> int:
    """Run the verb; the exit status is 0, or 4 when the promise does not hold."""
    from kssgan.api import audit

    _check_outputs(args)
    to_stdout = args.json is not None and str(args.json) == "-"
    report = audit(
        args.release,
        originals=args.originals,
        map_path=args.map_path,
        labels=args.labels,
        donors=args.donors,
        ledger=args.ledger,
        ledger_key=args.ledger_key,
        recognizer=recognizer_of(args),
        progress=bars,
    )
    text = json.dumps(report.to_json(), indent=2, sort_keys=True) + "\n"
    print(text.rstrip("\n") if to_stdout else report.table())
    if args.html is not None:
        from kssgan.reporting import audit_page

        _write(args.html, audit_page(report.to_json()))
    if args.json is not None and not to_stdout:
        _write(args.json, text)
    return report.exit_status


def _check_outputs(args: argparse.Namespace) -> None:
    """Refuse before the audit what could not be written after it, or would spoil what was audited."""
    from kssgan.deidentification.places import inside

    outputs = [p for p in (args.json, args.html) if p is not None and str(p) != "-"]
    read = {
        p.resolve()
        for p in (args.map_path, args.labels, args.ledger, args.ledger_key)
        if p is not None
    }
    for path in outputs:
        place = path.resolve()
        if place in read or place.is_dir():
            raise UsageError(
                "an output of the audit is a folder or one of the files that it reads; choose another FILE"
            )
        if any(inside(place, p.resolve()) for p in (args.release, args.originals)):
            raise UsageError(
                "an output of the audit lies in RELEASE or PHOTOS; it is secret and changes what was "
                "audited, so choose another place"
            )
        if not place.parent.is_dir():
            raise UsageError("the folder for an output of the audit is missing; make it first")
    if len({p.resolve() for p in outputs}) < len(outputs):
        raise UsageError("--json and --html name one file; give two")
    if args.ledger_key is not None and args.ledger is None:
        raise UsageError("--ledger-key came without --ledger; give both")


def _write(path: Path, text: str) -> None:
    # Figures about people who are meant to stay private: readable by the owner alone.
    with storage("the audit could not be written"):
        write_whole(path, text, mode=0o600)
