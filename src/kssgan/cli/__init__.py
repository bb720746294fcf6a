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
    args = build_parser().parse_args(argv)
    previous = _terminate_like_interrupt()
    told = sys.stdout
    # The status says whether a promise holds: it is not lost with the reader of our output (`| head`).
    sys.stdout = cast(TextIO, Unheard(told))
    try:
        status: int = args.run(args)
        sys.stdout.flush()
        return status
    except KssganError as error:
        return _fail(str(error), error.exit_status, as_json=getattr(args, "as_json", False))
    except KeyboardInterrupt as interrupt:
        return _fail(str(interrupt) or f"interrupted{_unreleased(args.verb)}", 130)
    except Exception as error:  # noqa: BLE001 - the last line of defence keeps names out of logs
        return _fail(_internal(error, args.verb), 1)
    finally:
        sys.stdout = told
        if previous is not None:
            signal.signal(signal.SIGTERM, previous)


def _fail(message: str, status: int, *, as_json: bool = False) -> int:
    if as_json:
        print(json.dumps({"error": message, "exit_status": status}))
    print(f"kssgan: {message}", file=sys.stderr)
    return status


def _unreleased(verb: str) -> str:
    """What a verb that releases adds to the word of an end that nobody wanted."""
    return "; nothing was released" if verb in ("deidentify", "demo") else ""


def _internal(error: Exception, verb: str) -> str:
    # The message of an unexpected error may quote a path, and a path may be somebody's name.
    if os.environ.get("KSSGAN_DEBUG"):
        traceback.print_exc()
    frame = traceback.extract_tb(error.__traceback__)[-1]
    return (
        f"internal error: {type(error).__name__} at {os.path.basename(frame.filename)}:{frame.lineno}"  # noqa: PTH119
        f"{_unreleased(verb)}. Set KSSGAN_DEBUG=1 to see it whole (it may show file names)"
    )


def _terminate_like_interrupt() -> signal._HANDLER:
    # A terminated run cleans up as an interrupted one does. Signals belong to the main thread alone.
    def interrupt(signum: int, frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    try:
        return signal.signal(signal.SIGTERM, interrupt)
    except ValueError:
        return None
