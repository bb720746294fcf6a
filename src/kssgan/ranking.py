"""Where people come when they are named by distance; those who are as near as each other share a place."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = ["Ranking", "named_first", "rank"]

_Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Ranking:
    """Places of M people among the S who can be named.

    Attributes:
        nearer: (M,) people who are nearer than each.
        ties: (M,) people who are as near as each, that one included.
        persons: S.
    """

    nearer: npt.NDArray[np.int64]
    ties: npt.NDArray[np.int64]
    persons: int

    def credit(self, first: npt.ArrayLike) -> _Floats:
        """Chance of each to be among the ``first`` named, ties broken at random.

        Args:
            first: a number, or (R,) numbers.

        Returns:
            (M,), or (M, R).
        """
        wanted = np.asarray(first)
        nearer, ties = (
            values if wanted.ndim == 0 else values[:, None]
            for values in (self.nearer, self.ties)
        )
        shares: _Floats = np.clip((wanted - nearer) / ties, 0.0, 1.0)
        return shares

    def wins(self) -> _Floats:
        """(M,) share of the others who are farther than each; a tie counts half. S is 2 or more."""
        farther: _Floats = (self.persons - self.nearer - self.ties) + (self.ties - 1) / 2
        return farther / (self.persons - 1)


def rank(distances: npt.NDArray[Any], people: npt.NDArray[np.int64]) -> Ranking:
    """Places of some people.

    Args:
        distances: (S,) to each person; smaller is nearer.
        people: (M,) whose places are asked for.

    >>> found = rank(np.array([0.2, 0.1, 0.1]), np.array([0, 1]))
    >>> found.credit(1).tolist(), found.wins().tolist()
    ([0.0, 0.5], [0.0, 0.75])
    """
    ascending = np.sort(distances)
    own = distances[people]
    nearer = np.searchsorted(ascending, own, side="left")
    ties = np.searchsorted(ascending, own, side="right") - nearer
    return Ranking(nearer, ties, len(distances))


def named_first(distances: npt.NDArray[Any], people: npt.NDArray[np.int64]) -> float:
    """Share of the nearest, several where they tie, who are among ``people``.

    >>> named_first(np.array([0.2, 0.1, 0.1]), np.array([0, 1]))
    0.5
    """
    return float(np.isin(np.flatnonzero(distances == distances.min()), people).mean())
