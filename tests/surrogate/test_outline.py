"""One crisp outline where a head was drawn with several."""

from __future__ import annotations

import numpy as np
import pytest

from kssgan.faces.landmarks import mean_shape
from kssgan.surrogate._mesh import CHIN, OVAL
from kssgan.surrogate._rays import Rays
from kssgan.surrogate._torch_warp import blurred
from kssgan.surrogate.head_detail import Layer, Placed, around_face
from kssgan.surrogate.lenders_outline import fitted, narrowed
from kssgan.surrogate.outline import Outline, one_outline, with_grain
from kssgan.surrogate.sight import sight
from kssgan.types import FloatArray

POINTS = mean_shape()
SEEN = sight(POINTS)
MIDDLE = POINTS[list(OVAL)].mean(0)
SKIN, HAIR = np.array([0.8, 0.6, 0.5], np.float32), np.array([0.15, 0.1, 0.08], np.float32)
BLUE, GREY = (0.3, 0.4, 0.8), (0.84, 0.84, 0.82)
Y, X = np.mgrid[:256, :256].astype(np.float32)
FAR = np.hypot(X - MIDDLE[0], Y - MIDDLE[1])


def ramp(inner: float, outer: float) -> FloatArray:
    """1 up to one distance from the middle of the face, 0 from another, straight between."""
    found: FloatArray = np.clip((outer - FAR) / (outer - inner), 0, 1)[..., None]
    return found


def foggy(
    wall: tuple[float, float, float], inner: float = 86, outer: float = 114
) -> FloatArray:
    """Dark hair all around a face, with fog between the two distances."""
    image = np.array(wall, np.float32) + ramp(inner, outer) * (
        HAIR - np.array(wall, np.float32)
    )
    image += ramp(58, 62) * (SKIN - image)
    found: FloatArray = image.astype(np.float32)
    return found


def width(image: FloatArray, wall: tuple[float, float, float]) -> float:
    """Pixels straight up from the face over which hair turns into wall (a tenth to nine tenths)."""
    column = image[: int(MIDDLE[1]) - 66, int(MIDDLE[0])]
    line = np.array(wall) - HAIR
    share = (column - HAIR) @ line / (line @ line)
    return float(((share > 0.1) & (share < 0.9)).sum())


def test_a_wall_that_is_dark_below_is_all_wall() -> None:
    """Else its corners are head, with a false outline where they begin."""
    drawn = foggy(BLUE, 98, 102)
    dark = 1 - 0.6 * np.clip((Y - 150) / 20, 0, 1)[..., None]
    drawn = np.where(FAR[..., None] > 102, drawn * dark, drawn).astype(np.float32)
    found = one_outline(drawn, SEEN, POINTS)
    corner = (X > 216) & (Y > 216)
    assert found.wall[corner].min() > 0.9
    assert np.abs(found.cut(drawn) - drawn)[corner].max() < 0.04


@pytest.mark.parametrize("wall", [BLUE, GREY])
def test_fog_becomes_head_or_wall(wall: tuple[float, float, float]) -> None:
    drawn = foggy(wall)
    found = one_outline(drawn, SEEN, POINTS)
    cut = found.cut(drawn)
    assert width(cut, wall) < 0.8 * width(drawn, wall)
    # The outline lies in the inner half of the fog, and what was clear stays so.
    top = slice(0, int(MIDDLE[1]))
    ends = np.argmin(found.wall[top, int(MIDDLE[0])] > 0.5)
    assert 90 < MIDDLE[1] - ends < 101
    assert np.abs(cut - drawn)[FAR < 60].max() < 0.02
    assert np.abs(cut - drawn)[(FAR > 120) & (Y < 200)].max() < 0.04
    # No colour comes that neither head nor wall has.
    low, high = np.minimum(HAIR, wall), np.maximum(HAIR, wall)
    ring = cut[(FAR > 80) & (FAR < 118) & (Y < 128)]
    assert (ring > low - 0.05).all()
    assert (ring < high + 0.05).all()


def test_light_on_hair_is_no_wall() -> None:
    """A bright spot on the crown that reaches the outline."""
    drawn = foggy(GREY, 98, 102)
    spot = (np.abs(X - MIDDLE[0]) < 5) & (FAR > 84) & (FAR < 104) & (MIDDLE[1] > Y)
    drawn[spot] = 0.8
    found = one_outline(drawn, SEEN, POINTS)
    crown = (np.abs(X - MIDDLE[0]) < 4) & (FAR > 86) & (FAR < 94) & (MIDDLE[1] > Y)
    assert found.wall[crown].max() < 0.3


