from __future__ import annotations

import numpy as np

from kssgan.faces.landmarks import mean_shape
from kssgan.surrogate._mesh import BROWS, EYES, OUTER_LIPS, OVAL
from kssgan.surrogate.sight import SIGHT_SIZE, sight


def at(mask: np.ndarray, points: np.ndarray) -> np.ndarray:
    x, y = np.floor((points + 0.5) * SIGHT_SIZE / 256).astype(int).clip(0, SIGHT_SIZE - 1).T
    found: np.ndarray = mask[y, x]
    return found


def test_features_are_seen_and_what_surrounds_a_face_is_not() -> None:
    points = mean_shape()
    mask = sight(points)
    assert mask.shape == (SIGHT_SIZE, SIGHT_SIZE)
    assert mask.dtype == np.float32
    assert 0 <= mask.min() <= mask.max() <= 1
    for part in (*EYES, *BROWS, OUTER_LIPS):
        assert at(mask, points[list(part)]).min() > 0.8
    outline = points[list(OVAL)]
    middle = outline.mean(0)
    assert at(mask, middle + (outline - middle) * 1.1).max() == 0
    assert mask[:20].max() == mask[-8:].max() == mask[:, :20].max() == 0


def test_a_forehead_is_not_seen() -> None:
    points = mean_shape()
    brows = min(float(points[list(brow), 1].min()) for brow in BROWS)
    row = int((brows - 20) * SIGHT_SIZE / 256)
    assert points[OVAL[0], 1] < brows - 20  # there is a forehead above that row
    assert sight(points)[: row + 1].max() == 0


def test_the_mask_follows_the_face() -> None:
    points = mean_shape()
    moved = sight(points + np.array([8.0, -6.0], np.float32))
    np.testing.assert_allclose(moved, np.roll(sight(points), (-3, 4), (0, 1)), atol=1e-4)
