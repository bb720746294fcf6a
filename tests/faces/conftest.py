"""A face drawn with a few ellipses, whose points are known exactly; and the real photos where they are."""

from __future__ import annotations

import csv
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image, ImageDraw, ImageFilter

# Left eye, right eye, nose tip, mouth corners of the drawing at 512 pixels.
DRAWN_POINTS = np.array(
    [(214, 250), (298, 250), (256, 305), (222, 346), (290, 346)], np.float64
)


def draw_face(
    size: int = 512,
    *,
    skin: tuple[int, int, int] = (205, 160, 135),
    hair: tuple[int, int, int] = (60, 40, 30),
    mouth: float = 10.0,
) -> np.ndarray:
    big = 512
    image = Image.new("RGB", (big, big), (90, 110, 130))

    def spot(x: float, y: float, rx: float, ry: float, colour: tuple[int, int, int]) -> None:
        pen.ellipse([x - rx, y - ry, x + rx, y + ry], fill=colour)

    pen = ImageDraw.Draw(image)
    spot(256, 215, 120, 150, hair)
    spot(256, 560, 220, 130, (70, 70, 90))
    pen.rectangle([215, 330, 297, 450], fill=tuple(int(v * 0.8) for v in skin))
    spot(256, 270, 98, 132, skin)
    image = Image.fromarray((np.asarray(image) * _shade(big)).clip(0, 255).astype(np.uint8))
    pen = ImageDraw.Draw(image)
    for x in (214, 298):
        spot(x, 250, 20, 9, (225, 215, 205))
        spot(x, 250, 9, 9, (60, 40, 30))
        spot(x, 250, 4, 4, (10, 10, 10))
        pen.arc([x - 22, 238, x + 22, 262], 180, 360, fill=(50, 30, 25), width=4)
        pen.arc([x - 28, 218, x + 28, 250], 205, 335, fill=hair, width=7)
    for x in (245, 267):
        spot(x, 312, 6, 4, (110, 70, 60))
    spot(256, 346, 34, mouth, (165, 85, 85))
    pen.line([(222, 346), (290, 346)], fill=(100, 40, 40), width=3)
    image = image.filter(ImageFilter.GaussianBlur(2))
    if size != big:
        image = image.resize((size, size), Image.Resampling.LANCZOS)
    return np.asarray(image)


def _shade(side: int) -> np.ndarray:
    """Light and shadow on the face: sockets, nose, cheeks, chin."""
    y, x = np.mgrid[:side, :side]
    oval = ((x - 256) / 98) ** 2 + ((y - 270) / 132) ** 2
    light = 1 - 0.28 * np.clip(oval, 0, 1) ** 2
    for strength, cx, cy, sx, sy in (
        (-0.35, 214, 243, 34, 20),
        (-0.35, 298, 243, 34, 20),
        (0.12, 256, 285, 10, 45),
        (-0.18, 236, 290, 8, 30),
        (-0.18, 276, 290, 8, 30),
        (-0.25, 256, 316, 22, 7),
        (0.10, 205, 300, 25, 22),
        (0.10, 307, 300, 25, 22),
        (-0.20, 256, 368, 26, 7),
        (0.08, 256, 200, 50, 30),
    ):
        light = light + strength * np.exp(-(((x - cx) / sx) ** 2) - ((y - cy) / sy) ** 2)
    return np.where(oval <= 1, light, 1)[..., None]


@pytest.fixture(scope="session")
def draw() -> Callable[..., np.ndarray]:
    return draw_face


@pytest.fixture(scope="session")
def drawn_points() -> np.ndarray:
    return DRAWN_POINTS.copy()


@pytest.fixture(scope="session")
def detector() -> Any:
    from kssgan.faces.detect import Detector

    return Detector()


@pytest.fixture(scope="session")
def recogniser() -> Any:
    from kssgan.faces.embed import Recogniser

    return Recogniser()


@pytest.fixture(scope="session")
def analyser() -> Any:
    from kssgan.faces.analyse import StandardAnalyser

    return StandardAnalyser()


@pytest.fixture(scope="session")
def real_faces() -> tuple[Path, list[dict[str, str]]]:
    root = Path(__file__).parents[2]
    folder = Path(os.environ.get("KSSGAN_FACES", root.parent / "shared" / "faces"))
    if not (folder / "labels.csv").is_file():
        pytest.skip("real photos are not here; KSSGAN_FACES names their folder")
    with (folder / "labels.csv").open(encoding="utf-8", newline="") as file:
        return folder, list(csv.DictReader(file))


@pytest.fixture(autouse=True)
def _one_thread() -> Any:
    # Tests run side by side; threads that wait for each other on busy cores take minutes.
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)