def crowned(ends: FloatArray, wall: tuple[float, float, float]) -> FloatArray:
    """A head of dark hair that ends at (256, 256) distances from the middle of the face."""
    share = np.clip((ends - FAR) / 2 + 0.5, 0, 1)[..., None]
    image = np.array(wall, np.float32) + share * (HAIR - np.array(wall, np.float32))
    image += ramp(58, 62) * (SKIN - image)
    found: FloatArray = image.astype(np.float32)
    return found


def reached(outline: Outline, degrees: float) -> float:
    """How far from the middle of the face a head reaches, so many degrees off straight up."""
    turn = np.deg2rad(degrees)
    far = np.arange(60, 118)
    x = np.rint(MIDDLE[0] + np.sin(turn) * far).astype(int)
    y = np.rint(MIDDLE[1] - np.cos(turn) * far).astype(int)
    return float(far[outline.wall[y, x] < 0.5].max())


DEGREES = np.rad2deg(np.arctan2(X - MIDDLE[0], MIDDLE[1] - Y))


@pytest.mark.parametrize("wall", [BLUE, GREY])
@pytest.mark.parametrize("off", [14.0, -12.0])
def test_a_crown_has_neither_bays_nor_lumps(
    wall: tuple[float, float, float], off: float
) -> None:
    """12 degrees wide, where nothing else is uneven."""
    ends = np.where(np.abs(DEGREES - 20) < 6, 94 + off, 94.0)
    found = one_outline(crowned(ends, wall), SEEN, POINTS)
    assert reached(found, 20) == pytest.approx(94, abs=4)
    assert reached(found, -20) == pytest.approx(94, abs=3)


def test_a_bay_that_is_closed_has_the_colour_of_hair() -> None:
    ends = np.where(np.abs(DEGREES - 20) < 8, 80.0, 94.0)
    drawn = crowned(ends, GREY)
    found = one_outline(drawn, SEEN, POINTS).cut(drawn)
    bay = (np.abs(DEGREES - 20) < 4) & (FAR > 83) & (FAR < 88)
    assert drawn[bay].mean() > 0.8
    assert np.abs(found[bay] - HAIR).max() < 0.25


def test_fog_on_a_crown_becomes_hair_and_skin_stays() -> None:
    drawn = foggy(GREY, 106, 110)
    fog = (np.abs(DEGREES) < 25) & (FAR > 90) & (FAR < 102)
    drawn[fog] = (HAIR + np.array(GREY, np.float32)) / 2
    bald = (np.abs(DEGREES - 45) < 12) & (FAR > 90) & (FAR < 102)
    drawn[bald] = SKIN
    found = one_outline(drawn, SEEN, POINTS).cut(drawn)
    core = (np.abs(DEGREES) < 18) & (FAR > 94) & (FAR < 98)
    assert np.abs(found - HAIR)[core].mean() < 0.45 * np.abs(drawn - HAIR)[core].mean()
    core = (np.abs(DEGREES - 45) < 6) & (FAR > 94) & (FAR < 98)
    np.testing.assert_allclose(found[core], drawn[core], atol=0.05)


def test_a_fleck_on_the_wall_becomes_wall() -> None:
    drawn = foggy(GREY, 98, 102)
    fleck = (X > 8) & (X < 18) & (Y > 216) & (Y < 226)
    drawn[fleck] = HAIR
    found = one_outline(drawn, SEEN, POINTS)
    assert found.wall[fleck].min() > 0.9
    assert np.abs(found.cut(drawn)[fleck] - GREY).max() < 0.1


def test_nothing_grows_from_a_crown_to_the_border_above_it() -> None:
    """Between a head and the border is no notch to close."""
    drawn = crowned(np.full_like(FAR, MIDDLE[1] - 5), GREY)
    found = one_outline(drawn, SEEN, POINTS)
    over = (slice(0, 2), slice(int(MIDDLE[0]) - 8, int(MIDDLE[0]) + 8))
    assert found.wall[over].min() > 0.9


def test_an_outline_has_no_stairs() -> None:
    """It is found at half the size: one step every two pixels, which spectra show."""
    found = one_outline(foggy(GREY, 98, 102), SEEN, POINTS)
    rows = np.arange(int(MIDDLE[1]) - 20, int(MIDDLE[1]) + 60)
    # Where the head begins in each row, to parts of a pixel.
    edge = found.wall[rows, : int(MIDDLE[0])].sum(1)
    radius = np.hypot(MIDDLE[0] - edge, rows - MIDDLE[1])
    assert np.diff(radius, 2).std() < 0.16


