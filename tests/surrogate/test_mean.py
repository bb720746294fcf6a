"""Rule 3 for the plain mean: nobody's face, everybody's weight the same, no order."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kssgan.surrogate import MeanSurrogate
from kssgan.surrogate.mean import equal_mean
from kssgan.types import SurrogateMethod

people = st.lists(st.lists(st.integers(0, 255), min_size=1, max_size=7), min_size=1, max_size=9)


def _pictures(person: list[int]) -> list[np.ndarray]:
    return [np.full((2, 2, 3), level, np.uint8) for level in person]


@given(people, st.randoms(use_true_random=False))
@settings(max_examples=200, deadline=None)
def test_any_order_gives_the_same_bits(levels: list[list[int]], random: object) -> None:
    first = equal_mean([_pictures(p) for p in levels])
    shuffled = [random.sample(p, len(p)) for p in levels]  # type: ignore[attr-defined]
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    assert equal_mean([_pictures(p) for p in shuffled]).tobytes() == first.tobytes()


@given(people)
@settings(max_examples=200, deadline=None)
def test_every_person_weighs_the_same(levels: list[list[int]]) -> None:
    exact = sum(Fraction(sum(p), len(p)) for p in levels) / len(levels) / 255
    assert equal_mean([_pictures(p) for p in levels])[0, 0, 0] == pytest.approx(
        float(exact), abs=1e-6
    )


def test_repeating_a_persons_photos_changes_nothing() -> None:
    rng = np.random.default_rng(0)
    a, b = (rng.integers(0, 256, (4, 4, 3), dtype=np.uint8) for _ in range(2))
    assert np.array_equal(equal_mean([[a], [b]]), equal_mean([[a, a, a], [b]]))


def test_exceptions() -> None:
    with pytest.raises(ValueError, match="no people"):
        equal_mean([])
    with pytest.raises(ValueError, match="without a picture"):
        equal_mean([[]])


def test_method_meets_the_protocol_and_rounds() -> None:
    method = MeanSurrogate()
    assert isinstance(method, SurrogateMethod)
    picture = method.draw(np.full((2, 2, 3), 0.5, np.float32), {}, seed=3)
    assert picture.dtype == np.uint8
    assert picture[0, 0, 0] == 128
