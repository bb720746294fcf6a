from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from kssgan.surrogate import _walls
from kssgan.surrogate._regions import COARSE, reduced, regions
from kssgan.surrogate._skin import DARK
from kssgan.types import FloatArray, U8Array

Painter = Callable[..., tuple[U8Array, FloatArray]]
BLUE, GREY = (60, 90, 190), (215, 215, 210)


def _seen(crop: U8Array, points: FloatArray) -> tuple[FloatArray, FloatArray, _walls.Wall]:
    picture = crop.astype(np.float32) / np.float32(255)
    oval = regions(((points + 0.5) / 2 - 0.5).astype(np.float32)).oval
    small = reduced(picture, len(crop) // COARSE)
    return picture, oval, _walls.find_wall(small, oval, picture.mean(2))


@pytest.mark.parametrize("wall", [BLUE, GREY])
def test_wall_is_found_and_the_head_is_none(paint: Painter, wall: tuple[int, int, int]) -> None:
    picture, _, found = _seen(*paint(1, size=512, wall=wall, hair=(40, 30, 25), grain=3.0))
    assert found.plain
    share, colours, _ = _walls.share_of_wall(
        np.ascontiguousarray(picture.transpose(2, 0, 1)), found
    )
    assert share.shape == (512, 512)
    assert share[:40, :60].mean() > 0.98
    assert share[200:440, 180:330].max() < 0.05, "face"
    assert share[500:, 240:270].max() < 0.05, "neck"
    assert np.abs(colours.mean((1, 2)) * 255 - wall).max() < 6


@pytest.mark.parametrize("wall", [BLUE, GREY])
@pytest.mark.parametrize("amount", [0.25, 0.5, 0.75])
def test_share_of_a_blend(wall: tuple[int, int, int], amount: float) -> None:
    """Hair beside a wall with a known blend between them, 8 pixels wide."""
    hair = np.array((60, 40, 30), np.float32) / 255
    behind = np.array(wall, np.float32) / 255
    picture = np.broadcast_to(behind, (512, 512, 3)).copy()
    picture[:, 140:372] = hair
    picture[:, 132:140] = picture[:, 372:380] = amount * behind + (1 - amount) * hair
    oval = np.zeros((COARSE, COARSE), np.float32)
    oval[40:100, 50:78] = 1
    small = reduced(picture, 4)
    found = _walls.find_wall(small, oval, picture.mean(2))
    share, _, _ = _walls.share_of_wall(np.ascontiguousarray(picture.transpose(2, 0, 1)), found)
    assert share[256, [135, 376]] == pytest.approx(amount, abs=0.12)
    assert share[256, 90] > 0.95
    assert share[256, 260] < 0.02


def test_shadows_on_a_coloured_wall_are_wall(paint: Painter) -> None:
    crop, points = paint(1, size=512, wall=BLUE, grain=0.0)
    dark = crop.astype(np.float32)
    dark[:, :120] *= np.linspace(0.6, 1.0, 120, dtype=np.float32)[None, :, None]
    _, _, found = _seen(np.rint(dark).astype(np.uint8), points)
    assert found.sure[10:90, 2:20].mean() > 0.95


def test_light_hair_before_a_light_wall_is_doubtful(paint: Painter) -> None:
    crop, points = paint(1, size=512, wall=GREY, hair=GREY, grain=0.0)
    # Ringlets: as light as the wall, but with dark gaps between them.
    combed = crop.copy()
    combed[60:440:3, 60:190] = 90
    combed[60:440:3, 330:460] = 90
    _, _, found = _seen(combed, points)
    assert not found.sure[20:105, 18:45].any()
    assert _seen(crop, points)[2].seen


def test_plain_tones_are_a_shade_without_what_hangs_on_the_wall() -> None:
    y, x = np.mgrid[:COARSE, :COARSE] / COARSE
    shade = 0.3 + 0.2 * x + 0.1 * y
    picture = np.repeat(shade[..., None], 3, 2).astype(np.float32)
    sure = np.ones((COARSE, COARSE), bool)
    hung = picture.copy()
    hung[10:40, 90:120] = (0.7, 0.1, 0.1)
    tones = np.log(hung + DARK)
    found = _walls.plain_tones(hung, _walls.Wall(tones, sure, 0.0, 0.0))
    away = np.exp(found) - DARK - picture
    assert np.abs(away[8:-8, 8:-8]).max() < 0.03


def test_outline_tells_hair_and_its_tone(paint: Painter) -> None:
    for hair in ((40, 30, 25), (150, 110, 60)):
        picture, oval, found = _seen(*paint(1, size=512, wall=BLUE, hair=hair, grain=0.0))
        shown, much, tones = _walls.outline(reduced(picture, 4), found, oval)
        assert shown.shape == much.shape == tones.shape[:2] == (32, 32)
        assert shown[:2, :2].max() < 0.05
        assert shown[20, 16] > 0.95
        there = much > 0.9
        assert there.any()
        seen = (np.exp(tones[there].mean(0)) - DARK) * 255
        assert np.abs(seen - hair).max() < 25
