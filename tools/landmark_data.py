"""Faces and truth for the landmark network: canvases around each head, and the subject-disjoint split.

Reads the folder of public faces (``labels.csv``, ``landmarks.npz``, photos). A *canvas* is a head crop with
wide margins, so that rolled, shifted and scaled crops can be cut from it. Nothing here is shipped.
"""

from __future__ import annotations

import csv
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image
from scipy.optimize import linear_sum_assignment

from kssgan.faces.align import HEAD_TEMPLATE, similarity
from kssgan.types import BoolArray, FloatArray, IntArray, U8Array

__all__ = ["Canvases", "cut_canvases", "data_digest", "held_out", "mirror_order"]

_MARGIN = 112  # canvas pixels (of a crop's size) around the 256 px crop on every side


@dataclass(frozen=True)
class Canvases:
    """Wide head pictures with their truth.

    Attributes:
        images: (N, 4, S, S) uint8: RGB with edges repeated outside the photo, and 255 where the photo is.
        points: (N, 468, 2) truth in canvas pixels.
        origin: canvas pixel of the head crop's pixel (0, 0).
        scale: canvas pixels per pixel of a head crop.
        london: (N,) whether the photo is of the London set (else Congress).
        subjects: the person on each photo.
    """

    images: U8Array
    points: FloatArray
    origin: float
    scale: float
    london: BoolArray
    subjects: Sequence[str]


def cut_canvases(folder: Path, scale: float, rows: IntArray | None = None) -> Canvases:
    """Cut the canvases of all photos (or of ``rows``) at ``scale`` canvas pixels per crop pixel."""
    truth = np.load(folder / "landmarks.npz")
    with (folder / "labels.csv").open(encoding="utf-8", newline="") as handle:
        table = list(csv.DictReader(handle))
    if [row["file"] for row in table] != truth["files"].tolist():
        raise ValueError("labels.csv and landmarks.npz list different files")
    chosen = np.arange(len(table)) if rows is None else rows
    side = round((256 + 2 * _MARGIN) * scale)
    origin = _MARGIN * scale + (scale - 1) / 2
    images = np.zeros((len(chosen), 4, side, side), dtype=np.uint8)
    points = np.zeros((len(chosen), 468, 2), dtype=np.float32)
    for n, row in enumerate(chosen):
        matrix, shift = similarity(truth["five"][row], HEAD_TEMPLATE * scale + origin)
        points[n] = truth["mesh468"][row] @ matrix.T + shift
        with Image.open(folder / table[row]["file"]) as opened:
            images[n] = _cut(opened.convert("RGB"), matrix, shift, side)
    return Canvases(
        images=images,
        points=points,
        origin=origin,
        scale=scale,
        london=np.array([table[row]["file"].startswith("london/") for row in chosen]),
        subjects=[table[row]["subject"] for row in chosen],
    )


def _cut(
    photo: Image.Image,
    matrix: npt.NDArray[np.float64],
    shift: npt.NDArray[np.float64],
    side: int,
) -> U8Array:
    size = float(np.hypot(matrix[0, 0], matrix[1, 0]))
    # Shrink first, so that no pixel is skipped; edges repeat as in a head crop.
    step = max(1, int(1 / size))
    small = np.asarray(photo.reduce(step))
    pad = round(side / size / step) + 2
    margins = ((pad, pad), (pad, pad))
    bands = [np.pad(small[:, :, c], margins, mode="edge") for c in range(3)]
    bands.append(np.pad(np.full(small.shape[:2], 255, np.uint8), margins))
    # Pillow measures from the corner of a pixel, points from its centre.
    back = np.linalg.inv(matrix)
    corner = back @ (-shift - 0.5) + 0.5
    data = np.column_stack([back / step, corner / step + pad])
    cut = [
        Image.fromarray(band).transform(
            (side, side), Image.Transform.AFFINE, tuple(data.ravel()), Image.Resampling.BICUBIC
        )
        for band in bands
    ]
    return np.stack([np.asarray(band) for band in cut])


def held_out(subjects: Sequence[str], *, seed: int = 0, share: float = 0.2) -> BoolArray:
    """Say which photos are of a held-out subject: a hash of seed and subject below ``share``."""
    below = [
        int(hashlib.sha256(f"{seed}:{name}".encode()).hexdigest()[:8], 16) / 2**32 < share
        for name in subjects
    ]
    return np.array(below)


def mirror_order(points: FloatArray) -> IntArray:
    """Which point of the mesh is the mirror image of which, found from shapes alone.

    Every shape is mirrored about its own middle line; the optimal assignment between means over several
    subsets of shapes decides. ``order`` satisfies ``mirrored = flipped[order]`` and is its own inverse.

    Args:
        points: (N, 468, 2) upright shapes.

    Raises:
        ValueError: the assignment is no involution, so the shapes are not of a symmetric mesh.
    """
    width = np.linalg.norm(points[:, 33] - points[:, 263], axis=1)[:, None, None]
    shapes = (points - points.mean(1, keepdims=True)) / width
    opening = np.linalg.norm(shapes[:, 13] - shapes[:, 14], axis=1)
    height = shapes[:, 152, 1] - shapes[:, 10, 1]
    parts = []
    for measure in (opening, height):
        ranks = np.argsort(measure)
        parts += [shapes[chosen].mean(0) for chosen in np.array_split(ranks, 3)]
    plain = np.stack(parts, axis=1)
    mirrored = plain * np.array([-1, 1], dtype=np.float32)
    cost = ((plain[:, None] - mirrored[None]) ** 2).sum((2, 3))
    order: IntArray = linear_sum_assignment(cost)[1].astype(np.int64)
    if not np.array_equal(order[order], np.arange(len(order))):
        raise ValueError("mirroring the mean shape gave no involution")
    return order


def data_digest(folder: Path) -> str:
    """SHA-256 over the truth, the labels and every photo, in the order of the labels."""
    sha = hashlib.sha256()
    with (folder / "labels.csv").open(encoding="utf-8", newline="") as handle:
        files = [row["file"] for row in csv.DictReader(handle)]
    for name in ["labels.csv", "landmarks.npz", *files]:
        sha.update((folder / name).read_bytes())
    return sha.hexdigest()
