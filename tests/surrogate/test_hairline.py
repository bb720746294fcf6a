"""Hair around a drawn face ends within few pixels; what is one thing stays as it is."""

from __future__ import annotations

import numpy as np
import pytest

from kssgan.faces.landmarks import mean_shape
from kssgan.surrogate._mesh import across, brow_line
from kssgan.surrogate.hairline import parted
from kssgan.types import FloatArray

POINTS = mean_shape()
SKIN = np.array([0.75, 0.55, 0.45], np.float32)
HAIR = np.array([0.15, 0.12, 0.1], np.float32)
NO_WALL = np.zeros((256, 256), np.float32)
COLUMNS = np.arange(256, dtype=np.float32)
EDGE = float(COLUMNS[np.argmin(np.abs(across(POINTS, COLUMNS) - 0.95))])
ROW = int(brow_line(POINTS)) + 10


def head(wide: float, hair: FloatArray = HAIR) -> FloatArray:
    """A face whose skin becomes hair on the right, over so many pixels."""
    share = np.clip((COLUMNS - EDGE) / np.float32(wide) + 0.5, 0, 1)[None, :, None]
    logs = np.log(SKIN) + share * (np.log(hair) - np.log(SKIN))
    return np.repeat(np.exp(logs), 256, 0).astype(np.float32)


def width(image: FloatArray) -> float:
    """Pixels in which skin becomes hair, from two fifths to three fifths."""
    row = np.log(image[ROW].mean(1))
    share = (row[0] - row) / (row[0] - row[-1])
    return float(np.interp(0.6, share, COLUMNS) - np.interp(0.4, share, COLUMNS))


def test_fog_between_skin_and_hair_parts() -> None:
    drawn = head(24)
    found = parted(drawn, POINTS, SKIN, NO_WALL)
    assert width(found) < 0.6 * width(drawn)
    row = np.log(found[ROW].mean(1))
    middle = np.interp(EDGE, COLUMNS, row)
    assert middle == pytest.approx((row[0] + row[-1]) / 2, abs=0.35), "it hardly moves"


def test_skin_and_hair_keep_their_tones() -> None:
    drawn = head(24)
    found = parted(drawn, POINTS, SKIN, NO_WALL)
    away = np.abs(COLUMNS - EDGE) > 16
    np.testing.assert_allclose(found[:, away], drawn[:, away], atol=0.02)
    assert found.min() >= HAIR.min() - 0.01
    assert found.max() <= SKIN.max() + 0.01


def test_fog_over_a_forehead_parts() -> None:
    """The same picture turned: hair over skin, its edge well above the brows."""
    drawn = head(24).transpose(1, 0, 2)[::-1]
    drawn = np.roll(drawn, int(brow_line(POINTS)) - 64 - int(255 - EDGE), 0)
    found = parted(drawn, POINTS, SKIN, NO_WALL)
    rows = np.arange(256, dtype=np.float32)

    def tall(image: FloatArray) -> float:
        column = np.log(image[: int(brow_line(POINTS)), 128].mean(1))
        share = (column - np.log(HAIR.mean())) / np.log(SKIN.mean() / HAIR.mean())
        return float(np.ptp(np.interp((0.4, 0.6), share, rows[: len(share)])))

    assert tall(found) < 0.6 * tall(drawn)


def test_elsewhere_nothing_changes() -> None:
    """The forehead, the middle of a face, and below the lips."""
    drawn = head(24)
    drawn[:, 100:140] *= np.linspace(0.2, 1, 40, dtype=np.float32)[None, :, None]
    found = parted(drawn, POINTS, SKIN, NO_WALL)
    where = np.zeros((256, 256), bool)
    brows = int(brow_line(POINTS))
    where[brows - 26 :, 96:144] = True
    where[brows + 104 :] = True
    np.testing.assert_allclose(found[where], drawn[where], atol=1e-4)


def test_what_is_alike_is_not_parted() -> None:
    drawn = head(24, hair=SKIN * np.float32(0.85))
    np.testing.assert_allclose(parted(drawn, POINTS, SKIN, NO_WALL), drawn, atol=0.01)


def test_a_wall_stays() -> None:
    drawn, wall = head(24), NO_WALL.copy()
    wall[:, COLUMNS > EDGE - 20] = 1
    found = parted(drawn, POINTS, SKIN, wall)
    np.testing.assert_allclose(
        found[:, COLUMNS > EDGE - 16], drawn[:, COLUMNS > EDGE - 16], atol=1e-3
    )
