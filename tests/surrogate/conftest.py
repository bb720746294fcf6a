"""Painted faces with a mesh, so that nothing here needs a photo."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from PIL import Image, ImageDraw

from kssgan.surrogate import _mesh as mesh
from kssgan.types import FloatArray, U8Array

Painter = Callable[..., tuple[U8Array, FloatArray]]


def _ring(centre: tuple[float, float], radii: tuple[float, float], count: int, start: float):
    angle = start + np.arange(count) * 2 * np.pi / count
    return np.stack(
        [centre[0] + radii[0] * np.cos(angle), centre[1] + radii[1] * np.sin(angle)], 1
    )


def standard_shape() -> FloatArray:
    """A mesh that is roughly a face in a 256 px crop; unnamed points fill the outline evenly."""
    rng = np.random.default_rng(1)
    points = np.full((mesh.POINTS, 2), np.nan)
    points[list(mesh.OVAL)] = _ring((128, 160), (58, 82), 36, -np.pi / 2)
    left_eye = _ring((100, 132), (14, 6), 16, np.pi)
    points[list(mesh.EYES[0])] = left_eye
    points[list(mesh.EYES[1])] = left_eye * (-1, 1) + (256, 0)
    for outline, x in zip(mesh.BROWS, (100.0, 156.0), strict=True):
        line = np.linspace(-17, 17, 5) * (1 if x < 128 else -1)
        points[list(outline[:5])] = np.stack([x + line, np.full(5, 116.0)], 1)
        points[list(outline[5:])] = np.stack([x + line[::-1], np.full(5, 110.0)], 1)
    points[list(mesh.OUTER_LIPS)] = _ring((128, 193), (27, 11), 20, np.pi)
    points[list(mesh.INNER_LIPS)] = _ring((128, 193), (22, 4), 20, np.pi)
    for cheek, x in zip(mesh.CHEEKS, (92.0, 164.0), strict=True):
        points[list(cheek)] = _ring((x, 162), (12, 10), 7, 0.3)
    nose = [(128, 134), (121, 140), (119, 150), (126, 160), (122, 166), (124, 170)]
    nose += [(128, 172), (132, 170), (134, 166), (130, 160), (137, 150), (135, 140)]
    points[list(mesh.NOSE)] = nose
    points[list(mesh.NOSTRILS)] = [
        (118, 174), (122, 176), (128, 177), (134, 176), (138, 174), (141, 170), (128, 173), (115, 170)
    ]  # fmt: skip
    points[list(mesh.FOREHEAD)] = [
        (112, 98), (128, 96), (144, 98), (136, 112), (128, 116), (120, 112)
    ]  # fmt: skip
    points[1] = (128, 171)
    points[list(mesh.BEARD)] = _ring((128, 216), (16, 8), len(mesh.BEARD), 0.1)
    for i in np.flatnonzero(np.isnan(points[:, 0])):
        while True:
            place = rng.uniform((72, 80), (184, 240))
            near = np.nanmin(np.hypot(*(points - place).T))
            if ((place - (128, 160)) ** 2 / (54**2, 78**2)).sum() < 1 and near > 1.0:
                points[i] = place
                break
    return points.astype(np.float32)


@pytest.fixture(scope="session")
def shape() -> FloatArray:
    return standard_shape()


@pytest.fixture(scope="session")
def paint() -> Painter:
    """Paints a head whose features lie where its points say; ``seed`` moves the points and the colours."""

    def painted(
        seed: int = 0,
        *,
        size: int = 256,
        skin: tuple[int, int, int] | None = None,
        hair: tuple[int, int, int] = (40, 30, 25),
        wall: tuple[int, int, int] = (90, 120, 210),
        move: float = 3.0,
        volume: float = 1.18,
        grain: float = 6.0,
    ) -> tuple[U8Array, FloatArray]:
        rng = np.random.default_rng(seed)
        base = standard_shape().astype(np.float64)
        wave = rng.normal(0, move, (2, 3))
        u = (base - 128) / 64
        points = base + np.stack(
            [
                wave[a, 0] + wave[a, 1] * u[:, a] + wave[a, 2] * u[:, 1 - a] * 0.3
                for a in (0, 1)
            ],
            1,
        )
        tone = skin or tuple(int(v) for v in rng.integers((150, 110, 90), (230, 180, 150)))
        scale = size / 256
        at = (points + 0.5) * scale
        picture = Image.new("RGB", (size, size), wall)
        draw = ImageDraw.Draw(picture)

        def polygon(
            outline: tuple[int, ...], colour: tuple[int, ...], grow: float = 1.0
        ) -> None:
            corners = at[list(outline)]
            corners = corners.mean(0) + (corners - corners.mean(0)) * grow
            draw.polygon([(float(x), float(y)) for x, y in corners], fill=colour)

        centre = at[list(mesh.OVAL)].mean(0)
        polygon(mesh.OVAL, hair, volume)
        draw.rectangle(
            (centre[0] - 36 * scale, centre[1] + 40 * scale, centre[0] + 36 * scale, size),
            fill=tone,
        )
        polygon(mesh.OVAL, tone)
        for eye, brow in zip(mesh.EYES, mesh.BROWS, strict=True):
            polygon(brow, hair)
            polygon(eye, (240, 240, 240))
            x, y = at[list(eye)].mean(0)
            r = 5 * scale
            draw.ellipse((x - r, y - r, x + r, y + r), fill=(40, 60, 60))
        polygon(mesh.OUTER_LIPS, (170, 70, 70))
        polygon(mesh.INNER_LIPS, (230, 225, 215))
        pixels = np.asarray(picture, np.float64)
        pixels = pixels + rng.normal(0, grain * scale, (size, size, 1))  # grain, for sharpness
        return np.clip(pixels, 0, 255).round().astype(np.uint8), (at - 0.5).astype(np.float32)

    return painted
