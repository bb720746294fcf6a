"""Draw the paper's Figures 6 and 8 for the documentation, of synthetic people.

    python tools/results_sheets.py

As many people as the paper's, 67: the 24 of the demo and 43 more of the same face model. None of them exists.
The sheets are those that ``kssgan evaluate`` writes of its private photos.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

import numpy as np
from PIL import Image

from kssgan.api import evaluate
from kssgan.evaluation import METHODS
from kssgan.testing.people import draw_person, view_of, write_people

DOCS = Path(__file__).parent.parent / "docs"
PEOPLE = 67
SHOWN = ("k-same-m", "k-same-net", "kss-gan")
WIDEST = 1280


def write_photos(folder: Path) -> None:
    """Two photos of each person, a neutral and a smiling one, one folder a person."""
    known = len({photo.subject for photo in write_people(folder)})
    rng = np.random.default_rng(8)
    for person in range(known, PEOPLE):
        coefficients = rng.standard_normal(14)
        own = folder / f"person-{person + 1:02d}"
        own.mkdir()
        for shot in range(2):
            picture = draw_person(coefficients, **view_of(person, shot))
            Image.fromarray(picture).save(own / f"photo-{shot + 1}.png", compress_level=1)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--images", type=Path, default=DOCS / "images" / "results")
    asked = parser.parse_args()
    asked.images.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        photos = Path(folder) / "photos"
        write_photos(photos)
        shown = [name for name in SHOWN if name in METHODS]
        done = evaluate(
            photos,
            out=Path(folder) / "results",
            methods=shown,
            k=(3, 30),
            seeds=1,
            subjects="folder",
            cache=Path(folder) / "cache",
        )
        for path in done.private:
            with Image.open(path) as sheet:
                sheet.thumbnail((WIDEST, WIDEST), Image.Resampling.LANCZOS)
                sheet.save(asked.images / f"{path.stem}.jpg", quality=88, optimize=True)
    (asked.images / "figure6.txt").write_text("\n".join(shown) + "\n", "utf-8")
    for path in sorted(asked.images.glob("*.jpg")):
        print(f"{path.name}: {path.stat().st_size / 1000:.0f} kB")


if __name__ == "__main__":
    main()
