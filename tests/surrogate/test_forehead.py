"""A drawn forehead gets the shading of photographs; hair, brows and faces are none."""

from __future__ import annotations

import numpy as np
import pytest

from kssgan.faces.landmarks import mean_shape
from kssgan.surrogate._mesh import EYE_CORNERS, OVAL, brow_line
from kssgan.surrogate.forehead import shading
from kssgan.types import FloatArray

POINTS = mean_shape()
BROW = brow_line(POINTS)
CHEEKS = np.log(np.array([0.6, 0.45, 0.38], np.float32))
Y, X = np.mgrid[:64, :64].astype(np.float32) * 4 + 1.5
ACROSS = np.abs(X - POINTS[list(EYE_CORNERS), 0].mean()) / (np.ptp(POINTS[list(OVAL), 0]) / 2)
ABOVE = BROW - Y
USUAL = np.interp(ACROSS, (0, 0.2, 0.4, 0.6, 0.8), (0, 0, -0.06, -0.15, -0.17))
MIDDLE = (ACROSS < 0.6) & (ABOVE > 6) & (ABOVE < 22)


def forehead() -> FloatArray:
    """(64, 64, 3) logarithms: shaded skin everywhere, redder towards the temples."""
    shade = USUAL[..., None] * np.array([0.72, 1.0, 1.25])
    return (CHEEKS + np.float32(0.15) + shade).astype(np.float32)


def blob(x: float, above: float, radius: float) -> FloatArray:
    """(64, 64, 1), 1 in its middle."""
    middle = POINTS[list(EYE_CORNERS), 0].mean() + x
    far = ((X - middle) ** 2 + (ABOVE - above) ** 2) / radius**2
    found: FloatArray = np.exp(-0.5 * far)[..., None].astype(np.float32)
    return found


def left(drawn: FloatArray, where: FloatArray = MIDDLE) -> float:
    """Largest difference from usual shading that is left."""
    found = drawn + shading(drawn, CHEEKS, POINTS)
    return float(np.abs(found - forehead())[where].mean(1).max())


def test_usual_shading_stays() -> None:
    assert np.abs(shading(forehead(), CHEEKS, POINTS)).max() < 0.03


@pytest.mark.parametrize(
    ("x", "above", "light"), [(0, 10, 0.25), (-25, 12, -0.2), (20, 14, 0.2)]
)
def test_smoke_and_glow_go(x: float, above: float, light: float) -> None:
    drawn = forehead() + np.float32(light) * blob(x, above, 8)
    assert np.abs(drawn - forehead())[MIDDLE].max() > 0.9 * abs(light)
    assert left(drawn) < 0.35 * abs(light)


def test_a_flat_forehead_gets_darker_temples() -> None:
    flat = np.tile(CHEEKS + np.float32(0.15), (64, 64, 1)).astype(np.float32)
    found = flat + shading(flat, CHEEKS, POINTS)
    middle, temple = (
        found[(ABOVE > 8) & (ABOVE < 20) & where].mean()
        for where in (ACROSS < 0.1, abs(ACROSS - 0.6) < 0.06)
    )
    assert -0.16 < temple - middle < -0.07


def test_a_tint_goes_and_the_foreheads_own_tone_stays() -> None:
    tinted = forehead() + blob(0, 14, 8) * np.array([0.1, 0.0, -0.1], np.float32)
    assert left(tinted) < 0.04
    pale = forehead() + np.float32(0.1)
    assert np.abs(shading(pale, CHEEKS, POINTS)).max() < 0.03


def test_between_the_brows_a_glow_goes_and_the_brows_stay() -> None:
    drawn = forehead()
    brows = (ABOVE < 0) & (ABOVE > -12) & (ACROSS > 0.25) & (ACROSS < 0.8)
    drawn[brows] -= 0.2
    drawn += np.float32(0.25) * blob(0, 0, 5)
    change = shading(drawn, CHEEKS, POINTS)
    assert np.abs(change[brows]).max() < 0.02
    bridge = (np.abs(ABOVE) < 3) & (ACROSS < 0.08)
    assert (change[bridge].mean(1) < -0.1).all()
    assert np.abs(change[ABOVE < -12]).max() == 0


def test_brows_that_meet_stay() -> None:
    drawn = forehead()
    met = (ABOVE < 0) & (ABOVE > -12) & (ACROSS < 0.8)
    drawn[met] -= 0.9
    assert np.abs(shading(drawn, CHEEKS, POINTS)[met]).max() < 0.02


def test_hair_stays_and_what_lies_above_it() -> None:
    drawn = forehead()
    drawn[(ABOVE > 16) & (ABOVE < 24)] -= 1.2
    drawn[ABOVE >= 24] += 0.15
    change = shading(drawn, CHEEKS, POINTS)
    assert np.abs(change[ABOVE > 16]).max() < 0.01
    assert np.abs(shading(forehead() - 1.5, CHEEKS, POINTS)).max() == 0, "a fringe"


def test_a_face_at_the_border_has_no_forehead() -> None:
    high = (POINTS - np.float32([0, BROW - 2])).astype(np.float32)
    assert np.isfinite(shading(forehead(), CHEEKS, high)).all()
