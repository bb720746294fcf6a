"""Fine detail lies on the face alone, and the group's tones stay."""

from __future__ import annotations

import numpy as np
import pytest

from kssgan.faces.landmarks import mean_shape
from kssgan.surrogate import face_detail
from kssgan.surrogate._mesh import BROWS, CHIN, MOUTH_CORNERS, NOSE_TIP, OUTER_LIPS, across
from kssgan.surrogate._torch_warp import blurred, enlarge
from kssgan.surrogate.face_detail import with_face_detail
from kssgan.surrogate.head_detail import around_face
from kssgan.surrogate.sight import sight
from kssgan.surrogate.warp import Warp
from kssgan.types import FloatArray

POINTS = mean_shape()
WARP = Warp(POINTS)
SKIN = np.array([0.8, 0.6, 0.5], np.float32)
FACE = np.kron(sight(POINTS), np.ones((2, 2)))
AROUND = around_face(POINTS)
BROW = int(min(POINTS[list(brow), 1].min() for brow in BROWS))


def head() -> FloatArray:
    image = np.full((256, 256, 3), 0.75, np.float32)
    image[:, 60:196] = SKIN
    image[:50, 60:196] = 0.15
    return image


def stripes(strength: float = 0.2) -> FloatArray:
    rows = np.where(np.arange(256) // 2 % 2, strength, -strength).astype(np.float32)
    return np.repeat(rows[None], 256, 0)


def lend(image: FloatArray, fine: FloatArray, shift: float = 0) -> FloatArray:
    return with_face_detail(image, POINTS, SKIN, fine, POINTS + np.float32(shift), WARP)


def logs(image: FloatArray) -> FloatArray:
    found: FloatArray = np.log(image.mean(2) + np.float32(0.03))
    return found


SKIN_ALONE = (slice(214, 222), slice(110, 146))
"""A chin: near neither eyes nor mouth, nor at the rim."""


def test_a_face_takes_the_detail() -> None:
    assert FACE[SKIN_ALONE].min() > 0.99
    assert given(SKIN_ALONE) == pytest.approx(1.2, abs=0.1)


def test_hair_wall_and_neck_do_not() -> None:
    drawn, found = head(), lend(head(), stripes(1.0))
    assert np.array_equal(found[:40], drawn[:40])
    assert np.array_equal(found[:, :40], drawn[:, :40])
    assert np.array_equal(found[248:], drawn[248:])


def given(where: tuple[slice, slice], strength: float = 0.2) -> float:
    """How much of the detail a place takes."""
    fine = stripes(strength)
    found = logs(lend(head(), fine)) - logs(head())
    return float((found[where] * fine[where]).sum() / (fine[where] ** 2).sum())


def test_around_the_eyes_detail_is_weaker() -> None:
    """Lids and brows looked etched with what cheeks need."""
    eye = POINTS[[33, 133]].mean(0).astype(int)
    lids = (slice(eye[1] - 8, eye[1] + 8), slice(eye[0] - 8, eye[0] + 8))
    assert given(lids) == pytest.approx(0.95 / 1.28 * given(SKIN_ALONE), rel=0.05)


def test_around_nose_and_lips_detail_is_weaker() -> None:
    """Nostrils and folds were 1.2 to 1.5 times as sharp as on photographs: carved."""
    (left, _), (right, bottom) = (
        POINTS[list(MOUTH_CORNERS)].min(0),
        POINTS[list(OUTER_LIPS)].max(0),
    )
    lips = (slice(int(POINTS[NOSE_TIP, 1]), int(bottom)), slice(int(left), int(right)))
    assert given(lips) == pytest.approx(0.90 / 1.28 * given(SKIN_ALONE), rel=0.05)


def test_furrows_of_a_forehead_are_weaker(monkeypatch: pytest.MonkeyPatch) -> None:
    middle = int(POINTS[CHIN, 0])
    forehead = (slice(BROW - 18, BROW - 12), slice(middle - 10, middle + 10))
    weaker = given(forehead, 0.03)
    monkeypatch.setattr(face_detail, "_FURROWS", np.float32(1))
    assert weaker == pytest.approx(0.8 * given(forehead, 0.03), rel=0.05)


def test_there_is_no_ring_without_detail_around_a_chin() -> None:
    """Up to where the detail of the head begins."""
    column, chin = int(POINTS[CHIN, 0]), int(POINTS[CHIN, 1])
    ring = (slice(chin - 12, chin - 4), slice(column - 8, column + 8))
    assert FACE[ring].mean() < 0.9
    covered = given(ring, 0.05) + (1 - given(ring, 0.05)) * float(AROUND[ring].mean())
    assert covered > 0.9


def test_at_its_rim_a_face_is_lent_no_light() -> None:
    """There its people have walls and earrings."""
    white = np.full((256, 256), 1.0, np.float32)
    rim = (enlarge(sight(POINTS)[None], 256)[0] < 0.01) & (AROUND < 0.6)
    rim[: BROW + 20] = False
    skin = np.tile(np.float32(0.7) * SKIN, (256, 256, 1))
    lighter = (logs(lend(skin, white)) - logs(skin))[rim]
    darker = (logs(lend(skin, -white)) - logs(skin))[rim]
    assert rim.sum() > 100
    assert 0.05 < lighter.max() < 0.17
    assert 0.2 < -darker.min() < 0.42


SIDE = int(np.argmin(np.abs(across(POINTS, np.arange(256)) - 0.9)))


def with_hair() -> tuple[FloatArray, tuple[slice, slice]]:
    """A face whose right side is hidden by dark hair, and where that begins."""
    drawn = head()
    drawn[:, SIDE:] = 0.1
    return drawn, (slice(BROW + 10, BROW + 40), slice(SIDE - 12, SIDE + 12))


def test_hair_beside_a_face_takes_no_detail_of_a_face() -> None:
    drawn, (rows, _) = with_hair()
    hair = (rows, slice(SIDE + 4, SIDE + 10))
    np.testing.assert_allclose(lend(drawn, stripes())[hair], drawn[hair], atol=2e-3)


def test_a_face_ends_beside_hair_as_it_was_drawn() -> None:
    """Its light was blurred across that edge, a grey band on every face with hair beside it."""
    drawn, where = with_hair()
    nothing = np.zeros((256, 256), np.float32)
    found = lend(drawn, nothing)
    for beside in (slice(SIDE - 12, SIDE - 2), slice(SIDE + 3, SIDE + 12)):
        part = where[0], beside
        np.testing.assert_allclose(found[part], drawn[part], atol=0.04)


def test_beside_the_cheeks_no_strand_is_lent() -> None:
    """Of a few people hair hangs there: a dark line on a cheek."""
    eye = int(POINTS[33, 1])
    cheek = int(np.argmin(np.abs(across(POINTS, np.arange(256)) - 0.8)))
    where = (slice(eye + 12, eye + 26), slice(cheek - 2, cheek + 2))
    found = logs(lend(head(), stripes(0.5))) - logs(head())
    assert FACE[where].min() > 0.9
    assert np.abs(found[where]).max() < 0.17
    pores = logs(lend(head(), stripes(0.05))) - logs(head())
    assert np.abs(pores[where]).max() > 0.05


def test_etched_detail_goes_and_tones_stay() -> None:
    rng = np.random.default_rng(0)
    etched = np.clip(head() * np.exp(rng.normal(0, 0.1, (256, 256, 1))), 0, 1).astype(
        np.float32
    )
    found = lend(etched, np.zeros((256, 256), np.float32))
    inner = (slice(150, 180), slice(110, 146))
    assert logs(found)[inner].std() < 0.15 * logs(etched)[inner].std()
    soft = [
        blurred(image.transpose(2, 0, 1), 6.0)[:, 150:180, 110:146] for image in (etched, found)
    ]
    assert np.abs(soft[0] - soft[1]).max() < 0.02


def colours(image: FloatArray) -> FloatArray:
    there = np.log(image + np.float32(0.03))
    result: FloatArray = there - there.mean(-1, keepdims=True)
    return result


def test_fine_colours_stay_as_they_were_drawn() -> None:
    lips = head()
    lips[164:167, 112:144] = (0.7, 0.4, 0.42)  # three pixels high, narrower than the blur
    found = lend(lips, np.zeros((256, 256), np.float32))
    np.testing.assert_allclose(
        colours(found)[165, 120:136], colours(lips)[165, 120:136], atol=0.01
    )


def test_folds_are_redder_than_skin_and_glints_whiter() -> None:
    """Red changes least with the light and blue most, as on photographs of skin."""
    found = np.log(lend(head(), stripes()) + 0.03) - np.log(head() + 0.03)
    inner = (slice(150, 180), slice(110, 146))
    red, green, blue = ((found[inner][..., i] * stripes()[inner]).sum() for i in range(3))
    assert 0.75 < red / green < 0.9
    assert 1.02 < blue / green < 1.15


def test_shades_of_a_face_gain_contrast_and_its_tone_stays() -> None:
    shaded = head()
    row = np.mgrid[:256, :256][0].astype(np.float32)
    shaded *= np.exp(0.1 * np.sin(row * (2 * np.pi / 80)))[..., None]
    found = lend(shaded, np.zeros((256, 256), np.float32))
    inner = (slice(128, 208), slice(118, 138))  # one whole wave
    before, after = logs(shaded)[inner], logs(found)[inner]
    assert 1.03 < after.std() / before.std() < 1.25
    assert abs(after.mean() - before.mean()) < 0.01


def test_a_forehead_takes_no_strands() -> None:
    found = np.abs(logs(lend(head(), stripes(0.8))) - logs(head()))
    above = (slice(BROW - 26, BROW - 10), slice(112, 144))
    assert 0.01 < found[above].max() < 0.07
    assert found[150:180, 110:146].max() > 0.5


def test_detail_is_brought_to_the_face() -> None:
    """The same face elsewhere in its picture: it is moved, not laid on where it was."""
    there = np.zeros((256, 256), np.float32)
    there[168:174, 120:126] = 0.6
    plain, moved = lend(head(), there), lend(head(), np.roll(there, (9, 9), (0, 1)), 9)
    near = (slice(140, 200), slice(96, 160))
    assert np.abs(plain - head())[near].max() > 0.2
    assert np.abs(plain - moved)[near].max() < 0.05
    assert np.array_equal(plain, lend(head(), there))
