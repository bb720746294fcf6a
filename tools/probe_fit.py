"""Fit the probes and measure them on people they have not seen.

A probe is a multinomial logistic classifier with an L2 penalty on standardised features; categories weigh the
same. Folds are disjoint in people; penalty, temperature and the limit below which a probe declines are chosen
inside the training part of each fold.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize, minimize_scalar

from kssgan.faces.attributes import PROBES
from kssgan.types import BoolArray, IntArray
from probe_data import Faces

__all__ = ["WANTED", "Fitted", "OutOfFold", "cross_validate", "fit_all", "folds"]

Array = npt.NDArray[np.float64]

PENALTIES = (0.03, 0.3, 3.0, 30.0)
WANTED = {"expression": 0.95, "gender": 0.995, "age": 0.9}
"""Accuracy that the photos on which a probe does not decline shall have."""

_MOST_DECLINED = 0.35
_LOWEST = 70  # hundredths: whatever these photos say, less is never sure enough for others


@dataclass(frozen=True)
class Fitted:
    """One classifier on raw features, calibrated, and how it came about."""

    weight: Array
    bias: Array
    least: float
    penalty: float
    temperature: float

    def probability(self, features: npt.NDArray[np.float32]) -> Array:
        """(N, C)."""
        return _softmax(features.astype(np.float64) @ self.weight.T + self.bias)


@dataclass(frozen=True)
class OutOfFold:
    """What probes say of people they have not seen.

    Attributes:
        rows: (M,) photos whose category is known.
        target: (M,) category numbers.
        probability: (V, M, C) by view.
        declined: (V, M).
    """

    rows: IntArray
    target: IntArray
    probability: Array
    declined: BoolArray


def folds(subjects: Sequence[str] | npt.NDArray[np.str_], count: int, *, seed: int) -> IntArray:
    """A fold of each photo; all photos of a person are in one."""
    people = np.unique(subjects)
    turn = np.random.default_rng(seed).permutation(len(people)) % count
    return turn[np.searchsorted(people, subjects)].astype(np.int64)


def fit_all(faces: Faces, attribute: str, *, seed: int = 0) -> Fitted:
    """The probe that is shipped: from all people, penalty and limits from folds of them."""
    return _fit(faces, attribute, np.flatnonzero(faces.targets[attribute] >= 0), seed)


def cross_validate(
    faces: Faces, attribute: str, *, count: int = 5, seed: int = 0
) -> tuple[OutOfFold, list[Fitted]]:
    """Fit on all folds but one, ask about that one; everything is chosen inside."""
    rows = np.flatnonzero(faces.targets[attribute] >= 0)
    features = faces.features(attribute)
    fold = folds(faces.subjects[rows], count, seed=seed)
    views, categories = len(features), len(PROBES[attribute].categories)
    probability = np.zeros((views, len(rows), categories))
    declined = np.zeros((views, len(rows)), bool)
    fitted = []
    for n in range(count):
        probe = _fit(faces, attribute, rows[fold != n], seed + 1)
        fitted.append(probe)
        for view in range(views):
            said = probe.probability(features[view, rows[fold == n]])
            probability[view, fold == n] = said
            declined[view, fold == n] = said.max(1) < probe.least
    return OutOfFold(rows, faces.targets[attribute][rows], probability, declined), fitted


def _fit(faces: Faces, attribute: str, rows: IntArray, seed: int) -> Fitted:
    features, target = faces.features(attribute), faces.targets[attribute]
    fold = folds(faces.subjects[rows], 5, seed=seed)
    categories = len(PROBES[attribute].categories)
    scores = np.zeros((len(PENALTIES), len(rows), categories))
    for n in range(5):
        train = rows[fold != n]
        learner = _Learner(features[:, train], target[train], _weights(target[train]))
        for p, penalty in enumerate(PENALTIES):
            weight, bias = learner.solve(penalty)
            scores[p, fold == n] = features[0, rows[fold == n]] @ weight.T + bias
    weights = _weights(target[rows])
    losses, temperatures = zip(
        *(_temperature(s, target[rows], weights) for s in scores), strict=True
    )
    best = int(np.argmin(losses))
    temperature = temperatures[best]
    least = _least(_softmax(scores[best] / temperature), target[rows], WANTED[attribute])
    learner = _Learner(features[:, rows], target[rows], weights)
    weight, bias = learner.solve(PENALTIES[best])
    return Fitted(weight / temperature, bias / temperature, least, PENALTIES[best], temperature)


class _Learner:
    """All views of some faces, rotated once so that every penalty is quick."""

    def __init__(self, views: npt.NDArray[np.float32], target: IntArray, weights: Array):
        raw = views.reshape(-1, views.shape[-1]).astype(np.float64)
        self._mean, self._spread = raw.mean(0), raw.std(0) + 1e-6
        u, s, self._back = np.linalg.svd((raw - self._mean) / self._spread, full_matrices=False)
        self._x = u * s
        self._y = np.tile(target, len(views))
        self._w = np.tile(weights, len(views)) / len(views)

    def solve(self, penalty: float) -> tuple[Array, Array]:
        """Weight (C, F) and bias (C,) for raw features."""
        x, y, w = self._x, self._y, self._w
        count = int(y.max()) + 1
        shape = (count, x.shape[1] + 1)
        truth = np.eye(count)[y]

        def loss(flat: Array) -> tuple[float, Array]:
            both = flat.reshape(shape)
            likely = _softmax(x @ both[:, :-1].T + both[:, -1])
            away = (likely - truth) * w[:, None]
            slope = np.column_stack([away.T @ x + penalty * both[:, :-1], away.sum(0)])
            told = -(w * np.log(likely[np.arange(len(y)), y] + 1e-300)).sum()
            return told + penalty / 2 * (both[:, :-1] ** 2).sum(), slope.ravel()

        found = minimize(
            loss,
            np.zeros(shape[0] * shape[1]),
            jac=True,
            method="L-BFGS-B",
            options={"maxiter": 500},
        )
        both = found.x.reshape(shape)
        weight: Array = both[:, :-1] @ self._back / self._spread
        bias: Array = both[:, -1] - weight @ self._mean
        return weight, bias


def _weights(target: IntArray) -> Array:
    """(M,) weights of photos, 1 in all, by which every category weighs the same."""
    weights = 1 / np.bincount(target)[target]
    found: Array = weights / weights.sum()
    return found


def _temperature(scores: Array, target: IntArray, weights: Array) -> tuple[float, float]:
    """Loss and temperature at which the probabilities of unseen people are calibrated."""

    def loss(log: float) -> float:
        likely = _softmax(scores / np.exp(log))
        return float(-(weights * np.log(likely[np.arange(len(target)), target] + 1e-300)).sum())

    found = minimize_scalar(loss, bounds=(-3, 4), method="bounded")
    return float(found.fun), float(np.exp(found.x))


def _least(likely: Array, target: IntArray, wanted: float) -> float:
    """Smallest probability above which photos are labelled accurately enough, in hundredths."""
    sure, right = likely.max(1), likely.argmax(1) == target
    limits = np.arange(_LOWEST, 100) / 100
    for limit in limits:
        said = sure >= limit
        if said.mean() < 1 - _MOST_DECLINED:
            break
        if right[said].mean() >= wanted:
            return float(limit)
    able = [(sure >= limit).mean() >= 1 - _MOST_DECLINED for limit in limits]
    return float(limits[able].max(initial=limits[0]))


def _softmax(scores: Array) -> Array:
    power = np.exp(scores - scores.max(1, keepdims=True))
    likely: Array = power / power.sum(1, keepdims=True)
    return likely
