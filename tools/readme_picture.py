"""Draw the README's picture from a demo: members of two groups above the surrogate they share.

    kssgan demo --out /tmp/demo && python tools/readme_picture.py /tmp/demo docs/images/before_after.png

Synthetic people only; never run it on photos of anybody.
"""

from __future__ import annotations

import argparse
import csv
from collections import defaultdict
from hashlib import sha256
from pathlib import Path

import numpy as np
from PIL import Image

from kssgan.faces.analyse import StandardAnalyser
from kssgan.types import PhotoFace, U8Array

GROUPS, PEOPLE, SIDE, GAP = 2, 5, 128, 6


def groups_of(demo: Path) -> list[tuple[list[Path], Path]]:
    """One photo per person, and a file of the surrogate, for each group of the demo's release."""
    people: dict[str, dict[str, Path]] = defaultdict(dict)
    pictures: dict[str, Path] = {}
    with (demo / "private" / "map.csv").open(newline="", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            if row["released"]:
                released = demo / "release" / row["released"]
                digest = sha256(released.read_bytes()).hexdigest()
                people[digest].setdefault(row["subject"], demo / "photos" / row["original"])
                pictures[digest] = released
    return [(list(people[d].values()), pictures[d]) for d in sorted(people)]


def crop(photo: Path, analyser: StandardAnalyser) -> U8Array:
    """Head crop of a photo at the picture's size."""
    (face,) = analyser.analyse([photo])
    if not isinstance(face, PhotoFace):
        raise SystemExit(f"a demo photo was refused: {face.reason.value}")
    return small(face.crop)


def small(image_u8: U8Array) -> U8Array:
    return np.asarray(Image.fromarray(image_u8).resize((SIDE, SIDE), Image.Resampling.LANCZOS))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("demo", type=Path)
    parser.add_argument("out", type=Path)
    args = parser.parse_args()
    analyser = StandardAnalyser()
    width = GROUPS * PEOPLE * (SIDE + GAP) + GAP * (GROUPS + 1)
    canvas = np.full((2 * SIDE + 3 * GAP, width, 3), 255, np.uint8)
    for number, (photos, surrogate) in enumerate(groups_of(args.demo)[:GROUPS]):
        left = GAP + number * (PEOPLE * (SIDE + GAP) + GAP)
        shared = small(np.asarray(Image.open(surrogate).convert("RGB")))
        for place, photo in enumerate(photos[:PEOPLE]):
            x = left + place * (SIDE + GAP)
            canvas[GAP : GAP + SIDE, x : x + SIDE] = crop(photo, analyser)
            canvas[2 * GAP + SIDE : 2 * GAP + 2 * SIDE, x : x + SIDE] = shared
    args.out.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(canvas).save(args.out, optimize=True)


if __name__ == "__main__":
    main()
