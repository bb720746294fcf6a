"""From distances to figures: cumulative matches, verification, bounds. For any attack that ranks people.

All pairs are kept, so this is for evaluations (thousands of pictures and people); an audit of a large release
counts in :mod:`kssgan.auditing._compare`, with the same rules.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from kssgan.auditing._statistics import mean_with_bounds, rate
from kssgan.ranking import named_first, rank

__all__ = ["Identification", "equal_error", "identify", "roc"]

FARS = {"1e2": 1e-2, "1e3": 1e-3}
_DECIMALS = 5
_Array = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Identification:
    """What an attack finds.

    Attributes:
        pictures: distinct pictures, the independent units of all bounds.
        persons: people among whom the attacker names one.
        cmc: (S,) share of files whose person is among the first r + 1 named; ties share credit.
        group1: share of pictures for which somebody behind the picture is named first.
        auc: mean over pictures of how often a file's own person is nearer than another; 0.5 is chance.
        auc_bounds: two-sided 95 % interval, by resampling pictures.
        eer: error where as many own people are rejected as others are accepted; 0.5 is chance.
        tar: by name of the rate ("1e2", "1e3"), share of own people accepted where that share of the others
            is; None where there are too few others.
    """

    pictures: int
    persons: int
    cmc: _Array
    group1: float
    auc: float
    auc_bounds: tuple[float, float]
    eer: float
    tar: Mapping[str, float | None]

    def rank(self, first: int) -> tuple[float, float, float]:
        """Share of files whose person is among the ``first`` named, with one-sided 95 % bounds."""
        value = float(self.cmc[min(first, self.persons) - 1])
        _, low, high = rate(min(value * self.pictures, self.pictures), self.pictures)
        return value, low, high

    def figures(self) -> dict[str, Any]:
        """``rank1``, ``rank5``, ``group1`` and ``tar`` with ``_low`` and ``_high``, ``auc``, ``eer``."""
        found: dict[str, Any] = {}
        for name, first in (("rank1", 1), ("rank5", 5)):
            found |= dict(
                zip((name, f"{name}_low", f"{name}_high"), self.rank(first), strict=True)
            )
        _, low, high = rate(self.group1 * self.pictures, self.pictures)
        found |= {"group1": self.group1, "group1_low": low, "group1_high": high}
        found |= {
            "auc": self.auc,
            "auc_low": self.auc_bounds[0],
            "auc_high": self.auc_bounds[1],
        }
        found["eer"] = self.eer
        for name, value in self.tar.items():
            found[f"tar_at_far_{name}"] = value
            if value is not None:
                _, low, high = rate(min(value * self.pictures, self.pictures), self.pictures)
                found |= {f"tar_at_far_{name}_low": low, f"tar_at_far_{name}_high": high}
        return found


def identify(
    distances: npt.ArrayLike, truths: Sequence[Mapping[int, int]], *, seed: int = 0
) -> Identification:
    """Name people for pictures.

    Args:
        distances: (P, S), of each distinct picture to each person, smaller is nearer. Rounded to 5 decimals,
            so that equal people tie; a picture that says nothing has the same for all.
        truths: by picture, files of each person behind it: column of the person and how many.
        seed: of the resampling.

    Raises:
        ValueError: no pictures, fewer than two people, or other numbers of truths.

    >>> found = identify([[0.1, 0.1, 0.9]], [{0: 1, 1: 1}])  # two people share a picture: each is 1 in 2
    >>> found.rank(1)[0], found.group1
    (0.5, 1.0)
    """
    near: _Array = np.asarray(np.round(np.asarray(distances, float), _DECIMALS), np.float64)
    if near.ndim != 2 or near.shape[0] != len(truths) or not len(truths) or near.shape[1] < 2:
        raise ValueError(
            f"distances of shape {near.shape} came for {len(truths)} pictures; (P, S) with P of 1 and S of 2 "
            f"or more were wanted"
        )
    pictures, persons = near.shape
    ranks = np.arange(1, persons + 1)
    cmc, files, group1, link = np.zeros(persons), 0.0, np.zeros(pictures), np.zeros(pictures)
    weights = np.zeros(near.shape)
    for i, truth in enumerate(truths):
        members = np.fromiter(truth, np.int64, len(truth))
        counts = np.fromiter(truth.values(), np.float64, len(truth))
        found = rank(near[i], members)
        cmc += (counts[:, None] * found.credit(ranks)).sum(0)
        files += counts.sum()
        group1[i] = named_first(near[i], members)
        link[i] = np.average(found.wins(), weights=counts)
        weights[i, members] = counts
    totals = weights.sum(1, keepdims=True)
    far, tar = roc(near.ravel(), weights.ravel(), (totals - weights).ravel())
    others = float((totals - weights).sum())
    value, low, high = mean_with_bounds(link, seed=seed)
    return Identification(
        pictures,
        persons,
        cmc / files,
        float(group1.mean()),
        value,
        (low, high),
        equal_error(far, tar),
        {
            name: float(tar[far <= share + 1e-12].max()) if others * share >= 1 else None
            for name, share in FARS.items()
        },
    )


def roc(distances: _Array, genuine: _Array, impostor: _Array) -> tuple[_Array, _Array]:
    """Shares accepted as a threshold rises, from nobody to everybody.

    Args:
        distances: (N,).
        genuine: (N,) weight of each as a pair of one person.
        impostor: (N,) weight of each as a pair of two.

    Returns:
        False and true accept rates at 0 and at every distinct distance, both ascending.
    """
    levels, place = np.unique(distances, return_inverse=True)
    rates = []
    for weights in (impostor, genuine):
        total = np.bincount(place, weights, len(levels))
        rates.append(
            np.concatenate([[0.0], np.cumsum(total) / max(float(total.sum()), 1e-300)])
        )
    return rates[0], rates[1]


def equal_error(far: _Array, tar: _Array) -> float:
    """Where false accepts equal false rejects, on straight lines between the points of a :func:`roc`.

    >>> equal_error(np.array([0.0, 0.0, 1.0]), np.array([0.0, 1.0, 1.0]))
    0.0
    """
    gap = far - (1 - tar)  # ascending from -1 to 1
    after = int(np.argmax(gap >= 0))
    before = max(after - 1, 0)
    step = gap[after] - gap[before]
    share = 0.0 if step <= 0 else -gap[before] / step
    return float(far[before] + share * (far[after] - far[before]))
