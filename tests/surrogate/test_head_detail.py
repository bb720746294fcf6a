"""Strands are lent where a head agrees with its donor's, and never a thing of a face."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from kssgan.faces.landmarks import mean_shape
from kssgan.surrogate._mesh import CHIN, brow_line
from kssgan.surrogate._tones import COARSE
from kssgan.surrogate._torch_warp import blurred, widened
from kssgan.surrogate.head_detail import (
    Layer,
    Placed,
    around_face,
    below_brows,
    placed,
    with_head_detail,
)
from kssgan.surrogate.outline import Outline
from kssgan.surrogate.sight import sight
from kssgan.surrogate.warp import Warp
from kssgan.types import FloatArray

POINTS = mean_shape()
WARP = Warp(POINTS)
AROUND = around_face(POINTS)
SKIN = np.array([0.8, 0.6, 0.5], np.float32)
HAIR = slice(4, 44)  # rows above the forehead, all hair; the wall lies beside
MIDDLE = slice(90, 166)


def head() -> FloatArray:
    """Skin in the middle, dark hair above, a light wall left and right."""
    image = np.full((256, 256, 3), 0.75, np.float32)
    image[:, 60:196] = SKIN
    image[:60, 60:196] = 0.15
    return image


def stripes() -> FloatArray:
    """Lines two pixels wide, as of single hairs."""
    rows = np.where(np.arange(256) // 2 % 2, 0.3, -0.3).astype(np.float32)
    found: FloatArray = np.repeat(rows[None], 256, 0) * AROUND
    return found


def layer(image: FloatArray, fine: FloatArray | None = None) -> Layer:
    small = image.reshape(COARSE, 4, COARSE, 4, 3).mean((1, 3))
    return Layer(
        stripes() if fine is None else fine, np.rint(small * 255).astype(np.uint8), POINTS
    )


def outline(wall: FloatArray | None = None) -> Outline:
    """Of :func:`head`, dark hair before a light wall; left out, nothing is told to be wall."""
    light, dark = (np.full((256, 256, 3), value, np.float32) for value in (0.75, 0.15))
    nowhere = np.zeros((256, 256), np.float32)
    none = np.zeros((256, 256, 3), np.float32)
    return Outline(nowhere if wall is None else wall, nowhere[..., None], light, dark, none)


def here(lender: Layer) -> Placed:
    return placed(lender, POINTS, SKIN, WARP)


def lend(lender: Layer, refined: FloatArray | None = None) -> FloatArray:
    image = head()
    return with_head_detail(
        image if refined is None else refined, image, here(lender), outline()
    )


def striped(image: FloatArray, rows: slice, columns: slice) -> float:
    """How strong the lines are, 1 as in the layer."""
    wanted = stripes()[rows, columns]
    there = np.log(image[rows, columns].mean(2) + 0.03)
    there = there - there.mean()
    return float((there * wanted).sum() / (wanted**2).sum())


def test_hair_that_agrees_is_lent_strands() -> None:
    assert striped(head(), HAIR, MIDDLE) == pytest.approx(0, abs=1e-6)
    assert striped(lend(layer(head())), HAIR, MIDDLE) > 0.6


def test_nothing_is_lent_from_beyond_a_layer_s_border() -> None:
    """The lender's face lies 40 pixels higher: his picture ends below the upper rows of what is drawn."""
    image = head()
    above = replace(layer(image), points=POINTS - np.array([0, 40], np.float32))
    bare = replace(above, fine=np.zeros_like(above.fine))
    lent = (
        with_head_detail(image, image, placed(each, POINTS, SKIN, WARP), outline())
        for each in (above, bare)
    )
    away = np.abs(np.subtract(*lent))[:, MIDDLE].max((1, 2))
    assert away[:12].max() < 2e-3  # the head's contrast reaches a little farther
    assert away[16:50].min() > 0.1


def test_hair_that_differs_stays_as_it_was_drawn() -> None:
    other = head()
    other[:60, 60:196] = 0.75  # the donor is bald
    assert abs(striped(lend(layer(other)), HAIR, MIDDLE)) < 0.02


def test_nothing_is_lent_to_the_face() -> None:
    rng = np.random.default_rng(0)
    refined = rng.random((256, 256, 3), np.float32)
    loud = layer(head(), rng.normal(0, 1, (256, 256)).astype(np.float32))
    found = lend(loud, refined)
    face = AROUND == 0
    assert face.sum() > 8000
    assert np.array_equal(found[face], refined[face])
    seen = np.kron(sight(POINTS), np.ones((2, 2))) > 0.9
    assert (AROUND[seen] < 0.05).all()  # what G sees of S_g is kept clear


