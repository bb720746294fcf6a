"""The picture gate: are a generator's pictures sharp, natural and nobody's? And does it see through cheats?

    python benchmarks/picture_gate.py faces.safetensors [--weights run/generator.safetensors] [--seeds 3]
                                      [--json FILE]

``faces.safetensors`` is what ``kssgan prepare`` wrote. Random groups of people held out, one gender a group,
give S_g; each is drawn once. All figures are of those people, whom no network was trained on:

sharpness   variance of the Laplacian, median of the ratio to photos held out
x mean      the same over the bare mean's
peak        highest point of the mean spectrum above its ring, dB over photos' (checkerboards, weaves)
slope       fine over coarse power, dB over photos' (noise and sharpening above, blur below)
kid         kernel distance on the features that ``kssgan.auditing.quality.FEATURES`` names, to the photos
detected    share in which the detector finds one face
own copy    share that is a near copy (distance below COPY) of a member's photo; "own verifies" at FAR 1e-3
trained ..  the same of any photo trained on

Four controls must fail, each made from the same groups: the bare mean with an unsharp mask and with noise,
both as sharp as photos, a member's own photo, and the photo trained on that is nearest to the generator's
picture. One must pass all but "trained copy", since no picture can do better: as many photos of people
trained on, by chance, of the groups' genders. What it has sets the limits where a mean of few people is
nearly a photograph itself. The last column names what a row fails. With several seeds (other groups, other
pictures) a row is their mean, and its limits are those of the means; the JSON has every seed. Exit status 1
when a control passes that must fail, or the reverse.
"""

from __future__ import annotations

import argparse
import json
import platform
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from scipy.ndimage import gaussian_filter

from kssgan import weights
from kssgan.auditing.quality import (
    FEATURES,
    features,
    kernel_distance,
    mean_spectrum,
    sharpness,
    spectrum_peak,
    spectrum_slope,
)
from kssgan.deidentification.methods import GeneratorSurrogate
from kssgan.errors import UnusablePhoto
from kssgan.faces import align, choose, detect, embed, thresholds
from kssgan.faces.landmarks import mean_shape
from kssgan.models.stored import StoredGenerator, read_generator
from kssgan.surrogate.shape import ShapeMean, shape_mean
from kssgan.training.data import Photos, learnt_donors
from kssgan.training.prepared import Prepared, load_prepared
from kssgan.types import CROP_SIZE, FloatArray, IntArray, U8Array

SHARP = (0.8, 1.3)
TIMES_MEAN = 4.0
"""At least; the lowest sharpness where photographs have less than five times the mean's."""
PEAK = 4.0
SLOPE = (-6.0, 3.0)
KID = (1 / 3, 1 / 2)
"""Of the bare mean's, and of what an unsharp mask makes of it; never less than photographs have."""
DEVIATIONS = 1.5
"""Of the photographs' kernel distance, within which it cannot be told from theirs. Near 0 the jackknife's is
too large by up to the root of two, so that these are two."""

COLUMNS = {
    "sharpness": "sharpness",
    "times_mean": "x mean",
    "peak": "peak",
    "slope": "slope",
    "kid": "kid",
    "detected": "detected",
    "own_copy": "own copy",
    "own_verifies": "own verifies",
    "trained_copy": "trained copy",
    "trained_verifies": "trained verifies",
}

_DRAWN = ("generator", "photos")
_MUST_FAIL = ("unsharp", "noise", "member photo", "trained photo")
_PER_ROW = 12
Row = dict[str, float]


