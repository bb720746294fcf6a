"""Two releases with overlapping people: whom does their intersection find, without a ledger and with one?

    python benchmarks/intersection.py                          # painted people, seconds, no network of ours
    python benchmarks/intersection.py --faces ../shared/faces  # London (neutral), shipped networks
    python benchmarks/intersection.py --faces ../shared/faces --auto   # who is known again by templates

The first release has the first part of the people, the second has some fewer of these and some newcomers. The
attacker knows everybody's group in both (by originals and any recogniser) and who is in which release, and
asks whose two files of one target may be. Prints a table and, with ``--json``, writes it.

``--auto`` puts the neutral photos of some people into a ledger and asks it about their smiling photos and
everybody else's neutral ones, in one release, 20 times.
"""

from __future__ import annotations

import argparse
import csv
import hashlib
import json
import shutil
import tempfile
from collections.abc import Hashable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

import kssgan
from kssgan.auditing.intersection import Intersection, groups_of, intersect
from kssgan.errors import PromiseError
from kssgan.faces.distances import pairs_below
from kssgan.faces.thresholds import LOOK_ALIKE, SAME_PERSON
from kssgan.grouping.ledger import UNSURE, doubted, match_templates
from kssgan.surrogate import MeanSurrogate
from kssgan.testing.fakes import PaintedAnalyser, paint_photo
from kssgan.types import FloatArray, PhotoFace


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--people", type=int, default=100, metavar="N")
    parser.add_argument(
        "--leave", type=float, default=0.05, help="share who leave (default 0.05)"
    )
    parser.add_argument("--come", type=float, default=0.2, help="share who come (default 0.2)")
    parser.add_argument("-k", type=int, nargs="+", default=[3, 5, 10])
    parser.add_argument("--faces", type=Path, metavar="DIR", help="use DIR/london/neutral")
    parser.add_argument("--auto", action="store_true", help="templates instead; needs --faces")
    parser.add_argument("--json", type=Path, metavar="FILE")
    args = parser.parse_args()
    if args.auto:
        if args.faces is None:
            parser.error("--auto needs --faces")
        templates(args.faces / "london")
        return
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        everybody = _real(args.faces) if args.faces else _painted(home, args.people)
        one, two = _overlapping(everybody, args.leave, args.come)
        options: dict[str, Any] = {} if args.faces else {"analyser": PaintedAnalyser()}
        results = []
        print(f"{len(one)} people, then {len(two)}, of whom {len(set(one) & set(two))} again\n")
        print(
            "| k | ledger | in both | fewest alike | found alone | mean chance | 1/k | kept out |"
        )
        print("|---|---|---|---|---|---|---|---|")
        for k in args.k:
            for ledger in (False, True):
                where = home / f"{k}{ledger}"
                found, out = attack(where, [one, two], k=k, ledger=ledger, **options)
                results.append({"k": k, "ledger": ledger, "kept_out": out, **asdict(found)})
                print(
                    f"| {k} | {'yes' if ledger else 'no'} | {found.targets} | {found.least} | "
                    f"{found.identified:.1%} | {found.chance:.3f} | {1 / k:.3f} | {out} |"
                )
    if args.json:
        args.json.write_text(json.dumps(results, indent=2) + "\n")


def attack(
    home: Path, releases: Sequence[Sequence[Path]], *, k: int, ledger: bool, **options: Any
) -> tuple[Intersection, int]:
    """Make the releases, one photo a person, and intersect them from their files and maps.

    Returns:
        What the intersection finds, and how many photos were kept out of all releases together.
    """
    seen: list[dict[Hashable, Hashable]] = []
    kept_out = 0
    for number, photos in enumerate(releases):
        folder = home / f"photos{number}"
        folder.mkdir(parents=True)
        for path in photos:
            shutil.copy(path, folder / path.name)
        out, table = home / f"release{number}", home / f"map{number}.csv"
        try:
            release = kssgan.deidentify(
                folder,
                out=out,
                map_path=table,
                k=k,
                subjects="file",
                allow_small_k=True,
                cache=home.parent / "cache",
                method=MeanSurrogate(),
                ledger=home / "ledger" if ledger else None,
                **options,
            )
        except PromiseError:
            kept_out += len(photos)
            continue
        kept_out += release.refused
        seen.append(dict(_groups(out, table)))
    return intersect(seen), kept_out


def templates(london: Path, *, tries: int = 20) -> None:
    """How often ``--subjects auto`` knows people of a ledger again, and whom it is unsure about."""
    neutral, happy = _embeddings(london / "neutral"), _embeddings(london / "happy")
    names = sorted(neutral.keys() & happy.keys())
    first = np.stack([neutral[name] for name in names])
    second = np.stack([happy[name] for name in names])
    print(
        "| people in the ledger | known by another photo | newcomers unsure | by photos of today alone | "
        "taken for somebody |"
    )
    print("|---|---|---|---|---|")
    rng = np.random.default_rng(0)
    for size in (20, 40, 60, 80):
        sums = np.zeros(4)
        for _ in range(tries):
            order = rng.permutation(len(names))
            inside, outside = order[:size], order[size:]
            today = np.concatenate([second[inside], first[outside]])
            by_face = match_templates(
                today,
                first[inside],
                range(size),
                same_person=SAME_PERSON,
                look_alike=LOOK_ALIKE,
            )
            pairs, _ = pairs_below(today, LOOK_ALIKE)
            found = doubted(by_face, np.arange(len(today)), pairs)
            known, new = found[:size], found[size:]
            sums += [
                np.mean(known == np.arange(size)),
                np.mean(new == UNSURE),
                np.mean((new == UNSURE) & (by_face[size:] != UNSURE)),
                np.mean(new >= 0),
            ]
        print(f"| {size} | " + " | ".join(f"{value:.1%}" for value in sums / tries) + " |")


def _embeddings(folder: Path) -> dict[str, FloatArray]:
    from kssgan.faces.analyse import StandardAnalyser

    paths = sorted(folder.glob("*.jpg"))
    found = StandardAnalyser().analyse(paths)
    return {
        path.name: face.embedding
        for path, face in zip(paths, found, strict=True)
        if isinstance(face, PhotoFace)
    }


def _groups(out: Path, table: Path) -> dict[Hashable, int]:
    with table.open(newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["released"]]
    return groups_of(
        (row["subject"], hashlib.sha256((out / row["released"]).read_bytes()).hexdigest())
        for row in rows
    )


def _overlapping(
    everybody: Sequence[Path], leave: float, come: float
) -> tuple[list[Path], list[Path]]:
    first = list(everybody[: round(len(everybody) * (1 - come))])
    return first, list(everybody[round(len(first) * leave) :])


def _painted(home: Path, people: int) -> list[Path]:
    return [paint_photo(home / "all" / f"{n:04d}.png", n, size=16) for n in range(people)]


def _real(faces: Path) -> list[Path]:
    return sorted((faces / "london" / "neutral").glob("*.jpg"))


if __name__ == "__main__":
    main()
