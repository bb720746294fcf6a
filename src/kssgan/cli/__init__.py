"""The command line: ``kssgan VERB``. It introduces the rooms to each other and holds no logic of its own.

Exit status: 0 all done; 1 failed (disk, damaged installation); 2 usage; 3 some photos refused, the rest
released; 4 the promise cannot be met or does not hold; 130 interrupted.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import sys
import traceback
from collections.abc import Sequence
from pathlib import Path
from types import FrameType
from typing import TextIO, cast

from kssgan._version import __version__
from kssgan.cli import (
    audit,
    deidentify,
    demo,
    evaluate,
    info,
    prepare,
    reidentify,
    report,
    train,
    tune,
)
from kssgan.cli._paths import shown
from kssgan.cli._unheard import Unheard
from kssgan.errors import KssganError

__all__ = ["build_parser", "main"]

_VERBS = (
    deidentify,
    audit,
    reidentify,
    prepare,
    train,
    tune,
    evaluate,
    report,
    demo,
    info,
)

_USAGE = 2

_DESCRIPTION = """\
De-identify face photos: every released picture is a 256-pixel head crop shared by at least k people.

A release folder may leave the building; what must stay is named at the end of every run."""


def build_parser() -> argparse.ArgumentParser:
    """The whole command line, with an example for every verb."""
    parser = argparse.ArgumentParser(
        prog="kssgan",
        description=_DESCRIPTION,
        epilog="Exit status: 0 done, 1 failed, 2 usage, 3 some photos refused, 4 promise not met.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"kssgan {__version__}")
    verbs = parser.add_subparsers(dest="verb", metavar="VERB", required=True)
    for verb in _VERBS:
        verb.add(verbs)
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Run one verb; returns the exit status instead of raising, except for ``--help`` and usage."""
    args = _parsed(argv)
    previous = _terminate_like_interrupt()
    told = sys.stdout
    # The status says whether a promise holds: it is not lost with the reader of our output (`| head`).
    heard = Unheard(told)
    sys.stdout = cast(TextIO, heard)
    as_json, out = getattr(args, "as_json", False), _release(args)
    before = _identity(out)
    try:
        status: int = args.run(args)
        sys.stdout.flush()
        if heard.lost:
            _say(f"all was done, but what there is to say could not be written ({heard.lost})")
        return status
    except KssganError as error:
        return _fail(str(error), error.exit_status, as_json=as_json)
    except KeyboardInterrupt as interrupt:
        said = str(interrupt) or f"interrupted{_ending(out, before)}"
        return _fail(said, 130, as_json=as_json)
    except Exception as error:  # noqa: BLE001 - the last line of defence keeps names out of logs
        return _fail(_internal(error, _ending(out, before)), 1, as_json=as_json)
    finally:
        sys.stdout = told
        if previous is not None:
            signal.signal(signal.SIGTERM, previous)


def _parsed(argv: Sequence[str] | None) -> argparse.Namespace:
    """What was asked for; ends the program where that cannot be understood, with JSON where it was wanted."""
    try:
        return build_parser().parse_args(argv)
    except SystemExit as end:
        if end.code == _USAGE and "--json" in (sys.argv[1:] if argv is None else argv):
            print(
                json.dumps(
                    {"error": "the command was not understood, see stderr", "exit_status": 2}
                )
            )
        raise


def _say(message: str) -> None:
    # Without stderr print would take stdout.
    if sys.stderr is not None:
        # Line by line: some messages list what is wrong.
        print("kssgan: " + "\n".join(map(shown, message.split("\n"))), file=sys.stderr)


def _fail(message: str, status: int, *, as_json: bool = False) -> int:
    if as_json:
        print(json.dumps({"error": message, "exit_status": status}))
    _say(message)
    return status


def _release(args: argparse.Namespace) -> Path | None:
    """RELEASE of a verb that makes one."""
    if args.verb == "demo":
        return Path(args.out, "release")
    return Path(args.out) if args.verb == "deidentify" else None


def _identity(path: Path | None) -> tuple[int, int] | None:
    """Of what is there; None where nothing is."""
    try:
        found = None if path is None else path.lstat()
    except (OSError, ValueError):
        return None
    return None if found is None else (found.st_dev, found.st_ino)


def _ending(out: Path | None, before: tuple[int, int] | None) -> str:
    """What a verb that releases adds to the word of an end that nobody wanted.

    A release gets its name when it is complete, so whoever finds it there has it whole.
    """
    if out is None:
        return ""
    if _identity(out) not in (None, before):
        return "; RELEASE was written before and is complete"
    return "; nothing was released"


def _internal(error: Exception, ending: str) -> str:
    # The message of an unexpected error may quote a path, and a path may be somebody's name.
    if os.environ.get("KSSGAN_DEBUG"):
        traceback.print_exc()
    frame = traceback.extract_tb(error.__traceback__)[-1]
    return (
        f"internal error: {type(error).__name__} at {os.path.basename(frame.filename)}:{frame.lineno}"  # noqa: PTH119
        f"{ending}. Set KSSGAN_DEBUG=1 to see it whole (it may show file names)"
    )


def _terminate_like_interrupt() -> signal._HANDLER:
    # A terminated run cleans up as an interrupted one does. Signals belong to the main thread alone.
    def interrupt(signum: int, frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    try:
        return signal.signal(signal.SIGTERM, interrupt)
    except ValueError:
        return None
