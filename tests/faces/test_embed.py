"""Embeddings: unit length, and each depends on its own chip only."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from kssgan.faces.embed import BATCH, DIMENSIONS


@pytest.fixture(scope="module")
def chips() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (BATCH + 5, 150, 150, 3), dtype=np.uint8)


def test_unit_vectors(recogniser: Any, chips: np.ndarray) -> None:
    out = recogniser.embed(chips)
    assert out.shape == (BATCH + 5, DIMENSIONS)
    assert out.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(out, axis=1), 1, atol=1e-6)


def test_neighbours_do_not_matter(recogniser: Any, chips: np.ndarray) -> None:
    together = recogniser.embed(chips)
    for n in (0, 3, BATCH - 1, BATCH, BATCH + 4):
        np.testing.assert_array_equal(recogniser.embed(chips[n : n + 1])[0], together[n])
    np.testing.assert_array_equal(recogniser.embed(chips[::-1]), together[::-1])


def test_nothing_in_nothing_out(recogniser: Any) -> None:
    assert recogniser.embed(np.empty((0, 150, 150, 3), np.uint8)).shape == (0, DIMENSIONS)


@pytest.mark.parametrize(
    "wrong", [np.zeros((1, 150, 150, 3), np.float32), np.zeros((1, 149, 150, 3), np.uint8)]
)
def test_other_shapes_and_types_are_refused(recogniser: Any, wrong: np.ndarray) -> None:
    with pytest.raises(ValueError, match="was wanted"):
        recogniser.embed(wrong)