class Judge:
    """Detector, recogniser and the photos to compare with."""

    def __init__(self, data: Prepared) -> None:
        self._detector = detect.Detector()
        self._recogniser = embed.Recogniser()
        self._data = data
        self.trained = np.flatnonzero(~data.held_out)
        self.held = np.flatnonzero(data.held_out)
        photos = [data.crop(int(row)) for row in self.held]
        self.features = features(photos)
        self.usual = float(np.median([sharpness(photo) for photo in photos]))
        spectrum = mean_spectrum(photos)
        self._peak, self._slope = spectrum_peak(spectrum), spectrum_slope(spectrum)

    def nearest(self, embedding: FloatArray, rows: IntArray) -> tuple[float, int]:
        """Distance to the nearest of some photos, and which it is."""
        apart = np.linalg.norm(self._data.embedding[rows] - embedding, axis=1)
        return float(apart.min()), int(rows[apart.argmin()])

    def embedding(self, picture_u8: U8Array) -> FloatArray | None:
        """(128,) of the face in a picture, None where none is found."""
        chip = self.chip(picture_u8)
        if chip is None:
            return None
        found: FloatArray = self._recogniser.embed(chip[None])[0].copy()
        return found

    def chip(self, picture_u8: U8Array) -> U8Array | None:
        """The face as the recogniser wants it, None where none is found."""
        try:
            face = choose.choose_face(self._detector.detect(picture_u8))
        except UnusablePhoto:
            return None
        return align.recogniser_chip(picture_u8, face.points)

    def figures(self, pictures: Sequence[U8Array], members: Sequence[IntArray]) -> Row:
        """All but ``times_mean``; ``members`` are the photo rows of each picture's group."""
        spectrum = mean_spectrum(pictures)
        own, trained = [], []
        for picture, rows in zip(pictures, members, strict=True):
            embedding = self.embedding(picture)
            if embedding is not None:
                own.append(self.nearest(embedding, rows)[0])
                trained.append(self.nearest(embedding, self.trained)[0])
        distance = kernel_distance(features(pictures), self.features, scale=self.features)
        found = {
            "sharpness": float(np.median([sharpness(p) for p in pictures])) / self.usual,
            "peak": spectrum_peak(spectrum) - self._peak,
            "slope": spectrum_slope(spectrum) - self._slope,
            "kid": distance.value,
            "kid_deviation": distance.deviation,
            "detected": len(own) / len(pictures),
        }
        for name, far in (("own", np.array(own)), ("trained", np.array(trained))):
            found[f"{name}_copy"] = float((far < thresholds.COPY).sum() / len(pictures))
            found[f"{name}_verifies"] = float((far < thresholds.FAR_1E3).sum() / len(pictures))
            found[f"{name}_distance"] = float(np.median(far)) if far.size else float("nan")
        return found


def failures(row: Row, rows: Mapping[str, Row]) -> list[str]:
    """What a row of those of one k fails, by the limits at the top of this file."""
    photos = rows["photos"]
    highest = max(
        min(KID[0] * rows["mean"]["kid"], KID[1] * rows["unsharp"]["kid"]),
        photos["kid"] + DEVIATIONS * photos["kid_deviation"],
    )
    checks = {
        "sharpness": SHARP[0] <= row["sharpness"] <= SHARP[1],
        "x mean": row["times_mean"] >= min(TIMES_MEAN, SHARP[0] * photos["times_mean"]),
        "peak": row["peak"] <= PEAK,
        "slope": SLOPE[0] <= row["slope"] <= SLOPE[1],
        "kid": row["kid"] <= highest,
        "detected": row["detected"] == 1,
        "own copy": row["own_copy"] == 0,
        "trained copy": row["trained_copy"] == 0,
    }
    return [name for name, kept in checks.items() if not kept]


def groups(
    data: Prepared, k: int, count: int, seed: int, *, whole: bool = False
) -> list[tuple[int, list[IntArray]]]:
    """Gender and photo rows of each member of some groups of people held out.

    With too few people of a gender a group has all of them, or, where ``whole``, there is none.
    """
    rng = np.random.default_rng([seed, k])
    held = np.flatnonzero(data.held_out)
    genders = data.labels[:, list(data.scheme).index("gender")]
    found = []
    for number in range(count):
        pool = np.unique(data.subject[held[genders[held] == number % 2]])
        if whole and len(pool) < k:
            continue
        chosen = rng.choice(pool, min(k, len(pool)), replace=False)
        found.append((number % 2, [np.flatnonzero(data.subject == s) for s in chosen]))
    return found


def mean_of(data: Prepared, people: Sequence[IntArray]) -> ShapeMean:
    """S_g of people, each given by the rows of their photos."""
    return shape_mean(
        [[(data.crop(int(r)), data.landmarks[r]) for r in rows] for rows in people]
    )


