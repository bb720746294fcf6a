"""Measure a generator on people whom it was not trained on.

    python benchmarks/generator.py faces.safetensors [--weights run/generator.safetensors] [--json FILE]

``faces.safetensors`` is what ``kssgan prepare`` wrote. Random groups of people held out, one gender a
group, give S_g; each is drawn once. Sharpness is the variance of the Laplacian, as a ratio to the median of
the photos held out. "Near copy" and "verifies" count pictures whose nearest photo of a member, or of anybody
trained on, lies closer than the thresholds COPY and FAR_1E3; the last row is for photos held out.
"""

from __future__ import annotations

import argparse
import json
import platform
from pathlib import Path

import numpy as np
import torch

from kssgan import weights
from kssgan.deidentification.methods import GeneratorSurrogate
from kssgan.errors import UnusablePhoto
from kssgan.faces import align, choose, detect, embed, thresholds
from kssgan.faces.landmarks import mean_shape
from kssgan.models.stored import read_generator
from kssgan.surrogate.shape import shape_mean
from kssgan.training.data import laplacian_variance
from kssgan.training.prepared import Prepared, load_prepared
from kssgan.types import FloatArray, IntArray, U8Array

COLUMNS = (
    "sharpness",
    "mean_sharpness",
    "detected",
    "member_near_copy",
    "member_verifies",
    "trained_near_copy",
    "trained_verifies",
    "trained_distance",
)


class Judge:
    """The shipped detector and recogniser, and the photos to compare with."""

    def __init__(self, data: Prepared) -> None:
        self._detector = detect.Detector()
        self._recogniser = embed.Recogniser()
        self._data = data
        self.trained = np.flatnonzero(~data.held_out)
        held = np.flatnonzero(data.held_out)
        self._usual = float(np.median([sharpness(data.crop(int(r))) for r in held]))

    def embedding(self, picture_u8: U8Array) -> FloatArray | None:
        """(128,) of the face in a picture, None where none is found."""
        try:
            face = choose.choose_face(self._detector.detect(picture_u8))
        except UnusablePhoto:
            return None
        chip = align.recogniser_chip(picture_u8, face.points)
        found: FloatArray = self._recogniser.embed(chip[None])[0].copy()
        return found

    def nearest(self, embedding: FloatArray, rows: IntArray) -> float:
        """Distance to the nearest of some photos."""
        return float(np.linalg.norm(self._data.embedding[rows] - embedding, axis=1).min())

    def ratio(self, picture_u8: U8Array) -> float:
        """Sharpness as a ratio to photos."""
        return sharpness(picture_u8) / self._usual


def sharpness(picture_u8: U8Array) -> float:
    """Variance of the Laplacian."""
    picture = torch.from_numpy(picture_u8).permute(2, 0, 1)[None].float() / 255
    return float(laplacian_variance(picture)[0])


def groups(data: Prepared, k: int, count: int, seed: int) -> list[tuple[int, list[IntArray]]]:
    """Gender and photo rows of each member of some groups of people held out."""
    rng = np.random.default_rng([seed, k])
    held = np.flatnonzero(data.held_out)
    genders = data.labels[:, list(data.scheme).index("gender")]
    found = []
    for number in range(count):
        pool = np.unique(data.subject[held[genders[held] == number % 2]])
        chosen = rng.choice(pool, min(k, len(pool)), replace=False)
        found.append((number % 2, [np.flatnonzero(data.subject == s) for s in chosen]))
    return found


def measure(
    data: Prepared, judge: Judge, method: GeneratorSurrogate, k: int, count: int, seed: int
) -> dict[str, float]:
    """Figures of one k."""
    kept: dict[str, list[float]] = {name: [] for name in COLUMNS}
    expressions = [*method.draws.get("expression", ()), "unknown"][:2]
    for number, (gender, members) in enumerate(groups(data, k, count, seed)):
        mean = shape_mean(
            [[(data.crop(int(r)), data.landmarks[r]) for r in rows] for rows in members]
        )
        label = {
            "gender": data.scheme["gender"][gender],
            "expression": expressions[number // 2 % 2],
        }
        picture = method.draw(mean, label, seed=1000 * k + number)
        kept["sharpness"].append(judge.ratio(picture))
        bare = np.rint(mean.image_01 * 255).astype(np.uint8)
        kept["mean_sharpness"].append(judge.ratio(bare))
        embedding = judge.embedding(picture)
        kept["detected"].append(float(embedding is not None))
        if embedding is None:
            continue
        own = judge.nearest(embedding, np.concatenate(members))
        trained = judge.nearest(embedding, judge.trained)
        kept["member_near_copy"].append(own < thresholds.COPY)
        kept["member_verifies"].append(own < thresholds.FAR_1E3)
        kept["trained_near_copy"].append(trained < thresholds.COPY)
        kept["trained_verifies"].append(trained < thresholds.FAR_1E3)
        kept["trained_distance"].append(trained)
    medians = {"sharpness", "mean_sharpness", "trained_distance"}
    return {
        name: float(np.median(v) if name in medians else np.mean(v)) for name, v in kept.items()
    }


def real(data: Prepared, judge: Judge) -> dict[str, float]:
    """The same of photos held out, against everybody trained on."""
    held = np.flatnonzero(data.held_out)
    found = np.array([judge.nearest(data.embedding[r], judge.trained) for r in held])
    return {
        "sharpness": 1.0,
        "trained_near_copy": float((found < thresholds.COPY).mean()),
        "trained_verifies": float((found < thresholds.FAR_1E3).mean()),
        "trained_distance": float(np.median(found)),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("file", type=Path)
    parser.add_argument("--weights", type=Path, help="instead of the shipped generator")
    parser.add_argument("--k", type=int, nargs="+", default=[3, 5, 10, 30])
    parser.add_argument("--groups", type=int, default=24)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", type=Path)
    asked = parser.parse_args()
    torch.set_num_threads(1)
    data = load_prepared(asked.file)
    content = asked.weights.read_bytes() if asked.weights else weights.read("generator")
    method = GeneratorSurrogate(read_generator(content), otherwise=mean_shape())
    judge = Judge(data)
    print("k".ljust(8) + "".join(name.rjust(19) for name in COLUMNS), flush=True)
    rows = {}
    for k in asked.k:
        rows[str(k)] = measure(data, judge, method, k, asked.groups, asked.seed)
        show(str(k), rows[str(k)])
    rows["photos"] = real(data, judge)
    show("photos", rows["photos"])
    if asked.json:
        about = {"machine": platform.machine(), "seed": asked.seed, "groups": asked.groups}
        asked.json.write_text(json.dumps({**about, "rows": rows}, indent=2) + "\n")


def show(name: str, row: dict[str, float]) -> None:
    cells = (f"{row[c]:.3f}" if c in row else "" for c in COLUMNS)
    print(name.ljust(8) + "".join(cell.rjust(19) for cell in cells), flush=True)


if __name__ == "__main__":
    main()
