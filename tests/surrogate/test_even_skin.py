"""Forehead and neck take the face's tone; hair, cloth, wall and the face itself stay."""

from __future__ import annotations

import numpy as np
import pytest

from kssgan.faces.landmarks import mean_shape
from kssgan.surrogate._mesh import BROWS, OVAL
from kssgan.surrogate.even_skin import with_even_skin
from kssgan.surrogate.sight import sight
from kssgan.types import FloatArray


def tone(*channels: float) -> FloatArray:
    return np.array(channels, np.float32)


SKIN = tone(0.7, 0.5, 0.4)
LIT = SKIN * np.exp(tone(0.10, 0.163, 0.187))  # as foreheads are
SHADED = SKIN * np.exp(tone(-0.32, -0.295, -0.285))  # as necks are
WALL = tone(0.3, 0.35, 0.8)
POINTS = mean_shape()
TOP = POINTS[list(OVAL), 1].min()
BROW = np.mean([POINTS[list(brow), 1].min() for brow in BROWS])
FOREHEAD = (slice(int(TOP) - 2, int(BROW) - 14), slice(110, 146))
NECK = (slice(int(POINTS[152, 1]) + 5, int(POINTS[152, 1]) + 16), slice(114, 142))


Y, X = np.mgrid[:256, :256].astype(np.float32)
EYES = POINTS[[145, 374], 1].max()
# Flat skin at the side of a face becomes a little darker, as heads are round.
TEMPLES = (
    (np.abs(X - POINTS[[33, 263], 0].mean()) > 0.29 * np.ptp(POINTS[list(OVAL), 0]))
    & (BROW - 36 < Y)
    & (EYES + 24 > Y)
)


def temples(x: FloatArray) -> FloatArray:
    """How much darker foreheads are towards their sides, (..., 3) logarithms."""
    across = np.abs(x - POINTS[[33, 263], 0].mean()) / (np.ptp(POINTS[list(OVAL), 0]) / 2)
    grey = np.interp(across, (0.2, 0.4, 0.6, 0.8), (0, -0.06, -0.15, -0.17))
    found: FloatArray = grey[..., None] * tone(0.72, 1.0, 1.25)
    return found


def head(
    *, forehead: FloatArray = LIT, neck: FloatArray = SHADED, hair: FloatArray | None = None
) -> FloatArray:
    y, x = np.mgrid[:256, :256].astype(np.float32)
    image = np.tile(WALL, (256, 256, 1))
    middle = POINTS[list(OVAL)].mean(0)
    half = np.ptp(POINTS[list(OVAL)], axis=0) / 2
    image[(np.abs(x - middle[0]) < 0.7 * half[0]) & (y > middle[1])] = neck
    image[((x - middle[0]) / half[0]) ** 2 + ((y - middle[1]) / half[1]) ** 2 < 1] = SKIN
    above = (y < BROW) & (np.abs(x - middle[0]) < half[0]) & (y > TOP - 12)
    image[above] = forehead * np.exp(temples(x[above]))
    if hair is not None:
        image[above & (y < TOP + 8)] = hair
    return image.astype(np.float32)


WALLED = np.float32(1) * (np.abs(head() - WALL).max(2) < 1e-6)


def away(image: FloatArray, where: tuple[slice, slice], usual: FloatArray) -> float:
    return float(np.abs(np.median(image[where].reshape(-1, 3), axis=0) - usual).max())


def colour_away(image: FloatArray) -> FloatArray:
    """How far the forehead's colour is from what is usual, by channel, logarithms."""
    tones = np.log(np.median(image[FOREHEAD].reshape(-1, 3), axis=0) + 0.03)
    beside = tones - np.log(LIT + 0.03)
    found: FloatArray = np.abs(beside - beside.mean())
    return found


def test_a_forehead_as_dark_as_the_cheeks_is_made_lighter() -> None:
    found = with_even_skin(head(forehead=SKIN), POINTS)
    lighter = np.log(found[FOREHEAD] + 0.03).mean() - np.log(SKIN + 0.03).mean()
    assert 0.02 < lighter < 0.1


@pytest.mark.parametrize("colour", [(0.6, 0.55, 0.5), (0.98, 0.76, 0.64), (0.5, 0.35, 0.27)])
def test_a_forehead_comes_nearer_to_the_face(colour: tuple[float, float, float]) -> None:
    drawn = head(forehead=tone(*colour))
    found = with_even_skin(drawn, POINTS)
    assert away(found, FOREHEAD, LIT) < 0.6 * away(drawn, FOREHEAD, LIT)
    assert colour_away(found).max() < 0.047


