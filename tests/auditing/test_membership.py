"""Membership inference where it is obvious, where there is nothing to find, and by hand."""

from __future__ import annotations

import numpy as np
import pytest

from kssgan.auditing.membership import membership, nearest_drawing, per_person
from kssgan.testing.fakes import PaintedAnalyser, painted_pattern


def _crop(person: int, shot: int = 0) -> np.ndarray:
    return np.kron(painted_pattern(person, shot), np.ones((32, 32, 1), np.uint8))


TRAINED, HELD = range(40), range(100, 140)


def _attack(drawings: list[np.ndarray]):
    """Photos other than those trained on; the drawings are all that the attacker has of the weights."""
    look = PaintedAnalyser().embed_crops
    people = np.array([*TRAINED, *HELD])
    photos = look(np.stack([_crop(p, 1) for p in people]))
    who, near = nearest_drawing(look(np.stack(drawings)), photos, people)
    return membership(near[who < 100], near[who >= 100])


def test_a_generator_that_draws_its_training_people_gives_them_away() -> None:
    noise = np.random.default_rng(0).normal(0, 8, (100, 256, 256, 3))
    drawn = [np.clip(_crop(n % 40, 0) + noise[n], 0, 255).astype(np.uint8) for n in range(100)]
    found = _attack(drawn)
    assert found.auc > 0.99
    assert found.auc_bounds[0] > 0.98
    assert found.tar["1e1"] == 1.0
    assert found.figures()["tar_at_far_1e1_low"] == pytest.approx(0.05 ** (1 / 40))


def test_one_that_draws_nobody_gives_nobody_away() -> None:
    found = _attack([_crop(1000 + n) for n in range(100)])
    assert found.auc_bounds[0] < 0.5 < found.auc_bounds[1]
    assert abs(found.auc - 0.5) < 0.15
    assert found.tar["1e1"] < 0.3


def test_by_hand() -> None:
    trained, others = [0.1, 0.2, 0.6, 0.6], [0.2, 0.5, 0.7, 0.8, 0.9]
    found = membership(trained, others, fars={"1": 0.2, "2": 0.4, "0": 0.1, "all": 1.0})
    # Pairs won: 5; 4 and a tie; 3; 3.
    assert found.auc == pytest.approx((5 + 4.5 + 3 + 3) / 20)
    # One of five may be accepted: all below the second other, 0.5.
    assert found.tar == {"1": 0.5, "2": 1.0, "0": None, "all": 1.0}
    assert (found.trained, found.others) == (4, 5)


def test_more_others_may_be_accepted_only_where_they_are_there() -> None:
    trained, others = np.linspace(0, 1, 50), np.linspace(0, 1, 95)
    found = membership(trained, others)
    assert found.tar["1e1"] == pytest.approx(0.1, abs=0.02)
    assert found.tar["1e2"] is None  # 95 people cannot show one in a hundred
    assert found.figures()["tar_at_far_1e2_high"] is None


def test_a_person_is_the_mean_of_photos_or_the_nearest() -> None:
    who, means = per_person([1.0, 3.0, 5.0], np.array([7, 7, 2]))
    assert who.tolist() == [2, 7]
    assert means.tolist() == [5.0, 2.0]
    drawings = np.float32([[1, 0], [0, 1]])
    photos = np.float32([[1, 0], [-1, 0], [0, -1]])
    who, near = nearest_drawing(drawings, photos, np.array([7, 7, 2]))
    assert who.tolist() == [2, 7]
    assert near == pytest.approx([np.sqrt(2), 0.0], abs=1e-3)


def test_exceptions() -> None:
    with pytest.raises(ValueError, match="at least two people"):
        membership([0.1], [0.2, 0.3])
    with pytest.raises(ValueError, match="not finite"):
        membership([0.1, np.nan], [0.2, 0.3])
