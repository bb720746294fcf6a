"""Sharpness and time of shape-normalised means and of composites on real photos.

    python benchmarks/composite.py [../shared/faces] [--groups 8] [--json FILE] [--sheet FILE.png]

The folder (or the one that KSSGAN_FACES names) holds ``labels.csv`` (file, subject, expression, gender) and
``landmarks.npz`` (``files``, ``five``, ``mesh468``). Random groups of one gender (and one expression where
it is known) are drawn from a set; donors come from the other set, and from the same set without the members.
"Sharpness" is the variance of the Laplacian of grey at 256 px over the mean of the same of the members'
photos. A sheet shows real people: keep it out of the repository.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import platform
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image

from kssgan.faces.align import HEAD_TEMPLATE, head_crop, similarity
from kssgan.surrogate.composite import composite
from kssgan.surrogate.donors import DONOR_SIZE, Donor, choose, fit, screen
from kssgan.surrogate.shape import ShapeMean, shape_mean
from kssgan.types import CROP_SIZE, FloatArray, U8Array

KS = (3, 5, 10)


@dataclass(frozen=True)
class Portrait:
    """One photo of the folder; ``points`` in pixels of ``crop``."""

    crop: U8Array
    points: FloatArray
    subject: str
    gender: str
    expression: str
    donor: Donor | None


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path, nargs="?", default=default_folder())
    parser.add_argument("--groups", type=int, default=8, help="per row of the table")
    parser.add_argument("--donors", type=int, default=200, help="portraits screened per set")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", type=Path, metavar="FILE")
    parser.add_argument("--sheet", type=Path, metavar="FILE.png")
    asked = parser.parse_args(arguments)
    torch.set_num_threads(1)
    rng = np.random.default_rng(asked.seed)
    people, screening = load(asked.folder, asked.donors, rng)
    for name, counts in screening.items():
        print(f"donors from {name}: " + ", ".join(f"{n} {why}" for why, n in counts.items()))
    print(
        f"{'members':<9}{'donors':<9}{'k':>3}{'groups':>8}{'bare':>7}{'composite':>11}", end=""
    )
    print(
        f"{'lowest':>8}{'highest':>9}{'misfit':>8}{'mean s':>8}{'choose s':>10}{'comp. s':>9}"
    )
    rows: list[dict[str, Any]] = []
    sheet: list[U8Array] = []
    for members in people:
        for donors in people:
            for k in KS:
                row, pictures = measure(people, members, donors, k, asked.groups, rng)
                rows.append(row)
                sheet += pictures
                print(
                    f"{members:<9}{donors:<9}{k:>3}{row['groups']:>8}{row['bare']:>7.3f}"
                    f"{row['composite']:>11.3f}{row['lowest']:>8.2f}{row['highest']:>9.2f}"
                    f"{row['misfit']:>8.2f}{row['mean_seconds']:>8.2f}"
                    f"{row['choose_seconds']:>10.3f}{row['composite_seconds']:>9.3f}"
                )
    if asked.sheet:
        contact_sheet(sheet, 3 * asked.groups).save(asked.sheet)
    if asked.json:
        found = {"machine": machine(), "seed": asked.seed, "screening": screening, "rows": rows}
        asked.json.write_text(json.dumps(found, indent=2) + "\n", "utf-8")


def measure(
    people: dict[str, list[Portrait]],
    members: str,
    donors: str,
    k: int,
    groups: int,
    rng: np.random.Generator,
) -> tuple[dict[str, Any], list[U8Array]]:
    """One row: ratios are means over groups, seconds of CPU medians."""
    found: list[dict[str, float]] = []
    pictures: list[U8Array] = []
    for number in range(groups):
        gender = ("female", "male")[number % 2]
        known = sorted({p.expression for p in people[members]})
        expression = known[number // 2 % len(known)]
        group = draw(people[members], gender, expression, k, rng)
        inside = {p.subject for faces in group for p in faces}
        pool = [p for p in people[donors] if p.donor is not None and p.subject not in inside]
        portraits = [p.donor for p in pool if p.donor is not None]
        attributes = {"gender": gender} | ({"expression": expression} if expression else {})
        clock = [time.process_time()]
        mean = shape_mean([[(p.crop, p.points) for p in faces] for faces in group])
        clock.append(time.process_time())
        chosen = portraits[choose(portraits, mean, attributes, seed=number)]
        clock.append(time.process_time())
        picture = composite(mean, chosen)
        clock.append(time.process_time())
        usual = np.mean([np.mean([edges(p.crop) for p in faces]) for faces in group])
        bare = rounded(mean)
        found.append(
            {
                "bare": edges(bare) / usual,
                "composite": edges(picture) / usual,
                "misfit": fit(chosen, mean),
                **dict(zip(("mean", "choose", "made"), np.diff(clock), strict=True)),
            }
        )
        small = np.asarray(Image.fromarray(chosen.crop_u8).resize((CROP_SIZE, CROP_SIZE)))
        pictures += [bare, small, picture]
    ratios = [f["composite"] for f in found]
    row = {
        "members": members,
        "donors": donors,
        "k": k,
        "groups": groups,
        "bare": float(np.mean([f["bare"] for f in found])),
        "composite": float(np.mean(ratios)),
        "lowest": float(min(ratios)),
        "highest": float(max(ratios)),
        "misfit": float(np.median([f["misfit"] for f in found])),
        "mean_seconds": float(np.median([f["mean"] for f in found])),
        "choose_seconds": float(np.median([f["choose"] for f in found])),
        "composite_seconds": float(np.median([f["made"] for f in found])),
    }
    return row, pictures


def draw(
    portraits: list[Portrait], gender: str, expression: str, k: int, rng: np.random.Generator
) -> list[list[Portrait]]:
    """The fitting photos of k people of one gender."""
    fitting = [p for p in portraits if p.gender == gender and p.expression == expression]
    subjects = rng.choice(sorted({p.subject for p in fitting}), k, replace=False)
    return [[p for p in fitting if p.subject == s] for s in subjects]


def load(
    folder: Path, screened: int, rng: np.random.Generator
) -> tuple[dict[str, list[Portrait]], dict[str, dict[str, int]]]:
    """Portraits by set (the first folder of their path), and what the screening said of donors."""
    truth = np.load(folder / "landmarks.npz")
    rows = {str(f): i for i, f in enumerate(truth["files"])}
    with (folder / "labels.csv").open(encoding="utf-8", newline="") as file:
        labels = [r for r in csv.DictReader(file) if r["file"] in rows]
    sets: dict[str, list[dict[str, str]]] = {}
    for label in labels:
        sets.setdefault(label["file"].split("/")[0], []).append(label)
    people: dict[str, list[Portrait]] = {}
    counts: dict[str, dict[str, int]] = {}
    for name, entries in sets.items():
        tried = set(rng.permutation(len(entries))[:screened].tolist())
        faults: Counter[str] = Counter()
        people[name] = []
        for number, label in enumerate(entries):
            row = rows[label["file"]]
            with Image.open(folder / label["file"]) as opened:
                photo = np.asarray(opened.convert("RGB"))
            five, mesh = truth["five"][row], truth["mesh468"][row]
            donor = None
            if number in tried:
                donor = as_donor(photo, five, mesh, label)
                fault = screen(donor)
                faults["fit" if fault is None else fault.value] += 1
                donor = donor if fault is None else None
            matrix, shift = similarity(five, HEAD_TEMPLATE)
            points = (mesh @ matrix.T + shift).astype(np.float32)
            people[name].append(
                Portrait(
                    head_crop(photo, five),
                    points,
                    label["subject"],
                    label["gender"],
                    label["expression"],
                    donor,
                )
            )
        counts[name] = dict(faults.most_common())
    return people, counts


def as_donor(
    photo: U8Array, five: FloatArray, mesh: FloatArray, label: dict[str, str]
) -> Donor:
    """Cut at twice the size of a head crop, as four head crops of a quarter each."""
    matrix, shift = similarity(five, 2 * HEAD_TEMPLATE + 0.5)
    back = np.linalg.inv(matrix)
    crop = np.empty((DONOR_SIZE, DONOR_SIZE, 3), np.uint8)
    for x, y in quarters():
        corner = np.array((x, y))
        placed = (HEAD_TEMPLATE + corner - shift) @ back.T
        part = head_crop(photo, placed.astype(np.float32))
        crop[y : y + CROP_SIZE, x : x + CROP_SIZE] = part
    known = {"gender": label["gender"], "expression": label["expression"]}
    return Donor(crop, (mesh @ matrix.T + shift).astype(np.float32), known)


def quarters() -> Iterator[tuple[int, int]]:
    for y in (0, CROP_SIZE):
        for x in (0, CROP_SIZE):
            yield x, y


def edges(picture_u8: U8Array) -> float:
    """Variance of the Laplacian of grey."""
    g = picture_u8 @ np.array([0.299, 0.587, 0.114])
    inner = 4 * g[1:-1, 1:-1] - g[1:-1, :-2] - g[1:-1, 2:] - g[:-2, 1:-1] - g[2:, 1:-1]
    return float(inner.var())


def rounded(mean: ShapeMean) -> U8Array:
    picture: U8Array = np.rint(mean.image_01 * 255).astype(np.uint8)
    return picture


def contact_sheet(pictures: list[U8Array], columns: int) -> Image.Image:
    """Mean, donor, composite of each group, in rows."""
    lines = -(-len(pictures) // columns)
    sheet = Image.new("RGB", (columns * CROP_SIZE, lines * CROP_SIZE))
    for i, picture in enumerate(pictures):
        place = (i % columns * CROP_SIZE, i // columns * CROP_SIZE)
        sheet.paste(Image.fromarray(picture), place)
    return sheet


def machine() -> dict[str, str]:
    return {
        "system": platform.platform(),
        "python": platform.python_version(),
        "torch": torch.__version__,
        "numpy": np.__version__,
        "threads": "1",
    }


def default_folder() -> Path:
    beside = Path(__file__).parent.parent.parent / "shared" / "faces"
    return Path(os.environ.get("KSSGAN_FACES", beside))


if __name__ == "__main__":
    main()