def test_a_soft_outline_gains_contrast_and_even_places_do_not_change() -> None:
    """As a blur of six pixels says, which is what is far from any edge."""
    plain = layer(head(), np.zeros((256, 256), np.float32))
    drawn = head()
    ramp = np.linspace(0.75, 0.15, 9, dtype=np.float32)[:, None]
    drawn[:60, 56:65] = ramp  # an outline of hair, eight pixels wide
    found = with_head_detail(drawn, drawn, here(plain), outline())
    line = slice(20, 40)
    before = drawn[line, 56] - drawn[line, 64]
    after = found[line, 56] - found[line, 64]
    assert (after > 1.03 * before).all()
    assert (after < 1.3 * before).all()
    np.testing.assert_allclose(found[line, 20:30], drawn[line, 20:30], atol=0.01)
    np.testing.assert_allclose(found[line, 110:140], drawn[line, 110:140], atol=0.01)


def test_one_donor_s_layout_begins_below_the_brows() -> None:
    share = below_brows(POINTS, 16)
    brows = brow_line(POINTS)
    rows = (np.arange(16) + 0.5) * 16
    assert (share[rows < brows] == 0).all()
    assert (share[rows > POINTS[CHIN, 1]] == 1).all()
    assert (np.diff(share) >= 0).all()
    assert 0 < share[(rows > brows + 30) & (rows < brows + 70)].mean() < 1
    # It goes with the face.
    np.testing.assert_array_equal(below_brows(POINTS + np.float32(16), 16)[1:], share[:-1])


def test_walls_and_skin_take_little() -> None:
    """No glow around a head, and no strand of another's fringe over a forehead."""
    loud = layer(head(), 3 * stripes())
    found, drawn = lend(loud), head()
    change = np.abs(np.log(found + 0.03) - np.log(drawn + 0.03)).max(2)
    assert change[100:200, :40].max() < 0.1
    below = (slice(235, 256), slice(100, 156))  # the neck
    assert 0.01 < change[below].max() < 0.2
    assert change[HAIR, MIDDLE].max() > 0.5


def test_strands_on_what_looks_like_skin_keep_their_form() -> None:
    """Light hair has the tone of skin: strands that are cut off there are patches with sharp edges."""
    waves = 0.9 * np.sin(np.arange(256) * (2 * np.pi / 12)).astype(np.float32)
    loud = layer(head(), np.repeat(waves[None], 256, 0) * AROUND)
    change = np.abs(np.log(lend(loud) + 0.03) - np.log(head() + 0.03)).mean(2)
    skin = change[238:254, 108:148]
    assert 0.03 < skin.max() < 0.15
    assert 0.5 < skin.mean() / skin.max() < 0.72  # a sine 0.64, a square 1


def test_grey_hair_as_light_as_skin_is_lent_strands() -> None:
    """Told from skin by its colour; hair as red as cheeks may be a forehead."""
    lent = {}
    for name, tone in (("grey", np.full(3, SKIN.mean())), ("skin", SKIN)):
        image = head()
        image[:, :60] = image[:, 196:] = 0.1
        image[:60, 60:196] = tone
        found = with_head_detail(image, image, here(layer(image, 3 * stripes())), outline())
        lent[name] = (
            np.abs(np.log(found + 0.03) - np.log(image + 0.03)).max(2)[HAIR, MIDDLE].max()
        )
    assert lent["grey"] > 0.4
    assert lent["skin"] < 0.2


def test_below_the_brows_is_no_grey_hair() -> None:
    """A neck in shadow may be as little red."""
    image = head()
    image[:, :60] = image[:, 196:] = 0.1
    image[200:, 60:196] = SKIN.mean()
    found = with_head_detail(image, image, here(layer(image, 3 * stripes())), outline())
    change = np.abs(np.log(found + 0.03) - np.log(image + 0.03)).max(2)
    assert change[235:256, 100:156].max() < 0.25


def test_a_bald_head_before_a_blue_wall_has_no_rim_of_strands() -> None:
    """There its tones are a blend with the wall, as little red as grey hair."""
    image = head()
    blue = np.array([0.45, 0.55, 0.8], np.float32)
    wall = np.zeros((256, 256), np.float32)
    wall[:, :60] = wall[:, 196:] = 1
    image[:60] = SKIN
    image[wall == 1] = blue
    loud = here(layer(image, 3 * stripes()))
    found = with_head_detail(image, image, loud, outline(wall))
    change = np.abs(np.log(found + 0.03) - np.log(image + 0.03)).max(2)
    assert change[HAIR, 62:70].max() < 0.2


def test_strands_are_redder_in_shadow_than_in_light() -> None:
    found = np.log(lend(layer(head())) + 0.03) - np.log(head() + 0.03)
    red, _, blue = (
        (found[HAIR, MIDDLE][..., i] * stripes()[HAIR, MIDDLE]).sum() for i in range(3)
    )
    assert 0.7 < red / blue < 0.95


