"""Membership inference: from released weights, was this person among those trained on?

An attacker has a person's photos and a number that is smaller for people whom the weights know: how near
drawings come to the person, or how well a network restores the photo. People who were held out say what the
number is for strangers. Where both are alike, AUC is 0.5 and nothing is learnt of anybody.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from kssgan.auditing._statistics import auc, rate
from kssgan.faces.distances import to_all
from kssgan.types import FloatArray, IntArray

__all__ = ["FARS", "Membership", "membership", "nearest_drawing", "per_person"]

FARS = {"1e1": 1e-1, "1e2": 1e-2, "1e3": 1e-3}
_DRAWS = 1000
_Array = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Membership:
    """How well one attack tells people trained on from others.

    Attributes:
        trained: people who were trained on.
        others: people who were held out.
        auc: how often one trained on has the smaller number; 0.5 is chance.
        auc_bounds: two-sided 95 % interval, by resampling both sets of people.
        tar: by the name of a rate, share of those trained on who are found where at most that share of the
            others is taken for one; None where the others are too few to say.
        tar_bounds: one-sided 95 % bounds of the same.
    """

    trained: int
    others: int
    auc: float
    auc_bounds: tuple[float, float]
    tar: Mapping[str, float | None]
    tar_bounds: Mapping[str, tuple[float, float] | None]

    def figures(self) -> dict[str, Any]:
        """Plain data."""
        found: dict[str, Any] = {
            "trained": self.trained,
            "held_out": self.others,
            "auc": self.auc,
            "auc_low": self.auc_bounds[0],
            "auc_high": self.auc_bounds[1],
        }
        for name, value in self.tar.items():
            low, high = self.tar_bounds[name] or (None, None)
            found |= {f"tar_at_far_{name}": value}
            found |= {f"tar_at_far_{name}_low": low, f"tar_at_far_{name}_high": high}
        return found


def membership(
    trained: npt.ArrayLike,
    others: npt.ArrayLike,
    *,
    seed: int = 0,
    fars: Mapping[str, float] = FARS,
) -> Membership:
    """Tell people trained on from others by one number each.

    Args:
        trained: (N,) numbers of people trained on, smaller where the weights seem to know somebody.
        others: (M,) of people held out.
        seed: of the resampling.
        fars: shares of the others who may be taken for one trained on, by name.

    Raises:
        ValueError: fewer than two people on a side, or numbers that are not finite.

    >>> found = membership([0.1, 0.2, 0.3], [0.3, 0.4, 0.5], fars={"half": 0.5})
    >>> round(found.auc, 3), found.tar["half"]  # one of the others may be accepted, and ties with the third
    (0.944, 1.0)
    """
    x, y = np.asarray(trained, np.float64), np.asarray(others, np.float64)
    if x.ndim != 1 or y.ndim != 1 or min(x.size, y.size) < 2:
        raise ValueError(
            f"{x.shape} and {y.shape} numbers came; one for each of at least two people on both sides were "
            f"wanted"
        )
    if not (np.isfinite(x).all() and np.isfinite(y).all()):
        raise ValueError("numbers that are not finite came; leave such people out")
    random = np.random.default_rng(seed)
    again = [
        auc(random.choice(x, x.size, replace=True), random.choice(y, y.size, replace=True))
        for _ in range(_DRAWS)
    ]
    low, high = np.quantile(again, (0.025, 0.975))
    tar: dict[str, float | None] = {}
    bounds: dict[str, tuple[float, float] | None] = {}
    for name, far in fars.items():
        allowed = int(np.floor(far * y.size + 1e-9))
        if allowed < 1:
            tar[name] = bounds[name] = None
            continue
        # Everybody below the first of the others that may not be accepted, or at an accepted one.
        ascending = np.sort(y)
        stop = ascending[allowed] if allowed < y.size else np.inf
        value, least, most = rate(int((x < stop).sum()), x.size)
        tar[name], bounds[name] = value, (least, most)
    return Membership(x.size, y.size, auc(x, y), (float(low), float(high)), tar, bounds)


def per_person(values: npt.ArrayLike, people: IntArray) -> tuple[IntArray, _Array]:
    """Mean of each person's photos.

    Args:
        values: (F,) one number for each photo.
        people: (F,) who is on each.

    Returns:
        The people, ascending, and their means.
    """
    present, place = np.unique(people, return_inverse=True)
    total = np.bincount(place, np.asarray(values, np.float64))
    return present.astype(np.int64), total / np.bincount(place)


def nearest_drawing(
    drawings: FloatArray, photos: FloatArray, people: IntArray
) -> tuple[IntArray, _Array]:
    """How near the nearest of many drawings comes to each person.

    Args:
        drawings: (D, E) embeddings of what the weights draw, at least one.
        photos: (F, E) embeddings of photos.
        people: (F,) who is on each.

    Returns:
        The people, ascending, and the distance of each, over their photos and all drawings.
    """
    near = to_all(photos, drawings).min(axis=1).astype(np.float64)
    present, place = np.unique(people, return_inverse=True)
    found = np.full(len(present), np.inf)
    np.minimum.at(found, place, near)
    return present.astype(np.int64), found
