"""What a release is good for, against hand-computed cases and other ways to compute the same."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from scipy.special import expit

from kssgan.auditing.detection import landmark_errors, landmarks_in_picture
from kssgan.auditing.transfer import as_many, balanced_accuracy, folds, learn, learn_and_test
from kssgan.auditing.variety import variety
from kssgan.faces.align import HEAD_TEMPLATE, similarity
from kssgan.types import DetectedFace, PhotoFace


def test_two_categories_are_newtons_logistic_regression() -> None:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(60, 3))
    y = (x @ [1.0, -2.0, 0.5] + rng.normal(size=60) > 0).astype(np.int64)
    weights = rng.integers(1, 4, 60).astype(float)
    decay = 0.05
    learnt = learn(x.astype(np.float32), y, weights, decay=decay)
    # Softmax with both sides held back is a sigmoid whose difference is held back half as much.
    full, share = np.hstack([x.astype(np.float32), np.ones((60, 1))]), weights / weights.sum()
    held = np.diag([decay / 2] * 3 + [0.0])
    w = np.zeros(4)
    for _ in range(30):
        p = expit(full @ w)
        slope = full.T @ (share * (p - y)) + held @ w
        w -= np.linalg.solve((full.T * (share * p * (1 - p))) @ full + held, slope)
    assert np.allclose(learnt[:, 1] - learnt[:, 0], w, atol=2e-3)
    assert np.allclose(learnt[:-1, 1], -learnt[:-1, 0], atol=1e-3)


def test_what_was_learnt_is_read_and_one_category_alone_is_all_that_can_be() -> None:
    rng = np.random.default_rng(1)
    x = rng.normal(size=(80, 4)).astype(np.float32)
    labels = ["old" if row[2] > 0 else "young" for row in x]
    read = learn_and_test(x[:60] * 7 + 100, labels[:60], np.ones(60), x[60:] * 7 + 100)
    assert balanced_accuracy(read, labels[60:]) > 0.85
    assert learn_and_test(x[:3], ["old"] * 3, np.ones(3), x[:2]) == ["old", "old"]


def test_weights_are_as_many_pictures() -> None:
    rng = np.random.default_rng(2)
    x, y = rng.normal(size=(12, 2)).astype(np.float32), np.array([0, 1] * 6)
    counts = np.array([1, 2, 3] * 4)
    again = learn(np.repeat(x, counts, 0), np.repeat(y, counts), np.ones(counts.sum()))
    assert np.allclose(learn(x, y, counts), again, atol=1e-3)


def test_chance_is_one_half_however_unequal_the_categories() -> None:
    assert balanced_accuracy(["f"] * 10, ["f"] * 9 + ["m"]) == 0.5
    assert balanced_accuracy([], []) is None


def test_a_rare_category_is_learnt_as_much_as_a_common_one() -> None:
    """Two clouds that overlap: the border lies half way, however many there are of either."""
    rng = np.random.default_rng(7)
    many, few = rng.normal(-1, 1, (400, 1)), rng.normal(1, 1, (20, 1))
    train = np.concatenate([many, few]).astype(np.float32)
    shown = ["common"] * 400 + ["rare"] * 20
    test = np.linspace(-2, 2, 401, dtype=np.float32)[:, None]
    read = learn_and_test(train, shown, np.ones(420), test)
    assert abs(float(test[read.index("rare"), 0])) < 0.4
    twice = learn_and_test(train, shown, np.full(420, 2.0), test)
    assert read == twice


def test_as_many_of_each_category_are_taken_by_chance() -> None:
    known = ["f", "m", None, "f", "m", "f", "m", None]
    found = [
        as_many(["m", "f", "m"], known, rng=np.random.default_rng(seed)) for seed in range(9)
    ]
    for rows in found:
        assert sorted(str(known[row]) for row in rows) == ["f", "m", "m"]
    assert len({tuple(rows) for rows in found}) > 1
    rng = np.random.default_rng(0)
    assert as_many(["m"] * 9 + ["x"], known, rng=rng).tolist() == [1, 4, 6]
    assert as_many([], known, rng=rng).shape == (0,)


def test_parts_are_equal_and_by_chance() -> None:
    found = folds(23, parts=5, seed=3)
    assert sorted(np.bincount(found).tolist()) == [4, 4, 5, 5, 5]
    assert np.array_equal(found, folds(23, parts=5, seed=3))
    assert not np.array_equal(found, folds(23, parts=5, seed=4))


def test_variety_is_the_median_of_pairs_of_different_people() -> None:
    x = np.random.default_rng(4).normal(size=(9, 3))
    who = [0, 0, 1, 2, 2, 2, 3, 4, 4]
    pairs = [
        np.linalg.norm(x[i] - x[j]) for i, j in combinations(range(9), 2) if who[i] != who[j]
    ]
    assert variety(x, who) == pytest.approx(np.median(pairs))
    assert variety(x[:1]) is None
    assert variety(x[:2], [7, 7]) is None
    assert variety(np.ones((4, 3))) == 0.0


def test_landmarks_come_back_to_the_picture_they_were_found_in() -> None:
    rng = np.random.default_rng(5)
    in_picture = rng.uniform(60, 200, (468, 2))
    five = HEAD_TEMPLATE @ np.array([[0.9, -0.2], [0.2, 0.9]], np.float32) + 12
    matrix, shift = similarity(five, HEAD_TEMPLATE)
    in_crop = (in_picture @ matrix.T + shift).astype(np.float32)
    face = DetectedFace((0.0, 0.0, 1.0, 1.0), 1.0, five.astype(np.float32))
    crop = np.zeros((256, 256, 3), np.uint8)
    found = landmarks_in_picture(PhotoFace(crop, np.zeros(2, np.float32), face, {}, in_crop))
    assert np.allclose(found, in_picture, atol=1e-3)
    assert landmarks_in_picture(PhotoFace(crop, np.zeros(2, np.float32), face)) is None


def test_errors_of_landmarks_are_of_the_eyes_distance_and_unknown_ones_stay_unknown() -> None:
    wanted = np.random.default_rng(6).uniform(0, 256, (3, 468, 2)).astype(np.float32)
    found = wanted.copy()
    found[1, :117] += np.float32([6.0, 8.0])  # a quarter of the points, by 10 pixels
    found[2] = np.nan
    errors = landmark_errors(found, wanted)
    eyes = np.linalg.norm(wanted[1, 263] - wanted[1, 33])
    assert errors[0] == 0.0
    assert errors[1] == pytest.approx(2.5 / eyes, rel=1e-5)
    assert np.isnan(errors[2])
