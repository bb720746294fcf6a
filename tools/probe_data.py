"""Faces and labels for the probes: what the recogniser makes of each photo as the program itself cuts it.

Reads the folder of public faces (``labels.csv`` and photos). Each face is seen in several *views*: as it is,
mirrored, and twice spoiled (turned, blurred, reduced, darkened, compressed), so that a probe does not learn
one camera. Nothing here is shipped.
"""

from __future__ import annotations

import csv
import hashlib
import io
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageEnhance, ImageFilter

from kssgan.errors import UnusablePhoto
from kssgan.faces.align import head_crop, recogniser_chip
from kssgan.faces.attributes import PROBES
from kssgan.faces.choose import choose_face
from kssgan.faces.decode import open_photo
from kssgan.faces.detect import Detector
from kssgan.faces.embed import Recogniser
from kssgan.faces.landmarks import Landmarker
from kssgan.grouping.attributes import understand
from kssgan.types import BoolArray, FloatArray, IntArray, U8Array

__all__ = ["VIEWS", "Faces", "data_digest", "read_faces"]

VIEWS = ("plain", "mirrored", "spoiled", "spoiled again")


@dataclass(frozen=True)
class Faces:
    """N faces in V views.

    Attributes:
        embeddings: (V, N, 128).
        maps: (V, N, 128 * 5 * 4).
        points: (N, 468, 2) dense landmarks in pixels of the head crop.
        reliable: (N,) whether they are to be used.
        subjects: (N,) the person on each photo.
        sources: (N,) the collection it comes from.
        ethnicities: (N,) as the collection says, "" where it does not.
        targets: by attribute, (N,) category numbers, -1 where unknown.
        refused: photos in which no single face was found.
    """

    embeddings: FloatArray
    maps: FloatArray
    points: FloatArray
    reliable: BoolArray
    subjects: npt.NDArray[np.str_]
    sources: npt.NDArray[np.str_]
    ethnicities: npt.NDArray[np.str_]
    targets: dict[str, IntArray]
    refused: int

    def features(self, attribute: str) -> FloatArray:
        """(V, N, F) what the probe of that attribute looks at."""
        return self.maps if PROBES[attribute].features == "map" else self.embeddings


def read_faces(folder: Path, *, seed: int = 0, kept: Path | None = None) -> Faces:
    """Look at every photo.

    Args:
        folder: with ``labels.csv``: file, subject, expression, gender, age, ethnicity.
        seed: of the spoiled views.
        kept: file that remembers the features (private: they are biometric); made if absent.
    """
    with (folder / "labels.csv").open(encoding="utf-8", newline="") as handle:
        table = list(csv.DictReader(handle))
    if kept is not None and kept.exists():
        with np.load(kept) as stored:
            if int(stored["seed"]) != seed:
                raise SystemExit(f"{kept} was made with another seed; remove it")
            looked = {name: stored[name] for name in stored.files}
    else:
        looked = _look(folder, [row["file"] for row in table], seed)
        if kept is not None:
            np.savez(kept, **looked)  # type: ignore[arg-type]
    rows = [table[int(row)] for row in looked["rows"]]
    targets = {
        name: np.array([_target(name, kind.categories, row) for row in rows], np.int64)
        for name, kind in PROBES.items()
    }
    return Faces(
        looked["embeddings"],
        looked["maps"].reshape(len(VIEWS), len(rows), -1),
        looked["points"],
        looked["reliable"],
        np.array([row["subject"] for row in rows]),
        np.array([row["file"].partition("/")[0] for row in rows]),
        np.array([row["ethnicity"] for row in rows]),
        targets,
        len(table) - len(rows),
    )


def _target(attribute: str, categories: tuple[str, ...], row: dict[str, str]) -> int:
    category = understand(attribute, row[attribute])
    return categories.index(category) if category in categories else -1


def _look(folder: Path, files: list[str], seed: int) -> dict[str, npt.NDArray[np.generic]]:
    detector, recogniser = Detector(), Recogniser()
    rows, chips, crops = [], [], []
    for row, name in enumerate(files):
        try:
            photo = open_photo(folder / name)
            five = choose_face(detector.detect(photo)).points
            chips.append(recogniser_chip(photo, five))
            crops.append(head_crop(photo, five))
        except UnusablePhoto:
            continue
        rows.append(row)
    plain = np.stack(chips)
    mirrored = np.ascontiguousarray(plain[:, :, ::-1])
    rng = np.random.default_rng(seed)
    views = [plain, mirrored] + [np.stack([_spoiled(c, rng) for c in plain]) for _ in range(2)]
    seen = [recogniser.embed_with_maps(view) for view in views]
    fit = Landmarker().locate(np.stack(crops))
    return {
        "rows": np.array(rows, np.int64),
        "embeddings": np.stack([embeddings for embeddings, _ in seen]),
        "maps": np.stack([maps for _, maps in seen]),
        "points": fit.points,
        "reliable": fit.reliable,
        "seed": np.array(seed),
    }


def _spoiled(chip_u8: U8Array, rng: np.random.Generator) -> U8Array:
    """The chip as a worse camera and a worse alignment would give it."""
    picture = Image.fromarray(chip_u8)
    side = picture.width
    if rng.random() < 0.5:
        picture = picture.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    picture = picture.rotate(
        rng.normal(0, 4),
        resample=Image.Resampling.BICUBIC,
        translate=tuple(rng.normal(0, 3, 2).tolist()),
    )
    if rng.random() < 0.5:
        picture = picture.filter(ImageFilter.GaussianBlur(rng.uniform(0, 2)))
    if rng.random() < 0.5:
        less = int(rng.uniform(35, 100))
        picture = picture.resize((less, less), Image.Resampling.BICUBIC)
        picture = picture.resize((side, side), Image.Resampling.BICUBIC)
    picture = ImageEnhance.Brightness(picture).enhance(float(np.exp(rng.normal(0, 0.3))))
    picture = ImageEnhance.Contrast(picture).enhance(float(np.exp(rng.normal(0, 0.2))))
    picture = ImageEnhance.Color(picture).enhance(float(rng.choice([1, 1, 1, 0, 0.5])))
    light = np.asarray(picture, np.float64) * np.exp(rng.normal(0, 0.1, 3))
    light += rng.normal(0, rng.choice([0, 0, 6]), light.shape)
    file = io.BytesIO()
    Image.fromarray(light.clip(0, 255).astype(np.uint8)).save(
        file, "JPEG", quality=int(rng.uniform(20, 95))
    )
    return np.asarray(Image.open(file).convert("RGB"))


def data_digest(folder: Path) -> str:
    """SHA-256 over the labels and every photo, in the order of the labels."""
    sha = hashlib.sha256()
    with (folder / "labels.csv").open(encoding="utf-8", newline="") as handle:
        files = [row["file"] for row in csv.DictReader(handle)]
    for name in ["labels.csv", *files]:
        sha.update((folder / name).read_bytes())
    return sha.hexdigest()