@dataclass(frozen=True)
class DrawnGroup:
    """A group of people held out and its picture.

    Attributes:
        gender: number of the category.
        people: photo rows of each member.
        mean: S_g.
        picture_u8: (256, 256, 3) what was drawn.
    """

    gender: int
    people: Sequence[IntArray]
    mean: ShapeMean
    picture_u8: U8Array


def drawn_groups(
    data: Prepared, method: GeneratorSurrogate, k: int, count: int, seed: int
) -> Iterator[DrawnGroup]:
    """Groups as :func:`groups` makes them, each drawn once: two neutral, two happy, in turn."""
    expressions = [*method.draws.get("expression", ()), "unknown"][:2]
    for number, (gender, people) in enumerate(groups(data, k, count, seed)):
        mean = mean_of(data, people)
        label = {
            "gender": data.scheme["gender"][gender],
            "expression": expressions[number // 2 % 2],
        }
        drawn = method.draw(mean, label, seed=1_000_000 * seed + 1000 * k + number)
        yield DrawnGroup(gender, people, mean, drawn)


def as_sharp(change: Callable[[float], U8Array], wanted: float) -> U8Array:
    """The change whose strength makes a picture as sharp as wanted, by bisection."""
    low, high = 0.0, 64.0
    for _ in range(16):
        middle = (low + high) / 2
        low, high = (low, middle) if sharpness(change(middle)) > wanted else (middle, high)
    return change(high)


def unsharp(picture_u8: U8Array, wanted: float) -> U8Array:
    """An unsharp mask of 1.5 pixels."""
    blurred = gaussian_filter(picture_u8.astype(np.float64), (1.5, 1.5, 0))
    return as_sharp(lambda amount: _u8(picture_u8 + amount * (picture_u8 - blurred)), wanted)


def noisy(picture_u8: U8Array, wanted: float, seed: int) -> U8Array:
    """Grey Gaussian noise, slightly smoothed as of a camera."""
    noise = np.random.default_rng(seed).normal(size=(*picture_u8.shape[:2], 1))
    noise = gaussian_filter(noise, (0.6, 0.6, 0))
    noise /= noise.std()
    return as_sharp(lambda amount: _u8(picture_u8 + amount * noise), wanted)


def _u8(picture: FloatArray) -> U8Array:
    found: U8Array = np.clip(np.rint(picture), 0, 255).astype(np.uint8)
    return found


def measure(
    data: Prepared, judge: Judge, method: GeneratorSurrogate, k: int, count: int, seed: int
) -> tuple[Mapping[str, Row], U8Array]:
    """Figures of the generator, the bare mean and the four controls at one k; means above pictures."""
    pictures: dict[str, list[U8Array]] = {name: [] for name in (*_DRAWN, "mean", *_MUST_FAIL)}
    members = []
    rng = np.random.default_rng([seed, k, 1])
    genders = data.labels[judge.trained, list(data.scheme).index("gender")]
    for number, group in enumerate(drawn_groups(data, method, k, count, seed)):
        drawn = group.picture_u8
        bare = np.rint(group.mean.image_01 * 255).astype(np.uint8)
        embedding = judge.embedding(drawn)
        near = judge.nearest(embedding, judge.trained)[1] if embedding is not None else 0
        pictures["generator"].append(drawn)
        pictures["mean"].append(bare)
        pictures["unsharp"].append(unsharp(bare, judge.usual))
        pictures["noise"].append(noisy(bare, judge.usual, number))
        pictures["member photo"].append(data.crop(int(group.people[0][0])))
        pictures["trained photo"].append(data.crop(near))
        other = rng.choice(judge.trained[genders == group.gender])
        pictures["photos"].append(data.crop(int(other)))
        members.append(np.concatenate(group.people))
    found = {name: judge.figures(made, members) for name, made in pictures.items()}
    for row in found.values():
        row["times_mean"] = row["sharpness"] / found["mean"]["sharpness"]
    return found, contact_sheet(pictures["mean"], pictures["generator"])


def mean_row(rows: Sequence[Row]) -> Row:
    """Mean of each figure over seeds, and the deviation of the mean."""
    found = {name: float(np.mean([row[name] for row in rows])) for name in rows[0]}
    found["kid_deviation"] = float(
        np.linalg.norm([row["kid_deviation"] for row in rows])
    ) / len(rows)
    return found


def contact_sheet(above: Sequence[U8Array], below: Sequence[U8Array]) -> U8Array:
    """Pairs, twelve in a row."""
    strips = []
    for start in range(0, len(above), _PER_ROW):
        pair = [
            np.concatenate(list(row[start : start + _PER_ROW]), 1) for row in (above, below)
        ]
        strip = np.concatenate(pair)
        missing = _PER_ROW * CROP_SIZE - strip.shape[1]
        strips.append(np.pad(strip, ((0, 0), (0, missing), (0, 0)), constant_values=255))
    return np.concatenate(strips)


def arguments(description: str) -> argparse.ArgumentParser:
    """What every benchmark of a generator is told."""
    parser = argparse.ArgumentParser(
        description=description, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("file", type=Path)
    parser.add_argument("--weights", type=Path, help="instead of the shipped generator")
    parser.add_argument("--k", type=int, nargs="+", default=[3, 5, 10, 30])
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", type=Path)
    return parser


def asked_generator(file: Path | None) -> StoredGenerator:
    """The generator in a file, or the shipped one."""
    return read_generator(file.read_bytes() if file else weights.read("generator"))


def trained_photos(stored: StoredGenerator, data: Prepared) -> Photos:
    """A collection with the donors whose heads a generator has learnt; ends where it is another one."""
    photos = Photos(data, torch.device("cpu"))
    photos.keep_donors(learnt_donors(stored, data))
    if not len(photos.donors):
        raise SystemExit("this generator was not trained on that file")
    return photos


def main() -> int:
    parser = arguments(__doc__)
    parser.add_argument("--groups", type=int, default=24)
    parser.add_argument("--seeds", type=int, default=1, help="how many, from --seed up")
    parser.add_argument(
        "--sheet",
        type=Path,
        metavar="FILE.png",
        help="means above pictures, to look at: keep it secret",
    )
    asked = parser.parse_args()
    torch.set_num_threads(1)
    data = load_prepared(asked.file)
    method = GeneratorSurrogate(asked_generator(asked.weights), otherwise=mean_shape())
    judge = Judge(data)
    print("k".ljust(18) + "".join(name.rjust(17) for name in COLUMNS.values()) + "  fails")
    everything, blind, sheets = {}, [], []
    for k in asked.k:
        each = []
        for seed in range(asked.seed, asked.seed + asked.seeds):
            rows, sheet = measure(data, judge, method, k, asked.groups, seed)
            each.append(rows)
            sheets.append(sheet)
        rows = {name: mean_row([of_one[name] for of_one in each]) for name in each[0]}
        for name, row in rows.items():
            failed = failures(row, rows)
            cells = "".join(f"{row[column]:.3f}".rjust(17) for column in COLUMNS)
            print(
                f"{k} {name}".ljust(18) + cells + "  " + (", ".join(failed) or "-"), flush=True
            )
            everything[f"{k} {name}"] = {**row, "fails": failed}
            if asked.seeds > 1:
                everything[f"{k} {name}"]["seeds"] = [of_one[name] for of_one in each]
            if name in _MUST_FAIL and not failed:
                blind.append(f"{k} {name} passed")
            if name == "photos" and set(failed) - {"trained copy"}:
                blind.append(f"{k} {name} failed")
    if asked.sheet:
        Image.fromarray(np.concatenate(sheets)).save(asked.sheet)
    if asked.json:
        about = {
            "machine": platform.machine(),
            "seed": asked.seed,
            "seeds": asked.seeds,
            "groups": asked.groups,
            "features": FEATURES,
        }
        asked.json.write_text(json.dumps({**about, "rows": everything}, indent=2) + "\n")
    if blind:
        print(f"the gate is blind: {', '.join(blind)}", file=sys.stderr)
    return 1 if blind else 0


if __name__ == "__main__":
    sys.exit(main())
