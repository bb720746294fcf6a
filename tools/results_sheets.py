"""Draw the paper's Figures 6 and 8 for the documentation, of synthetic people.

    python tools/results_sheets.py

As many people as the paper's, 67: the 24 of the demo and 43 more of the same face model. None of them exists.
The recogniser cannot tell all of the 43 apart, so nothing may be measured on them: they are to be looked at.
The sheets are those that ``kssgan evaluate`` draws of its private photos.
"""

from __future__ import annotations

import argparse
import tempfile
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import numpy as np
from PIL import Image

from kssgan.deidentification.cache import Cache
from kssgan.deidentification.look import PhotoReader
from kssgan.deidentification.plan import resolve
from kssgan.deidentification.scan import scan
from kssgan.evaluation.methods import METHODS, OURS, make
from kssgan.evaluation.photos import Photos, store_photos
from kssgan.evaluation.sheet import figure_6, figure_8
from kssgan.faces.analyse import StandardAnalyser
from kssgan.faces.decode import IMAGE_SUFFIXES
from kssgan.testing.people import draw_person, view_of, write_people
from kssgan.types import SurrogateMethod, quiet

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


def photos_of(folder: Path, work: Path) -> Photos:
    """The photos, analysed; everybody is somebody else, whether the recogniser can tell or not."""
    analyser = StandardAnalyser()
    with closing(Cache(work, folder, analyser.version)) as store:
        reader = PhotoReader(folder, analyser, store)
        names = scan(folder, IMAGE_SUFFIXES).photos
        seen, refused = reader.read(names, quiet)
        if refused:
            raise SystemExit(f"no face was found in {len(refused)} photos; none was expected")
        people = resolve(seen, [photo.name.split("/")[0] for photo in seen], reader)
        photos = store_photos(work, seen, people, reader, quiet)
    return replace(photos, look_alikes=np.zeros((0, 2), np.int64))


def fitted(name: str, photos: Photos) -> SurrogateMethod:
    """A method, fitted to the people where it learns of them."""
    method = make(name)
    assert isinstance(method, SurrogateMethod)
    if hasattr(method, "fit"):
        method.fit([photos.faces(photos.rows(person)) for person in range(photos.persons)])
    return method


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--images", type=Path, default=DOCS / "images" / "results")
    images = parser.parse_args().images
    images.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as home:
        folder, work = Path(home) / "photos", Path(home) / "work"
        work.mkdir()
        write_photos(folder)
        photos = photos_of(folder, work)
        methods = {name: fitted(name, photos) for name in SHOWN if name in METHODS}
        sheets = {"figure6": figure_6(methods, photos, k=3, seed=0)}
        for k in (3, 30):
            sheets[f"figure8-k{k}"] = figure_8(methods[OURS], photos, k=k, seed=0)
    (images / "figure6.txt").write_text("\n".join(methods) + "\n", "utf-8")
    for name, sheet_u8 in sheets.items():
        sheet = Image.fromarray(sheet_u8)
        sheet.thumbnail((WIDEST, WIDEST), Image.Resampling.LANCZOS)
        path = images / f"{name}.jpg"
        sheet.save(path, quality=88, optimize=True)
        print(
            f"{path.name}: {sheet.width} x {sheet.height}, {path.stat().st_size / 1000:.0f} kB"
        )


if __name__ == "__main__":
    main()