def test_a_head_that_fills_the_picture_keeps_its_border() -> None:
    """Wide hair reaches the left and the right border; there is no wall between."""
    drawn = foggy(GREY, 98, 102)
    wide = (np.abs(DEGREES) > 50) & (FAR > 60)
    drawn[wide] = HAIR
    found = one_outline(drawn, SEEN, POINTS)
    beside = (np.abs(DEGREES) > 65) & (np.abs(DEGREES) < 80) & ((X < 4) | (X > 251))
    assert found.wall[beside].max(initial=0) < 0.5


NOWHERE = np.zeros((64, 64), np.float32)


def lending(wall: FloatArray, skin: FloatArray = NOWHERE) -> Placed:
    layer = Layer(np.zeros((256, 256), np.float32), np.zeros((64, 64, 3), np.uint8), POINTS)
    return Placed(layer, POINTS, SKIN, around_face(POINTS), identity(), wall, skin)


def drawn_outline(radius: FloatArray | float) -> Outline:
    none = np.zeros((256, 256, 3), np.float32)
    wall = np.clip((FAR - radius) / 3 + 0.5, 0, 1).astype(np.float32)
    return Outline(wall, none[..., :1], none, none, none)


def beside_the_face(outline: Outline) -> tuple[float, float]:
    """How far the head reaches to the left and to the right, pixels."""
    row = outline.wall[int(MIDDLE[1])] < 0.5
    columns = np.flatnonzero(row)
    return float(MIDDLE[0] - columns.min()), float(columns.max() - MIDDLE[0])


def test_beside_the_face_a_head_is_little_wider_than_the_lenders() -> None:
    by = np.mgrid[:64, :64].astype(np.float32) * 4 + 1.5
    far = np.hypot(by[1] - MIDDLE[0], by[0] - MIDDLE[1])
    # The lender's hair is short to the right, and as long as the drawn head's to the left.
    radius = np.where(by[1] > MIDDLE[0], 90.0, 112.0)
    theirs = np.clip((far - radius) / 4 + 0.5, 0, 1).astype(np.float32)
    left, right = beside_the_face(narrowed(drawn_outline(112), lending(theirs)))
    assert left == pytest.approx(112, abs=2)
    assert right == pytest.approx(95, abs=3)


def test_a_lender_with_more_hair_changes_nothing() -> None:
    drawn = drawn_outline(98)
    assert narrowed(drawn, lending(small_wall(110))) is drawn


def test_a_pale_neck_is_no_wall() -> None:
    drawn = foggy(GREY, 98, 102)
    chin = int(POINTS[CHIN, 1])
    neck = (slice(chin + 2, 256), slice(112, 146))
    drawn[chin:, 104:154] = np.array(GREY) - 0.02
    found = one_outline(drawn, SEEN, POINTS)
    assert found.wall[neck].max() < 0.1
    np.testing.assert_allclose(found.cut(drawn)[neck], drawn[neck], atol=0.02)


def identity() -> FloatArray:
    found: FloatArray = np.stack([(X + 0.5) / 256, (Y + 0.5) / 256], -1)
    return found


def small_wall(radius: float) -> FloatArray:
    by = FAR.reshape(64, 4, 64, 4).mean((1, 3))
    found: FloatArray = np.clip((by - radius) / 4 + 0.5, 0, 1).astype(np.float32)
    return found


def read_at(field: FloatArray) -> FloatArray:
    """(128, 128) from how far off the middle of the face each place is read, pixels."""
    at = field * 256 - 0.5
    found: FloatArray = np.hypot(at[..., 0] - MIDDLE[0], at[..., 1] - MIDDLE[1])
    return found


@pytest.mark.parametrize("theirs", [88.0, 108.0])
def test_another_heads_outline_is_brought_to_this_ones(theirs: float) -> None:
    field = fitted(lending(small_wall(theirs)), small_wall(98), NOWHERE)
    far, whole = FAR[::2, ::2], read_at(field)
    above = (Y[::2, ::2] < MIDDLE[1] - 60) & (np.abs(far - 98) < 0.7)
    assert np.abs(whole[above] - theirs).max() < 3.5
    assert np.abs(whole - far)[SEEN > 0.95].max() < 1.5, "faces stay"
    assert np.abs(whole - far)[far > 150].max() < 2, "what lies far beyond stays"
    # Nothing is folded: farther out is read farther out.
    column = whole[: int(MIDDLE[1] / 2), int(MIDDLE[0] / 2)]
    assert (np.diff(column) < 0).all()


