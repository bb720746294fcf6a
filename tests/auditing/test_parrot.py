"""The parrot's learners against slow ones written from the definitions, and where people share a picture."""

from __future__ import annotations

import numpy as np
import pytest

from kssgan.auditing.parrot import head_distances, lda_distances
from kssgan.auditing.recompute import recompute_distances


def _shared(k: int, persons: int = 24, width: int = 12) -> tuple[np.ndarray, np.ndarray]:
    """Pictures that k people each hold, one row for each person."""
    random = np.random.default_rng(k)
    pictures = random.normal(size=(persons // k, width)).astype(np.float32)
    pictures /= np.linalg.norm(pictures, axis=1, keepdims=True)
    return np.repeat(pictures, k, axis=0), np.arange(persons)


def _slow_head(train: np.ndarray, who: np.ndarray, persons: int) -> np.ndarray:
    """The optimum of the same loss with a row for each person, by a long descent."""
    from scipy.optimize import minimize
    from scipy.special import log_softmax

    x = np.hstack([train.astype(float) * 16.0, np.ones((len(train), 1))])
    target = np.eye(persons)[who]

    def loss(flat: np.ndarray) -> tuple[float, np.ndarray]:
        w = flat.reshape(x.shape[1], persons)
        logs = log_softmax(x @ w, axis=1)
        slope = x.T @ (np.exp(logs) - target) / len(x) + 1e-4 * w
        value = -(logs * target).sum() / len(x) + 1e-4 * (w**2).sum() / 2
        return float(value), slope.ravel()

    solved = minimize(
        loss,
        np.zeros(x.shape[1] * persons),
        jac=True,
        method="L-BFGS-B",
        options={"maxiter": 5000, "maxfun": 9000, "ftol": 1e-14, "gtol": 1e-8},
    )
    return -log_softmax(x @ solved.x.reshape(x.shape[1], persons), axis=1)


@pytest.mark.parametrize("k", [1, 3])
def test_the_head_is_the_one_of_a_row_for_each_person(k: int) -> None:
    train, who = _shared(k, persons=6, width=4)
    found = head_distances(train, who, train, 6)
    assert found == pytest.approx(_slow_head(train, who, 6), rel=5e-3, abs=2e-3)


def test_the_head_weighs_people_with_several_pictures() -> None:
    random = np.random.default_rng(5)
    train = random.normal(size=(9, 4)).astype(np.float32)
    who = np.array([0, 0, 0, 1, 1, 2, 3, 3, 3])
    assert head_distances(train, who, train, 4) == pytest.approx(
        _slow_head(train, who, 4), rel=5e-3, abs=2e-3
    )


def _slow_lda(train: np.ndarray, who: np.ndarray, probes: np.ndarray) -> np.ndarray:
    """PCA by singular values of all rows, scatters by loops over people."""
    x = train.astype(float)
    middle = x.mean(0)
    _, values, axes = np.linalg.svd(x - middle, full_matrices=False)
    axes = axes[values > 1e-4 * values[0]]
    low = (x - middle) @ axes.T
    people = np.unique(who)
    means = np.array([low[who == p].mean(0) for p in people])
    within = sum(
        (low[who == p] - m).T @ (low[who == p] - m) for p, m in zip(people, means, strict=True)
    )
    within = within / len(low)
    size = len(axes)
    spread = np.trace(within)
    if spread < 1e-9:
        spread = (low**2).sum() / len(low)
    within = 0.9 * within + 0.1 * np.eye(size) * spread / size
    inverse = np.linalg.inv(within)
    seen = (probes - middle) @ axes.T
    return np.array([[np.sqrt((s - m) @ inverse @ (s - m)) for m in means] for s in seen])


@pytest.mark.parametrize("k", [1, 3])
def test_lda_is_the_one_of_a_row_for_each_person(k: int) -> None:
    train, who = _shared(k, width=7)  # fewer directions than pictures: LDA keeps them all
    probes = np.random.default_rng(1).normal(size=(5, 7)).astype(np.float32)
    found = lda_distances(train, who, probes, 24)
    assert found == pytest.approx(_slow_lda(train, who, probes), rel=1e-6)


def test_lda_with_several_pictures_a_person() -> None:
    random = np.random.default_rng(2)
    who = np.repeat(np.arange(12), 3)
    train = (random.normal(size=(12, 6))[who] + 0.3 * random.normal(size=(36, 6))).astype("f4")
    probes = random.normal(size=(4, 6)).astype(np.float32)
    found = lda_distances(train, who, probes, 12)
    assert found == pytest.approx(_slow_lda(train, who, probes), rel=1e-6)


@pytest.mark.parametrize("learn", [lda_distances, head_distances])
def test_people_of_one_picture_tie_exactly(learn) -> None:
    train, who = _shared(3)
    found = learn(train, who, train[::3], 24)
    groups = found.reshape(8, 8, 3)
    assert (groups == groups[..., :1]).all()
    assert (found.argmin(1) // 3 == np.arange(8)).all()


def test_who_was_never_seen_is_far_and_one_picture_teaches_nothing() -> None:
    train, who = _shared(3)
    assert (head_distances(train, who, train, 30)[:, 24:] == 1e6).all()
    assert (lda_distances(train, who, train, 30)[:, 24:] == 1e6).all()
    same = np.tile(train[:1], (24, 1))
    assert (lda_distances(same, who, train[:2], 24) == 1e6).all()


def test_recompute_is_the_root_of_mean_squares() -> None:
    random = np.random.default_rng(0)
    one = random.integers(0, 256, (3, 4, 4, 3), dtype=np.uint8)
    other = random.integers(0, 256, (2, 4, 4, 3), dtype=np.uint8)
    found = recompute_distances(one, other, [(0, 0), (1, 1), (0, 2), (1, 2)], 4)
    each = np.array(
        [
            [np.sqrt(((a - b) ** 2).mean()) for b in other.astype(float)]
            for a in one.astype(float)
        ]
    )
    assert found[:, :2] == pytest.approx(each)
    assert found[:, 2] == pytest.approx(each.min(1))
    assert np.isinf(found[:, 3]).all()
    assert recompute_distances(one, one, [(2, 0)], 1)[2, 0] == 0.0
