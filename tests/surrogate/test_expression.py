from __future__ import annotations

import numpy as np
import pytest

from kssgan.faces.landmarks import mean_shape
from kssgan.surrogate._mesh import OUTER_LIPS, STILL
from kssgan.surrogate.expression import STRENGTH, express, foreign, position, upright
from kssgan.types import FloatArray


@pytest.fixture
def shapes() -> dict[str, FloatArray]:
    """Happy mouths are wider by 8 px."""
    neutral = mean_shape()
    happy = neutral.copy()
    lips = list(OUTER_LIPS)
    happy[lips, 0] += 4 * np.sign(neutral[lips, 0] - neutral[lips, 0].mean())
    return {"neutral": neutral, "happy": happy}


def test_positions_by_hand(shapes: dict[str, FloatArray]) -> None:
    assert position(shapes["neutral"], "happy", shapes) == pytest.approx(0)
    assert position(shapes["happy"], "happy", shapes) == pytest.approx(1)
    assert position(shapes["happy"], "neutral", shapes) == pytest.approx(0)
    middle = (shapes["neutral"] + shapes["happy"]) / 2
    assert position(middle, "neutral", shapes) == pytest.approx(0.5)


def test_every_mean_ends_where_the_expression_is_plain(shapes: dict[str, FloatArray]) -> None:
    for share in (-0.2, 0.3, 1.0):
        points = shapes["neutral"] + np.float32(share) * (shapes["happy"] - shapes["neutral"])
        for wanted in shapes:
            found = express(points.astype(np.float32), wanted, shapes)
            assert position(found, wanted, shapes) == pytest.approx(STRENGTH, abs=1e-3)
            assert found.shape == points.shape
            assert found.dtype == np.float32


def test_a_face_is_never_torn(shapes: dict[str, FloatArray]) -> None:
    odd = shapes["neutral"] - 9 * (shapes["happy"] - shapes["neutral"])
    found = express(odd.astype(np.float32), "happy", shapes)
    assert position(found, "happy", shapes) == pytest.approx(-9 + 2, abs=1e-3)


def test_only_the_mouth_moves_and_unknown_expressions_change_nothing(
    shapes: dict[str, FloatArray],
) -> None:
    points = shapes["neutral"]
    assert express(points, "", shapes) is points
    assert express(points, "sad", shapes) is points
    assert express(points, "happy", {"happy": shapes["happy"]}) is points
    away = np.abs(express(points, "happy", shapes) - points).max(1)
    lips = np.isin(np.arange(len(points)), OUTER_LIPS)
    assert away[lips].min() > 1
    assert away[~lips].max() < 1e-3


def test_what_is_plain_is_not_foreign(shapes: dict[str, FloatArray]) -> None:
    way = shapes["happy"] - shapes["neutral"]
    smiling = (shapes["neutral"] + np.float32(1.6) * way).astype(np.float32)
    assert foreign(smiling, "happy", shapes) == pytest.approx(0, abs=1e-4)
    assert foreign(smiling, "neutral", shapes) == 1.0
    assert foreign(shapes["neutral"], "happy", shapes) == pytest.approx(STRENGTH / 2)
    assert foreign(shapes["happy"] + way, "happy", shapes) == 0.0
    assert foreign(smiling, "sad", shapes) == 0.0
    assert foreign(smiling, "happy", {"happy": shapes["happy"]}) == 0.0


def test_a_smile_leaves_the_head_in_its_place(shapes: dict[str, FloatArray]) -> None:
    """However a crop was aligned: turned, smaller or moved, the forehead comes back to where it was."""
    angle = np.radians(5)
    turn = 0.95 * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    crooked = (shapes["happy"] @ turn.T + np.array([3.0, -4.0])).astype(np.float32)
    found = upright(crooked, shapes)
    still = list(STILL)
    assert np.abs(crooked[still] - shapes["neutral"][still]).max() > 5
    np.testing.assert_allclose(found[still], shapes["neutral"][still], atol=0.01)
    np.testing.assert_allclose(found, shapes["happy"], atol=0.01)  # the smile stays
    assert found.dtype == np.float32
    assert upright(crooked, {}) is crooked


def test_what_is_still_lies_above_the_middle_of_the_eyes() -> None:
    points = mean_shape()
    assert points[list(STILL), 1].max() < points[:, 1].mean()
    assert not set(STILL) & set(OUTER_LIPS)
