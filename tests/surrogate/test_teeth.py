"""An open mouth gets the light of teeth; closed lips, and all around the mouth, stay."""

from __future__ import annotations

import numpy as np
import pytest

from kssgan.faces.landmarks import mean_shape
from kssgan.surrogate._mesh import LOWER_EDGE, UPPER_EDGE
from kssgan.surrogate.teeth import with_teeth
from kssgan.types import FloatArray

SKIN = np.array([0.65, 0.48, 0.4], np.float32)
MIDDLE = len(UPPER_EDGE) // 2


def smile(height: float, turn: float = 0.0, move: float = 0.0) -> FloatArray:
    """(468, 2) a face whose mouth is open by so much of its width."""
    points = mean_shape().astype(np.float64)
    left, right = points[UPPER_EDGE[0]], points[UPPER_EDGE[-1]]
    width = np.linalg.norm(right - left)
    bow = np.sin(np.linspace(0, np.pi, len(UPPER_EDGE)))
    for edge, share in ((UPPER_EDGE, -0.5), (LOWER_EDGE, 0.5)):
        line = left + np.linspace(0, 1, len(edge))[:, None] * (right - left)
        points[list(edge)] = line + np.outer(bow, [0, share * height * width])
    middle = points.mean(0)
    across = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    return ((points - middle) @ across.T + middle + [0, move]).astype(np.float32)


def face(points: FloatArray, inside: float = 0.25) -> FloatArray:
    """Skin, with a grey mouth."""
    image = np.tile(SKIN, (256, 256, 1))
    for top, bottom in zip(points[list(UPPER_EDGE)], points[list(LOWER_EDGE)], strict=True):
        rows = slice(round(float(top[1])), round(float(bottom[1])) + 1)
        columns = slice(round(float(top[0])) - 3, round(float(top[0])) + 4)
        image[rows, columns] = inside
    return image.astype(np.float32)


def at_teeth(image: FloatArray, points: FloatArray) -> FloatArray:
    """(3,) colour in the middle of the mouth."""
    x, y = (points[UPPER_EDGE[MIDDLE]] + points[LOWER_EDGE[MIDDLE]]) / 2
    found: FloatArray = image[round(float(y)), round(float(x)) - 3 : round(float(x)) + 4].mean(
        0
    )
    return found


@pytest.mark.parametrize(("turn", "move"), [(0.0, 0.0), (0.3, 0.0), (0.0, 20.0)])
def test_a_grey_mouth_gets_light_and_cool_teeth(turn: float, move: float) -> None:
    points = smile(0.2, turn, move)
    found = at_teeth(with_teeth(face(points), points), points)
    drawn = at_teeth(face(points), points)
    assert (found > 1.5 * drawn).all()
    assert found.mean() == pytest.approx(SKIN.mean(), rel=0.25)
    assert found[0] / found[2] < SKIN[0] / SKIN[2], "cooler than skin"


def test_teeth_that_are_light_already_stay() -> None:
    points = smile(0.2)
    light = SKIN * np.exp([0.01, 0.18, 0.26])
    image = face(points)
    image[np.abs(image - 0.25).max(2) < 1e-6] = light
    found = at_teeth(with_teeth(image, points), points)
    np.testing.assert_allclose(found, light, rtol=0.06)


def test_closed_lips_and_what_lies_around_stay() -> None:
    closed = smile(0.03)
    image = face(closed)
    assert np.array_equal(with_teeth(image, closed), image)
    points = smile(0.2)
    drawn = face(points)
    changed = np.abs(with_teeth(drawn, points) - drawn).max(2) > 0.01
    rows, columns = np.nonzero(changed)
    assert changed.any()
    low, high = (
        points[list(UPPER_EDGE + LOWER_EDGE)].min(0),
        points[list(UPPER_EDGE + LOWER_EDGE)].max(0),
    )
    assert low[0] - 2 < columns.min()
    assert columns.max() < high[0] + 2
    assert low[1] - 2 < rows.min()
    assert rows.max() < high[1] + 2


def test_a_wider_opening_shows_more() -> None:
    none, some, all_ = (
        float(at_teeth(with_teeth(face(points), points) - face(points), points).mean())
        for points in (smile(0.05), smile(0.08), smile(0.12))
    )
    assert none == 0
    assert 0.1 * all_ < some < 0.5 * all_


@pytest.mark.parametrize("move", [75.0, 200.0, -400.0])
def test_a_mouth_at_the_border_does_no_harm(move: float) -> None:
    low = smile(0.2, move=move)
    found = with_teeth(face(low), low)
    assert np.isfinite(found).all()
    assert 0 <= found.min() <= found.max() <= 1
