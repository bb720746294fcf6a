from __future__ import annotations

import numpy as np
import pytest

from kssgan.faces.landmarks import mean_shape
from kssgan.surrogate._mesh import OUTER_LIPS
from kssgan.surrogate.expression import STRENGTH, express, position
from kssgan.surrogate.shape import ShapeMean
from kssgan.types import FloatArray


@pytest.fixture
def shapes() -> dict[str, FloatArray]:
    """Happy mouths are wider by 8 px."""
    neutral = mean_shape()
    happy = neutral.copy()
    lips = list(OUTER_LIPS)
    happy[lips, 0] += 4 * np.sign(neutral[lips, 0] - neutral[lips, 0].mean())
    return {"neutral": neutral, "happy": happy}


def face(points: FloatArray) -> ShapeMean:
    rng = np.random.default_rng(0)
    image = np.kron(rng.random((32, 32, 3)), np.ones((8, 8, 1))).astype(np.float32)
    return ShapeMean(image, points)


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
            found = express(face(points.astype(np.float32)), wanted, shapes)
            assert position(found.points, wanted, shapes) == pytest.approx(STRENGTH, abs=1e-3)
            assert found.image_01.shape == (256, 256, 3)
            assert found.image_01.dtype == np.float32
            assert 0 <= found.image_01.min() <= found.image_01.max() <= 1


def test_a_face_is_never_torn(shapes: dict[str, FloatArray]) -> None:
    odd = shapes["neutral"] - 9 * (shapes["happy"] - shapes["neutral"])
    found = express(face(odd.astype(np.float32)), "happy", shapes)
    assert position(found.points, "happy", shapes) == pytest.approx(-9 + 2, abs=1e-3)


def test_only_the_mouth_moves_and_unknown_expressions_change_nothing(
    shapes: dict[str, FloatArray],
) -> None:
    mean = face(shapes["neutral"])
    assert express(mean, "", shapes) is mean
    assert express(mean, "sad", shapes) is mean
    assert express(mean, "happy", {"happy": shapes["happy"]}) is mean
    smiling = express(mean, "happy", shapes)
    away = np.abs(smiling.image_01 - np.rint(mean.image_01 * 255) / np.float32(255)).max(2)
    lips = mean.points[list(OUTER_LIPS)]
    (left, top), (right, bottom) = lips.min(0).astype(int), lips.max(0).astype(int)
    assert away[top : bottom + 1, left : right + 1].mean() > 4 * away[:60].mean()
    again = express(mean, "happy", shapes)
    np.testing.assert_array_equal(smiling.image_01, again.image_01)
