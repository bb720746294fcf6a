"""Train on released pictures, test on real photos: is a release of use to whoever teaches a classifier?"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt

from kssgan.types import FloatArray, IntArray

__all__ = [
    "Lessons",
    "as_many",
    "balanced_accuracy",
    "cross_tested",
    "folds",
    "learn",
    "learn_and_test",
]

DECAY = 1e-2
"""Of the classifier's weights, on features of unit variance: fits of few pictures are held back."""

_Array = npt.NDArray[np.float64]

Lessons = tuple[FloatArray, Sequence[str], npt.ArrayLike]
"""(N, d) features, the category of each, and (N,) how much each counts inside its category."""


def learn(
    features: FloatArray, targets: IntArray, weights: npt.ArrayLike, *, decay: float = DECAY
) -> _Array:
    """Softmax regression with a penalty on its weights, which makes the best one unique.

    Args:
        features: (N, d), each of about unit variance.
        targets: (N,) categories 0..C-1.
        weights: (N,) how much each counts.
        decay: of the weights; the constants are free.

    Returns:
        (d + 1, C): weights by category, the constants last.
    """
    from scipy.optimize import minimize
    from scipy.special import log_softmax

    count = int(targets.max()) + 1
    share = np.asarray(weights, np.float64)
    share = share / share.sum()
    x = np.hstack([features.astype(np.float64), np.ones((len(features), 1))])
    held = np.append(np.full(features.shape[1], decay), 0.0)[:, None]
    wanted = np.eye(count)[targets]

    def loss(flat: _Array) -> tuple[float, _Array]:
        told = flat.reshape(-1, count)
        logs = log_softmax(x @ told, axis=1)
        value = -(share[:, None] * logs * wanted).sum() + (held * told**2).sum() / 2
        slope = x.T @ (share[:, None] * (np.exp(logs) - wanted)) + held * told
        return float(value), slope.ravel()

    start = np.zeros(x.shape[1] * count)
    solved = minimize(
        loss, start, jac=True, method="L-BFGS-B", options={"maxiter": 500, "gtol": 1e-6}
    )
    found: _Array = solved.x.reshape(-1, count)
    return found


def learn_and_test(
    train: FloatArray,
    shown: Sequence[str],
    weights: npt.ArrayLike,
    test: FloatArray,
) -> list[str]:
    """Categories that a classifier, which knows the training pictures alone, reads off others.

    Args:
        train: (N, d) features, at least one.
        shown: category of each.
        weights: (N,) how much each counts inside its category; categories count alike, as they do in
            :func:`balanced_accuracy`.
        test: (M, d).
    """
    names = sorted(set(shown))
    middle = train.astype(np.float64).mean(0)
    spread = train.astype(np.float64).std(0)
    spread[spread < 1e-6] = 1.0
    if len(names) == 1:
        return names * len(test)
    targets = np.array([names.index(name) for name in shown], np.int64)
    share = np.asarray(weights, np.float64)
    total = np.bincount(targets, weights=share)
    learnt = learn((train - middle) / spread, targets, share / total[targets])
    scores = (test - middle) / spread @ learnt[:-1] + learnt[-1]
    return [names[int(row)] for row in scores.argmax(1)]


def cross_tested(
    lessons: Callable[[int], Lessons | None],
    test: FloatArray,
    true: Sequence[str | None],
    part: IntArray,
) -> float | None:
    """Balanced accuracy on what is left out in turn.

    Args:
        lessons: of a part, what of the others teaches; None where nothing does.
        test: (M, d) features.
        true: category of each; without one it tests nothing.
        part: (M,) which part each is in, from 0; what is in none tests nothing.

    Returns:
        None where no part could be tested.
    """
    read: list[str] = []
    wanted: list[str] = []
    for left_out in range(int(part.max(initial=-1)) + 1):
        rows = [i for i, label in enumerate(true) if label and part[i] == left_out]
        taught = lessons(left_out) if rows else None
        if taught is None:
            continue
        read += learn_and_test(*taught, test[rows])
        wanted += [str(true[i]) for i in rows]
    return balanced_accuracy(read, wanted)


def balanced_accuracy(read: Sequence[str], true: Sequence[str]) -> float | None:
    """Mean over the true categories of the share that is read rightly; None without any.

    >>> balanced_accuracy(["f", "f", "f", "m"], ["f", "f", "m", "m"])
    0.75
    """
    right: dict[str, list[bool]] = {}
    for said, category in zip(read, true, strict=True):
        right.setdefault(category, []).append(said == category)
    return float(np.mean([np.mean(each) for each in right.values()])) if right else None


def as_many(
    shown: Sequence[str], known: Sequence[str | None], *, rng: np.random.Generator
) -> IntArray:
    """Rows by chance, of each category as many as are shown; all of a category where there are fewer.

    >>> as_many(["f", "m", "m"], ["m", None, "f", "m"], rng=np.random.default_rng(0)).tolist()
    [0, 2, 3]
    """
    found: list[int] = []
    for category, count in sorted(Counter(shown).items()):
        rows = [row for row, name in enumerate(known) if name == category]
        found += rng.permutation(rows)[:count].astype(np.int64).tolist()
    rows_found: IntArray = np.array(sorted(found), np.int64)
    return rows_found


def folds(count: int, *, parts: int, seed: int) -> IntArray:
    """(count,) which part each is in, of equal sizes within one, by chance."""
    found: IntArray = np.empty(count, np.int64)
    found[np.random.default_rng(seed).permutation(count)] = np.arange(count) % parts
    return found