def test_where_the_outline_is_known_strands_end_with_the_head() -> None:
    """They reach a few pixels beyond it, as loose hair does, and bring no glow."""
    wall = np.zeros((256, 256), np.float32)
    wall[:, :60] = wall[:, 196:] = 1
    drawn, loud = head(), layer(head(), 3 * stripes())
    found = with_head_detail(drawn, drawn, here(loud), outline(wall))
    change = found - drawn
    assert np.abs(change[HAIR, :36]).max() < 1e-3
    assert np.abs(change[HAIR, MIDDLE]).max() > 0.3
    beside = change[HAIR, 52:60]
    assert beside.max() < 0.02, "glow"
    assert beside.min() < -0.03, "loose hair"


def seam() -> tuple[FloatArray, FloatArray]:
    """Dark cloth before a wall, a white seam between them; and where the wall is."""
    drawn = np.full((256, 256, 3), 0.5, np.float32)
    wall = np.ones((256, 256), np.float32)
    wall[230:] = 0
    drawn[230:] = 0.1
    drawn[230:232] = 0.95
    return drawn, wall


def test_no_seam_is_lighter_than_the_wall_and_the_cloth() -> None:
    drawn, wall = seam()
    plain = layer(drawn, np.zeros((256, 256), np.float32))
    before = replace(outline(wall), behind=np.full((256, 256, 3), 0.5, np.float32))
    found = with_head_detail(drawn, drawn, here(plain), before)
    beside = (slice(230, 233), slice(20, 60))
    assert drawn[beside].max() > 0.9
    assert found[beside].max() < 0.7
    np.testing.assert_allclose(found[246:, 20:60], drawn[246:, 20:60], atol=0.03)


def test_a_white_collar_stays_white_beside_the_wall() -> None:
    drawn, wall = seam()
    drawn[230:] = 0.9
    plain = layer(drawn, np.zeros((256, 256), np.float32))
    found = with_head_detail(drawn, drawn, here(plain), outline(wall))
    assert found[232:, 20:60].min() > 0.85


def test_cloth_has_no_loose_hair() -> None:
    """Above the chin a donor's strands reach a few pixels over the wall, at shoulders none does."""
    drawn = np.full((256, 256, 3), 0.6, np.float32)
    drawn[:, 60:196] = 0.15
    wall = np.zeros((256, 256), np.float32)
    wall[:, :60] = wall[:, 196:] = 1
    loud = layer(drawn, 3 * stripes())
    found = with_head_detail(drawn, drawn, here(loud), outline(wall))
    change = np.abs(found - drawn)
    shoulder = slice(int(POINTS[152, 1]), 250)  # the picture's border is its own
    assert change[40:80, 54:59].max() > 0.03
    assert change[shoulder, 54:59].max() < 0.02


def test_an_outline_is_as_crisp_as_on_photographs() -> None:
    """What strands lie on is softened; an edge before the wall would be soft with it."""
    image, wall = head(), np.ones((256, 256), np.float32)
    wall[:, 60:196] = 0
    plain = np.zeros((256, 256), np.float32)
    found = with_head_detail(image, image, here(layer(image, plain)), outline(wall))

    def steepest(side: FloatArray) -> float:
        return float(np.abs(np.diff(side[20, 50:70].mean(1))).max())

    step = steepest(image)
    assert steepest(found) > 0.75 * step
    soft = blurred(image.transpose(2, 0, 1), 0.7).transpose(1, 2, 0)
    assert steepest(soft) < 0.6 * step


def test_it_is_a_function_of_its_arguments() -> None:
    first = lend(layer(head()))
    assert np.array_equal(first, lend(layer(head())))
    moved = replace(layer(head()), points=(POINTS + 6).astype(np.float32))
    assert not np.array_equal(first, lend(moved))


def test_blur_keeps_sums_and_spreads() -> None:
    dot = np.zeros((1, 65, 65), np.float32)
    dot[0, 32, 32] = 1
    for sigma in (0.7, 3.0, 4.0):
        soft = blurred(dot, sigma)[0].astype(np.float64)
        assert soft.sum() == pytest.approx(1, abs=1e-5)
        at = np.arange(65) - 32
        assert (soft.sum(0) * at**2).sum() == pytest.approx(sigma**2, rel=0.03)


def test_widening_by_hand() -> None:
    dot = np.zeros((1, 9, 9), np.float32)
    dot[0, 4, 4] = 2
    wanted = np.zeros((9, 9))
    wanted[2:7, 2:7] = 2
    assert np.array_equal(widened(dot, 2)[0], wanted)
