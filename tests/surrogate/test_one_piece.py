"""A drawn head of one piece: what hangs from nothing goes, hair from above or on shoulders stays."""

from __future__ import annotations

import numpy as np
import pytest

from kssgan.faces.landmarks import mean_shape
from kssgan.surrogate._mesh import CHIN, OVAL
from kssgan.surrogate._one_piece import one_piece
from kssgan.types import FloatArray

POINTS = mean_shape()
OUTLINE = (POINTS[list(OVAL)] + 0.5) / 2
MIDDLE = OUTLINE.mean(0)
CHIN_ROW = int((POINTS[CHIN, 1] + 0.5) / 2)
TOP = int(OUTLINE[:, 1].min())
EARS = int(TOP + 0.55 * (CHIN_ROW - TOP))
Y, X = np.mgrid[:128, :128].astype(np.float32) + 0.5


def tied() -> FloatArray:
    """A head with ears, tied hair and a neck; nothing beside the jaw."""
    face = np.zeros((128, 128), bool)
    for side in (-1, 1):
        part = OUTLINE[side * (OUTLINE[:, 0] - MIDDLE[0]) >= 0]
        part = part[np.argsort(part[:, 1])]
        far = np.interp(Y[:, 0], part[:, 1], side * (part[:, 0] - MIDDLE[0]), right=0)
        face |= (side * (X - MIDDLE[0]) >= 0) & (side * (X - MIDDLE[0]) <= far[:, None])
    ears = (np.abs(X - MIDDLE[0]) < np.ptp(OUTLINE[:, 0]) / 2 + 4) & (Y < EARS) & (Y > TOP - 8)
    neck = (np.abs(X - MIDDLE[0]) < 14) & (CHIN_ROW - 6 < Y)
    return ((face & (Y > TOP)) | ears | neck).astype(np.float32)


def box(left: float, right: float, top: float, bottom: float) -> np.ndarray:
    return (left < X) & (right > X) & (top < Y) & (bottom > Y)


def test_a_head_of_one_piece_stays_to_the_last_bit() -> None:
    head = tied()
    soft = head * np.float32(0.9) + np.float32(0.05)
    for plane in (head, soft):
        np.testing.assert_array_equal(one_piece(plane, POINTS), plane)


def test_where_no_face_is_seen_nothing_changes() -> None:
    head = tied()
    head[box(MIDDLE[0] - 20, MIDDLE[0] + 20, MIDDLE[1] - 20, MIDDLE[1] + 20)] = 0
    np.testing.assert_array_equal(one_piece(head, POINTS), head)


def test_a_fleck_on_the_wall_goes_with_its_rim() -> None:
    head = tied()
    fleck = box(8, 12, 100, 104)
    head[fleck] = 0.9
    head[box(7, 13, 99, 105) & ~fleck] = 0.5
    np.testing.assert_array_equal(one_piece(head, POINTS), tied())


@pytest.mark.parametrize("side", [-1, 1])
def test_a_stump_beside_the_jaw_goes(side: int) -> None:
    """Above it is no hair, below it no shoulder."""
    head = tied()
    edge = MIDDLE[0] + side * np.ptp(OUTLINE[:, 0]) / 2
    inner, outer = sorted((edge - side * 12, edge + side * 6))
    stump = box(inner, outer, CHIN_ROW - 14, CHIN_ROW - 4) & (head == 0)
    assert stump.sum() > 60
    head[stump] = 1
    left = one_piece(head, POINTS) - tied()
    assert left[stump].mean() < 0.35  # two pixels along the jaw are left
    assert (left == 0)[~stump].all()


def test_a_stump_below_short_hair_that_hides_the_ears_goes() -> None:
    """No wider than the cheeks above it, but below the hair's end."""
    head = tied()
    half = np.ptp(OUTLINE[:, 0]) / 2
    head[box(MIDDLE[0] - half - 10, MIDDLE[0] + half + 10, TOP, EARS + 3)] = 1
    stump = box(MIDDLE[0] + 16, MIDDLE[0] + half - 2, CHIN_ROW - 14, CHIN_ROW - 2) & (head == 0)
    short = head.copy()
    head[stump] = 1
    found = one_piece(head, POINTS)
    assert stump.sum() > 30
    assert found[stump].mean() < 0.5
    np.testing.assert_array_equal(found[~stump], short[~stump])


@pytest.mark.parametrize("bottom", [CHIN_ROW - 4, 128])
def test_hair_that_hangs_from_above_stays(bottom: int) -> None:
    """A bob and hair that is longer."""
    head = tied()
    half = np.ptp(OUTLINE[:, 0]) / 2
    head[box(MIDDLE[0] - half - 10, MIDDLE[0] + half + 10, TOP, bottom)] = 1
    np.testing.assert_array_equal(one_piece(head, POINTS), head)


@pytest.mark.parametrize(("bottom", "stays"), [(CHIN_ROW - 4, False), (128, True)])
def test_below_an_ear_that_shows_no_hair_ends_in_the_air(bottom: int, stays: bool) -> None:
    """Hair behind an ear reaches the shoulders, or is not seen; an ear keeps its lobe."""
    head = tied()
    half = np.ptp(OUTLINE[:, 0]) / 2
    lock = box(MIDDLE[0] + half - 8, MIDDLE[0] + half + 3, EARS, bottom) & (head == 0)
    head[lock] = 1
    found = one_piece(head, POINTS)
    lobe = TOP + 0.72 * (CHIN_ROW - TOP)
    np.testing.assert_array_equal(found[lobe - 1 > Y], head[lobe - 1 > Y])
    low = lock & (lobe + 4 < Y)
    assert found[low].mean() == 1 if stays else found[low].mean() < 0.3
    np.testing.assert_array_equal(found[~lock], head[~lock])


def test_ends_that_flick_outwards_hang_straight() -> None:
    head = tied()
    half = np.ptp(OUTLINE[:, 0]) / 2
    head[box(MIDDLE[0] - half - 10, MIDDLE[0] + half + 10, TOP, CHIN_ROW)] = 1
    straight = head.copy()
    head[box(MIDDLE[0] - half - 20, MIDDLE[0] + half + 20, CHIN_ROW - 6, CHIN_ROW)] = 1
    found = one_piece(head, POINTS)
    beyond = np.abs(X - MIDDLE[0]) > half + 12
    assert found[beyond].max() == 0
    np.testing.assert_array_equal(found[straight == 1], 1)


def test_shoulders_and_a_tail_that_rests_on_them_stay() -> None:
    head = tied()
    head[box(0, 128, 118, 128)] = 1
    head[box(MIDDLE[0] + 12, MIDDLE[0] + 30, CHIN_ROW - 8, 128)] = 1
    np.testing.assert_array_equal(one_piece(head, POINTS), head)


@pytest.mark.parametrize(("size", "filled"), [(4, True), (9, False)])
def test_small_holes_are_filled(size: int, filled: bool) -> None:
    """A wide one is wall seen between strands."""
    head = tied()
    half = np.ptp(OUTLINE[:, 0]) / 2
    head[box(MIDDLE[0] - half - 20, MIDDLE[0] + half + 20, TOP, 128)] = 1
    whole = head.copy()
    left = int(MIDDLE[0] + half + 5)
    head[60 : 60 + size, left : left + size] = 0
    np.testing.assert_array_equal(one_piece(head, POINTS), whole if filled else head)