def test_heads_that_end_alike_are_not_moved() -> None:
    field = fitted(lending(small_wall(98)), small_wall(98), NOWHERE)
    assert np.abs(read_at(field) - FAR[::2, ::2]).max() < 1.2


def test_where_no_outline_is_seen_nothing_is_moved() -> None:
    field = fitted(lending(NOWHERE), small_wall(98), NOWHERE)
    assert np.abs(read_at(field) - FAR[::2, ::2]).max() < 1.2


def test_light_on_another_heads_hair_does_not_end_it() -> None:
    """Two heads that end alike, one with a crown as bright as the wall: strands stay where they are."""
    by = np.mgrid[:64, :64].astype(np.float32) * 4 + 1.5
    far = np.hypot(by[1] - MIDDLE[0], by[0] - MIDDLE[1])
    bright = small_wall(98)
    bright[(far > 76) & (far < 90) & (np.abs(by[1] - MIDDLE[0]) < 12) & (by[0] < MIDDLE[1])] = 1
    field = fitted(lending(bright), small_wall(98), NOWHERE)
    assert np.abs(read_at(field) - FAR[::2, ::2]).max() < 1.5


def straight_above(radius: float) -> FloatArray:
    """Places so far above the middle of a face, where a hairline may be as low as they come."""
    far = FAR[::2, ::2]
    found: FloatArray = (MIDDLE[1] - Y[::2, ::2] > 0.98 * far) & (np.abs(far - radius) < 0.7)
    return found


@pytest.mark.parametrize("theirs", [74.0, 86.0])
def test_another_heads_hairline_is_brought_to_this_ones(theirs: float) -> None:
    """Strands begin where the drawn forehead ends, and both outlines stay together."""
    drawn_line = 80.0
    field = fitted(
        lending(small_wall(108), 1 - small_wall(theirs)),
        small_wall(104),
        1 - small_wall(drawn_line),
    )
    far, whole = FAR[::2, ::2], read_at(field)
    assert np.abs(whole[straight_above(drawn_line)] - theirs).max() < 3
    assert np.abs(whole[straight_above(104)] - 108).max() < 3
    assert np.abs(whole - far)[SEEN > 0.95].max() < 1.5, "faces stay"
    assert np.abs(whole - far)[np.abs(Y[::2, ::2] - MIDDLE[1]) < 16].max() < 4.5, (
        "nor beside it"
    )


def test_strands_are_hardly_stretched_to_a_hairline() -> None:
    """A bald forehead and a low one are 28 px apart; 16 are bridged."""
    field = fitted(
        lending(small_wall(112), 1 - small_wall(100)), small_wall(112), 1 - small_wall(72)
    )
    assert np.median(read_at(field)[straight_above(72)]) == pytest.approx(72 + 16, abs=2.5)


@pytest.mark.parametrize("theirs", [70.0, 92.0])
def test_a_moved_hairline_folds_and_tears_nothing(theirs: float) -> None:
    """A forehead's corners are seen as a part of the face: beside them a hairline is known no longer."""
    half = np.where(np.arange(64) < MIDDLE[0] / 4, 1, 0).astype(np.float32)
    for skin in (1 - small_wall(theirs), (1 - small_wall(theirs)) * half):
        field = fitted(lending(small_wall(112), skin), small_wall(104), 1 - small_wall(82))
        rays, whole = Rays(POINTS), read_at(field)
        lines = rays.along(whole)[rays.sine < -0.3]
        assert np.diff(lines[:, 60:104], axis=1).min() > 0.2, "farther out is read farther out"
        assert np.abs(np.diff(lines[:, 60:104], axis=0)).max() < 4, "and beside beside"


@pytest.mark.parametrize(
    ("theirs", "own"), [(0.0, 77.0), (50.0, 77.0), (77.0, 50.0), (102.0, 77.0)]
)
def test_a_fringe_and_a_bald_crown_have_no_hairline(theirs: float, own: float) -> None:
    """Where either head shows no skin over its face, or no hair over its skin, nothing is moved."""
    field = fitted(
        lending(small_wall(104), 1 - small_wall(theirs)), small_wall(104), 1 - small_wall(own)
    )
    assert np.abs(read_at(field) - FAR[::2, ::2]).max() < 1.2


