"""Smoke leaves the temples of a drawn face; hair, walls and natural shading stay."""

from __future__ import annotations

import numpy as np
import pytest

from kssgan.faces.landmarks import mean_shape
from kssgan.surrogate._mesh import EYES, across, brow_line
from kssgan.surrogate.temples import cleared
from kssgan.types import FloatArray

POINTS = mean_shape()
CHEEKS = np.log(np.array([0.6, 0.45, 0.38], np.float32))
AT = np.arange(64, dtype=np.float32) * 4 + 1.5
ASIDE = np.abs(across(POINTS, AT))
BELOW = AT[:, None] - brow_line(POINTS)
LOWEST = float(POINTS[[i for eye in EYES for i in eye], 1].max())
TEMPLE = (ASIDE > 0.74) & (ASIDE < 0.92) & (BELOW > -20) & (AT[:, None] < LOWEST + 2)
ELSEWHERE = (ASIDE < 0.58) | (BELOW < -36) | (AT[:, None] > LOWEST + 24)


def face() -> FloatArray:
    """(64, 64, 3) logarithms of skin: a light forehead above, cheeks below, both darker at the side."""
    rows = np.clip(BELOW / 30, 0, 1)[..., None]
    forehead = 0.15 - np.interp(ASIDE, (0.2, 0.4, 0.6, 0.8), (0, 0.06, 0.15, 0.17))
    skin = CHEEKS + (1 - rows) * forehead[:, None] + 0 * BELOW[..., None]
    rounded = np.interp(ASIDE, (0.6, 0.8, 0.95), (0, 0.1, 0.22))[:, None] * (1 - 0.6 * rows**2)
    found: FloatArray = (skin - rounded).astype(np.float32)
    return found


def left(drawn: FloatArray, where: FloatArray = TEMPLE) -> FloatArray:
    """What still differs from a face without smoke, at each place."""
    found = drawn + cleared(drawn, CHEEKS, POINTS)
    differs: FloatArray = (found - face() - cleared(face(), CHEEKS, POINTS))[where]
    return differs


def test_natural_shading_stays() -> None:
    assert np.abs(cleared(face(), CHEEKS, POINTS)).max() < 0.09
    assert np.abs(cleared(face(), CHEEKS, POINTS)[ELSEWHERE]).max() == 0


@pytest.mark.parametrize("smoke", [-0.2, -0.35])
def test_smoke_goes(smoke: float) -> None:
    drawn = face()
    drawn[TEMPLE] += np.float32(smoke)
    assert np.abs(left(drawn)).max() < 0.35 * abs(smoke)


def test_its_colour_goes_with_it() -> None:
    drawn = face()
    drawn[TEMPLE] += np.array([-0.3, -0.2, -0.1], np.float32)
    assert np.ptp(left(drawn), axis=1).max() < 0.08


@pytest.mark.parametrize("change", [(-1.2, -1.2, -1.2), (0.7, 0.7, 0.7), (-0.8, 0.0, 0.9)])
def test_hair_and_walls_stay(change: tuple[float, float, float]) -> None:
    drawn = face()
    drawn[TEMPLE] += np.array(change, np.float32)
    assert np.abs(cleared(drawn, CHEEKS, POINTS)[TEMPLE]).max() < 0.01


def test_beside_a_wall_nothing_is_told() -> None:
    """There a tone is half wall, and skin would be given the colour that the wall lacks."""
    drawn, wall = face(), np.zeros((64, 64), np.float32)
    drawn[TEMPLE] -= 0.3
    wall[:, ASIDE > 0.95] = 1
    beside = TEMPLE & (ASIDE > 0.86)
    assert np.abs(cleared(drawn, CHEEKS, POINTS)[beside]).min() > 0.1
    assert np.abs(cleared(drawn, CHEEKS, POINTS, wall)[beside]).max() == 0


def test_a_fringe_hides_temples() -> None:
    drawn = face()
    drawn[BELOW[:, 0] < 0] -= 1.5
    assert not cleared(drawn, CHEEKS, POINTS).any()


def test_a_face_at_the_border_is_no_error() -> None:
    high = (POINTS - np.float32([0, brow_line(POINTS) - 2])).astype(np.float32)
    wide = (POINTS + np.float32([90, 0])).astype(np.float32)
    assert np.isfinite(cleared(face(), CHEEKS, high)).all()
    assert np.isfinite(cleared(face(), CHEEKS, wide)).all()
