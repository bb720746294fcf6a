"""Read the London photos for the model of synthetic people: landmarks aligned, wall cut away, warped."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image
from scipy import ndimage
from scipy.interpolate import RBFInterpolator

from kssgan.testing._people_model import GRID

Array = npt.NDArray[np.float64]
PEOPLE = 102
READ = 512
FINE = 288
MESH = 468
# Points of the London template that the mesh lacks: pupils, ears, hairline, hair, neck.
BEYOND = (0, 1, *range(115, 125), *range(135, 158), 183, 184)
FRAME = (153.3, 122.0, 720.0)  # left, top, side of the model's square in the 1024 px photos


@dataclass(frozen=True, slots=True)
class Training:
    """What is known of the photos, neutral ones first, then the smiling ones of the same people."""

    files: tuple[Path, ...]
    points: Array
    gender: tuple[str, ...]
    age: Array


def read_training(faces: Path) -> Training:
    with (faces / "labels.csv").open(encoding="utf-8", newline="") as file:
        rows = {row["file"]: row for row in csv.DictReader(file)}
    stored = np.load(faces / "landmarks.npz")
    number = {str(name): i for i, name in enumerate(stored["files"])}
    mesh, template = stored["mesh468"].astype(float), stored["tem189"].astype(float)
    neutral = [str(name) for name in stored["files"][:PEOPLE]]
    smiling = [name.replace("/neutral/", "/happy/") for name in neutral]
    points = [np.vstack([mesh[i], template[i][list(BEYOND)]]) for i in range(PEOPLE)]
    still = mesh[:PEOPLE, :, 1].mean(axis=0)
    still_points = np.flatnonzero(
        still < np.percentile(still, 55)
    )  # brows and eyes, not the mouth
    for i, name in enumerate(smiling):
        # The template was placed on neutral photos: ears and hair follow the still part of the mesh.
        j = number[name]
        move = similarity(mesh[i][still_points], mesh[j][still_points])
        points.append(np.vstack([mesh[j], move(template[i][list(BEYOND)])]))
    ages = [rows[name]["age"] for name in neutral]
    return Training(
        files=tuple(faces / name for name in neutral + smiling),
        points=np.array(points),
        gender=tuple(rows[name]["gender"] for name in neutral),
        age=np.array([float(age) if age.isdigit() else np.nan for age in ages]),
    )


class similarity:  # noqa: N801 - reads as a function
    """Least-squares turn, scale and shift from ``a`` to ``b``, applied by calling it."""

    def __init__(self, a: Array, b: Array) -> None:
        z, w = (a - a.mean(0)) @ [1, 1j], (b - b.mean(0)) @ [1, 1j]
        self.factor = np.vdot(z, w) / np.vdot(z, z).real
        self.start, self.end = a.mean(0), b.mean(0)

    def __call__(self, points: Array) -> Array:
        """Points moved."""
        z = ((points - self.start) @ [1, 1j]) * self.factor
        return np.asarray(np.stack([z.real, z.imag], -1) + self.end)


def aligned(points: Array) -> Array:
    """All point sets moved onto their mean by the mesh; in grid pixels."""
    mean = points.mean(axis=0)
    for _ in range(4):
        moved = np.array([similarity(p[:MESH], mean[:MESH])(p) for p in points])
        mean = moved.mean(axis=0)
    left, top, side = FRAME
    return np.asarray((moved - [left, top]) * (GRID / side))


def cut_out(path: Path, face: Array) -> tuple[Array, Array]:
    """Colours with the wall painted over by what is nearest to it, and signed distance to the outline."""
    photo = Image.open(path).convert("RGB").resize((READ, READ), Image.Resampling.LANCZOS)
    image = np.asarray(photo).astype(float)
    y, x = np.mgrid[:READ, :READ] / READ - 0.5
    basis = np.stack([np.ones_like(x), x, y, x * x, y * y, x * y], -1)
    wall = np.zeros((READ, READ), bool)
    wall[:30] = wall[:250, :55] = wall[:250, -55:] = True
    fitted = wall
    for _ in range(3):
        factors = np.linalg.lstsq(basis[fitted], image[fitted], rcond=None)[0]
        fitted = wall & (np.abs(image - basis @ factors).max(-1) < 12)
    different = ndimage.gaussian_filter(np.abs(image - basis @ factors).max(-1), 1) > 14
    different = ndimage.binary_closing(different, iterations=2)
    parts, _ = ndimage.label(different)
    person = parts == parts[READ * 19 // 32, READ // 2]
    person = _without_holes(person, face)
    person = ndimage.binary_opening(person, iterations=2)
    sure = ndimage.binary_erosion(person, iterations=4)
    nearest = ndimage.distance_transform_edt(~sure, return_distances=False, return_indices=True)
    around = ndimage.gaussian_filter(image[nearest[0], nearest[1]], (5, 5, 0))
    colours = np.where(sure[..., None], image, around)
    distance = ndimage.distance_transform_edt(person) - ndimage.distance_transform_edt(~person)
    return colours, distance


def _without_holes(person: npt.NDArray[np.bool_], face: Array) -> npt.NDArray[np.bool_]:
    """Fill small holes, and large ones in the shirt, which is as pale as the wall; keep gaps in the hair."""
    closed = np.pad(person, ((0, 1), (0, 0)), constant_values=True)
    holes, count = ndimage.label(ndimage.binary_fill_holes(closed) & ~closed)
    chin = face[:MESH, 1].max() * READ / 1024
    for k in range(1, count + 1):
        rows, _ = np.nonzero(holes == k)
        if rows.size < 150 or rows.mean() > chin + 20:
            closed |= holes == k
    filled: npt.NDArray[np.bool_] = closed[:-1]
    return filled


def unwarped(photo: Array, distance: Array, points: Array, places: Array) -> Array:
    """Colours and outline distance with the landmarks at their mean places, (FINE, FINE, 4)."""
    scale = READ / 1024
    t = np.linspace(-0.1, 1.1, 9) * GRID
    frame = np.array([(u, v) for u in t for v in t if min(u, v) < 0 or max(u, v) > GRID])
    back = similarity(places[:MESH], points[:MESH])
    spline = RBFInterpolator(
        np.vstack([places, frame]),
        np.vstack([points, back(frame)]) * scale,
        kernel="thin_plate_spline",
        smoothing=0.2,
    )
    nodes = 73
    axis = np.linspace(0, GRID, nodes)
    coarse = spline(np.stack(np.meshgrid(axis, axis), -1).reshape(-1, 2)).reshape(
        nodes, nodes, 2
    )
    fine = (np.arange(FINE) + 0.5) / FINE * (nodes - 1)
    at = np.meshgrid(fine, fine, indexing="ij")
    x, y = (ndimage.map_coordinates(coarse[..., k], at, order=1) for k in (0, 1))
    layers = np.dstack([photo, distance])
    return np.stack(
        [
            ndimage.map_coordinates(layers[..., k], [y, x], order=1, mode="nearest")
            for k in range(4)
        ],
        -1,
    )
