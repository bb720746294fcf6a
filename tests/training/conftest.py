"""A prepared collection of cartoon faces: landmarks known, no photo and no network needed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch

from kssgan.surrogate._mesh import (
    BROWS,
    CHEEKS,
    EYES,
    FOREHEAD,
    INNER_LIPS,
    NOSE,
    NOSTRILS,
    OUTER_LIPS,
    OVAL,
)
from kssgan.training.crops import pack
from kssgan.training.prepared import Prepared, save_prepared
from kssgan.types import FloatArray, U8Array


def ring(
    points: FloatArray, outline: tuple[int, ...], x: float, y: float, a: float, b: float
) -> None:
    turn = 2 * np.pi * np.arange(len(outline)) / len(outline)
    points[list(outline)] = np.stack([x + a * np.sin(turn), y - b * np.cos(turn)], 1)


def cartoon_mesh(rng: np.random.Generator) -> FloatArray:
    """Points of a face whose proportions vary."""
    w, h = rng.uniform(0.9, 1.1, 2)
    points = np.zeros((468, 2), np.float32)
    points[:] = rng.uniform([90, 110], [166, 210], (468, 2))
    points[1] = 128, 165
    ring(points, OVAL, 128, 158, 58 * w, 74 * h)
    ring(points, FOREHEAD, 128, 105, 12, 6)
    for side, (eye, brow, cheek) in enumerate(zip(EYES, BROWS, CHEEKS, strict=True)):
        x = 128 + (2 * side - 1) * 30 * w
        ring(points, eye, x, 130, 12, 5)
        ring(points, brow, x, 116, 15, 3)
        ring(points, cheek, x, 165, 10, 8)
        points[(33, 263)[side]] = x + (2 * side - 1) * 12, 130
    ring(points, NOSE, 128, 150, 7, 14)
    ring(points, NOSTRILS, 128, 168, 9, 3)
    ring(points, OUTER_LIPS, 128, 193, 22 * w, 9)
    ring(points, INNER_LIPS, 128, 193, 15 * w, 2)
    points[[1, 4]] = [(128, 160), (128, 162)]
    points[[105, 334], 1] = 112
    points[2] = 128, 172
    points[[172, 397]] = [(88, 210), (168, 210)]
    return points


def cartoon(points: FloatArray, rng: np.random.Generator) -> U8Array:
    """A face of one skin tone on a coloured wall, with grain."""
    y, x = np.mgrid[:256, :256].astype(np.float32)
    image = np.tile(rng.uniform(60, 220, 3), (256, 256, 1))
    hair, skin = rng.uniform(20, 120, 3), np.array([200, 150, 125]) * rng.uniform(0.6, 1.15)
    image[((x - 128) / 75) ** 2 + ((y - 140) / 95) ** 2 < 1] = hair
    oval = points[list(OVAL)]
    a, b = (oval[:, 0].max() - oval[:, 0].min()) / 2, (oval[:, 1].max() - oval[:, 1].min()) / 2
    image[((x - 128) / a) ** 2 + ((y - 158) / b) ** 2 < 1] = skin
    for side in (-1, 1):
        image[((x - 128 - 30 * side) / 11) ** 2 + ((y - 130) / 5) ** 2 < 1] = 40
    image[((x - 128) / 20) ** 2 + ((y - 193) / 7) ** 2 < 1] = [170, 70, 70]
    return np.clip(image + rng.normal(0, 6, image.shape), 0, 255).astype(np.uint8)


def collection(people: int = 14, *, held_out: int = 4) -> Prepared:
    """Two photos a person, neutral and happy; every fourth person has no label."""
    crops, meshes, subject, labels = [], [], [], []
    for person in range(people):
        mesh = cartoon_mesh(np.random.default_rng([1, person]))
        for shot in range(2):
            crops.append(pack(cartoon(mesh, np.random.default_rng([2, person, shot]))))
            meshes.append(mesh)
            subject.append(person)
            labels.append((-1 if person % 4 == 3 else shot, person % 2))
    n = len(crops)
    return Prepared(
        crops,
        np.array(subject, np.int64),
        np.stack(meshes),
        np.ones(n, bool),
        np.eye(n, 8, dtype=np.float32),
        {"expression": ("neutral", "happy"), "gender": ("female", "male")},
        np.array(labels, np.int64),
        np.array(subject) >= people - held_out,
        {"made_by": "test"},
    )


@pytest.fixture(scope="session")
def prepared() -> Prepared:
    return collection()


@pytest.fixture(scope="session")
def prepared_file(prepared: Prepared, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("prepared") / "cartoons.safetensors"
    save_prepared(path, prepared)
    return path


@pytest.fixture(scope="session", autouse=True)
def _one_thread() -> Iterator[None]:
    """Equal bytes need equal threads; before any run, so for the session."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)