def test_a_forehead_as_light_as_some_are_keeps_its_light() -> None:
    drawn = head(forehead=tone(0.85, 0.62, 0.5))
    found = with_even_skin(drawn, POINTS)
    lighter = np.log(found[FOREHEAD] + 0.03).mean() - np.log(drawn[FOREHEAD] + 0.03).mean()
    assert abs(lighter) < 0.01


def test_a_neck_may_lie_in_shadow_but_has_the_faces_colour() -> None:
    shade = with_even_skin(head(neck=np.float32(0.75) * SKIN), POINTS)
    np.testing.assert_allclose(shade[NECK], head(neck=np.float32(0.75) * SKIN)[NECK], atol=0.02)
    drawn = head(neck=tone(0.75, 0.4, 0.4))
    found = with_even_skin(drawn, POINTS)
    assert away(found, NECK, SHADED) < 0.6 * away(drawn, NECK, SHADED)


def test_even_skin_stays() -> None:
    found, drawn = with_even_skin(head(), POINTS, wall=WALLED), head()
    np.testing.assert_allclose(found[~TEMPLES], drawn[~TEMPLES], atol=0.025)
    np.testing.assert_allclose(found, drawn, atol=0.08)


def test_smoke_leaves_the_temples() -> None:
    drawn = head()
    smoke = np.exp(-0.5 * (((X - 170) / 5) ** 2 + ((Y - BROW - 16) / 7) ** 2))[..., None]
    drawn *= np.exp(-0.5 * smoke).astype(np.float32)
    found = with_even_skin(drawn, POINTS, wall=WALLED)
    middle = smoke[..., 0] > 0.9
    lighter = np.log(found / drawn)[middle]
    assert lighter.min() > 0.02
    assert lighter.mean() > 0.05


def test_a_forehead_has_no_bands() -> None:
    """A dark red band above the brows, as G draws where it stops to see, goes."""
    drawn = head()
    columns = slice(100, 157)
    above = BROW - np.arange(256)[int(TOP) : int(BROW)]
    band = np.exp(-0.5 * ((above - 12) / 8) ** 2)[:, None] * tone(-0.04, -0.10, -0.12)
    drawn[int(TOP) : int(BROW), columns] *= np.exp(band)[:, None]
    found = with_even_skin(drawn.astype(np.float32), POINTS)

    def rows(image: FloatArray) -> FloatArray:
        part = np.log(image[int(BROW) - 24 : int(BROW) - 6, columns] + 0.03)
        return np.median(part, axis=1)

    # Red hardly had one.
    assert (np.ptp(rows(found), axis=0) < 0.7 * np.ptp(rows(drawn), axis=0)).all()


def test_face_hair_and_wall_are_left_alone() -> None:
    drawn = head(forehead=tone(0.6, 0.55, 0.5), hair=tone(0.08, 0.06, 0.05))
    found = with_even_skin(drawn, POINTS)
    face = np.kron(sight(POINTS), np.ones((2, 2))) > 0.999
    face[: int(BROW) + 11] = False  # between the brows the forehead's shading ends
    face &= ~TEMPLES
    np.testing.assert_allclose(found[face], drawn[face], atol=2e-3)
    np.testing.assert_allclose(found[:30], drawn[:30], atol=2e-3)
    hair = (slice(int(TOP) - 8, int(TOP) + 2), slice(110, 146))
    np.testing.assert_allclose(found[hair], drawn[hair], atol=0.01)


def test_a_fringe_is_no_skin() -> None:
    drawn = head(forehead=tone(0.1, 0.08, 0.06))
    np.testing.assert_allclose(with_even_skin(drawn, POINTS), drawn, atol=0.01)


def test_a_pale_wall_beside_a_neck_is_no_skin() -> None:
    """It has the tone of a neck, which is moved: smoke would lie on the wall."""
    drawn = head(neck=np.float32(1.1) * SKIN)
    y, x = np.mgrid[:256, :256]
    beside = (y > POINTS[152, 1]) & (np.abs(x - POINTS[152, 0]) > 40)
    drawn[beside] = np.float32(1.08) * SKIN
    where = beside & (np.abs(x - POINTS[152, 0]) < 60) & (y < POINTS[152, 1] + 20)
    moved = with_even_skin(drawn, POINTS) - drawn
    assert np.abs(moved)[where].max() > 0.03
    wall = beside.astype(np.float32)
    found = with_even_skin(drawn, POINTS, wall=wall)
    np.testing.assert_allclose(found[beside], drawn[beside], atol=1e-6)
    # The neck is moved as before.
    assert np.abs(found - drawn)[NECK].max() > 0.03
