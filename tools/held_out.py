"""Gather the photos of the people whom ``kssgan prepare`` holds out, to compare methods on people unseen.

    python tools/held_out.py FACES --subjects FACES/labels.csv --out HELD
    kssgan evaluate HELD/photos --subjects HELD/people.csv --out RESULTS --methods ...

HELD is private like FACES: it holds copies. People are declared in a CSV with the columns file and subject.
"""

from __future__ import annotations

import argparse
import csv
import shutil
from pathlib import Path

from kssgan.preparation.split import hold_out

SHARE = 0.2  # as ``kssgan prepare`` has it


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("faces", type=Path)
    parser.add_argument("--subjects", type=Path, required=True, metavar="CSV")
    parser.add_argument("--out", type=Path, required=True, metavar="HELD")
    parser.add_argument("--seed", type=int, default=0, help="as of kssgan prepare")
    asked = parser.parse_args()
    with asked.subjects.open(encoding="utf-8", newline="") as file:
        rows = [(row["file"], row["subject"]) for row in csv.DictReader(file)]
    people = sorted({subject for _, subject in rows})
    away = dict(zip(people, hold_out(people, SHARE, asked.seed).tolist(), strict=True))
    kept = [(name, subject) for name, subject in rows if away[subject]]
    asked.out.mkdir(mode=0o700)
    for name, _ in kept:
        target = asked.out / "photos" / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(asked.faces / name, target)
    with (asked.out / "people.csv").open("w", encoding="utf-8", newline="") as file:
        csv.writer(file, lineterminator="\n").writerows([("file", "subject"), *kept])
    print(f"{len(kept)} photos of {sum(away.values())} people")


if __name__ == "__main__":
    main()