def portrait(wall: float = 0.75) -> FloatArray:
    """Skin in the middle, dark hair above, a wall that grows darker downwards."""
    image = np.full((256, 256, 3), wall, np.float32)
    image -= np.linspace(0, 0.06, 256, dtype=np.float32)[:, None, None]
    image[40:, 60:196] = (0.8, 0.55, 0.42)
    image[30:60, 60:196] = 0.12
    return image


def cut(image: FloatArray) -> FloatArray:
    return one_outline(image, SEEN, POINTS).cut(image)


def test_glows_and_patterns_on_a_wall_go() -> None:
    image = portrait()
    image += (0.03 * np.sin(X / 3) * (X < 40))[..., None].astype(np.float32)
    wall = (slice(20, 230), slice(4, 34))
    assert np.abs(image - portrait())[wall].max() > 0.02
    found = cut(image) - portrait()
    assert np.abs(found)[wall].mean() < 0.004
    assert np.abs(found)[wall].max() < 0.02  # its shade from top to bottom stays


def test_the_head_stays() -> None:
    image = portrait()
    rng = np.random.default_rng(1)
    image[30:, 60:196] += rng.normal(0, 0.02, (226, 136, 1)).astype(np.float32)
    found = cut(image)
    # The corners of its hair are cut off, as no crown has any; its rim is made crisp.
    for rows, columns in ((slice(64, 256), slice(76, 180)), (slice(40, 56), slice(96, 160))):
        np.testing.assert_allclose(found[rows, columns], image[rows, columns], atol=1e-3)


def test_a_head_keeps_its_colours_up_to_its_outline() -> None:
    """The shaded edge of a neck: drawn at half the size it is a blend with the wall, a pale rim."""
    sharp = portrait()
    sharp[100:, 60:66] = sharp[100:, 190:196] = (0.35, 0.24, 0.18)
    soft = blurred(sharp.transpose(2, 0, 1), 2.5).transpose(1, 2, 0)
    found = one_outline(soft, SEEN, POINTS)
    image = found.cut(soft)
    for row in (150, 200, 236):
        left = int(np.argmax(found.wall[row] < 0.05))
        edge = soft[row, left : left + 12].min(0)
        assert (soft[row, left] - edge).max() > 0.1  # paler than the edge
        assert np.abs(image[row, left : left + 3] - edge).max() < 0.06
    # The wall is not moved, nor what lies farther inside.
    assert np.abs(image[100:230, :50] - soft[100:230, :50]).max() < 0.02
    np.testing.assert_allclose(image[200:250, 80:176], soft[200:250, 80:176], atol=1e-3)


def test_skin_as_bright_as_the_wall_is_no_wall() -> None:
    image = portrait(0.45)
    image[40:, 60:196] = (0.6, 0.45, 0.34)
    neck = (slice(240, 256), slice(110, 146))
    assert abs(float(np.log(image[neck].mean()) - np.log(image[240:, :20].mean()))) < 0.2
    assert np.abs(cut(image) - image)[neck].max() < 0.02


def test_a_face_is_no_wall_whatever_its_tone() -> None:
    image = np.full((256, 256, 3), 0.7, np.float32)
    image[150:170, 110:146:4] = 0.68
    np.testing.assert_allclose(cut(image)[150:170, 110:146], image[150:170, 110:146], atol=1e-4)


def test_a_picture_without_a_wall_is_left() -> None:
    rng = np.random.default_rng(2)
    image = np.kron(rng.random((8, 8, 3)), np.ones((32, 32, 1))).astype(np.float32)
    assert (np.abs(cut(image) - image) < 1e-5).mean() > 0.8


def test_the_grain_is_a_camera_s_lies_on_the_wall_and_comes_from_the_seed() -> None:
    image = portrait()
    outline = one_outline(image, SEEN, POINTS)
    found = with_grain(image, outline, 5)
    grain = (found - image)[20:230, 4:34, 0]
    assert 0.0015 < grain.std() < 0.004
    assert np.array_equal(found[outline.wall == 0], image[outline.wall == 0])
    assert np.array_equal(found, with_grain(image, outline, 5))
    assert not np.array_equal(found, with_grain(image, outline, 6))
    assert with_grain(np.ones_like(image), outline, 5).max() <= 1
