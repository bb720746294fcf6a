"""``kssgan demo``: the real commands on synthetic people, from photos to the audit."""

from __future__ import annotations

import argparse
import shlex
import shutil
import time
from pathlib import Path
from typing import Any

from kssgan.errors import OutputExists

__all__ = ["add", "run"]

_MARK = ".kssgan-demo"


def add(verbs: Any) -> None:
    """Add the verb to the parser."""
    parser = verbs.add_parser(
        "demo",
        help="draw synthetic people, release them, audit the release",
        description="Draw a folder of photos of synthetic people, then run the real commands on it.",
    )
    parser.add_argument(
        "--out",
        type=Path,
        default=Path("kssgan-demo"),
        metavar="DIR",
        help="folder to write (default kssgan-demo); an earlier demo there is replaced",
    )
    parser.add_argument(
        "--people",
        type=int,
        default=24,
        metavar="N",
        help="synthetic people to draw (default 24)",
    )
    parser.add_argument(
        "-k",
        type=_k,
        default=5,
        metavar="K",
        help="people who share a picture, at least (default 5)",
    )
    parser.set_defaults(run=run)


def _k(text: str) -> int:
    """Pairs want an option of ``deidentify`` that this verb has not."""
    if not text.isdecimal() or int(text) < 3:
        raise argparse.ArgumentTypeError(f"{text!r} came, a number from 3 up was wanted")
    return int(text)


def run(args: argparse.Namespace) -> int:
    """Run the verb; the exit status is that of the first command that fails."""
    from kssgan.testing.people import write_people

    started = time.perf_counter()
    folder = _fresh(args.out)
    photos, release, private = folder / "photos", folder / "release", folder / "private"
    private.mkdir(mode=0o700)
    write_people(photos, people=args.people)
    print(f"Drew {args.people} synthetic people into {photos}\n")
    secret = str(private / "map.csv")
    labels = str(photos / "labels.csv")
    commands = (
        [
            "deidentify",
            str(photos),
            "--out",
            str(release),
            "-k",
            str(args.k),
            "--labels",
            labels,
            "--map",
            secret,
        ],
        [
            "audit",
            str(release),
            "--originals",
            str(photos),
            "--map",
            secret,
            "--json",
            str(private / "audit.json"),
            "--html",
            str(private / "audit.html"),
        ],
    )
    for command in commands:
        status = _say_and_run(command)
        if status:
            return status
    print(f"Done in {time.perf_counter() - started:.0f} s. Open these:")
    print(f"  {release / 'report.html'}          what the recipient sees")
    print(f"  {private / 'map.report.html'}      originals above surrogates: stays private")
    print(
        f"  {private / 'audit.html'}           what an attacker gets out of it: stays private"
    )
    return 0


def _say_and_run(command: list[str]) -> int:
    from kssgan.cli import main

    print("$ kssgan " + shlex.join(command), flush=True)
    status = main(command)
    print()
    return status


def _fresh(folder: Path) -> Path:
    if folder.exists():
        if not (folder / _MARK).is_file():
            raise OutputExists(
                f"{folder} is already there and is no earlier demo; choose another with --out"
            )
        shutil.rmtree(folder)
    folder.mkdir(parents=True)
    (folder / _MARK).touch()
    return folder
