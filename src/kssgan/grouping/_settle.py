"""What look-alikes make necessary after the groups are filled: places for the leftovers, splits.

A leftover joins the nearest group (by its mean) in which it looks like nobody. Where there is none it
joins the nearest group in which it looks like one person only, and is that person; then a group where
those it looks like may become one person because k remain; and where there is none of these either,
groups merge around it. A group that reached 2k people is split.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from kssgan.grouping._input import Embeddings
from kssgan.grouping._look_alikes import LookAlikes

__all__ = ["settle", "split"]

_Float64 = npt.NDArray[np.float64]


def settle(
    rows: Embeddings,
    graph: LookAlikes,
    k: int,
    groups: Sequence[Sequence[int]],
    left: Sequence[int],
    *,
    merge: bool,
) -> list[list[int]] | None:
    """Give every leftover a group of at least ``k`` people.

    Args:
        rows: (N, D).
        graph: who looks like whom.
        k: people per group.
        groups: each with at least ``k`` people already; not changed.
        left: the rows in none of them; placed in this order.
        merge: whether groups may be merged where nothing else helps.

    Returns:
        All groups, each with ``k`` to ``2k - 1`` people, or None where a leftover found no place.
    """
    if not groups:
        return None
    places = _Places(rows, graph, k, groups)
    for row in left:
        if not places.join(row) and not (merge and places.merge_around(row)):
            return None
    return [
        cut for members in places.groups if members for cut in split(rows, graph, k, members)
    ]


class _Places:
    """Groups that can still grow; a merged-away group stays in the list, empty."""

    def __init__(
        self, rows: Embeddings, graph: LookAlikes, k: int, groups: Sequence[Sequence[int]]
    ) -> None:
        self._rows, self._graph, self._k = rows, graph, k
        self._middle = rows.mean(axis=0, dtype=np.float64)
        self._home = np.full(len(rows), -1, dtype=np.int64)
        self._means = np.zeros((len(groups), rows.shape[1]))
        self._squares = np.full(len(groups), np.inf)
        self.groups: list[list[int]] = [[] for _ in groups]
        for number, members in enumerate(groups):
            self._become(number, list(members))

    def join(self, row: int) -> bool:
        """Put ``row`` into one group, if any has a place for it."""
        distance = self._distances(row)
        touching = np.unique(self._home[self._graph.of(row)])
        touching = touching[touching >= 0]
        free = distance.copy()
        free[touching] = np.inf
        number = int(free.argmin())
        if np.isinf(free[number]):
            # It looks like somebody everywhere: the fewer people become one, the better.
            ranks = []
            for other in touching.tolist():
                people = self._graph.people([*self.groups[other], row])
                lost = self._graph.people(self.groups[other]) - people
                if people >= self._k:
                    ranks.append((lost, float(distance[other]), other))
            if not ranks:
                return False
            number = min(ranks)[2]
        self._become(number, [*self.groups[number], row])
        return True

    def merge_around(self, row: int) -> bool:
        """Merge ``row`` and the groups nearest to it, as few as make ``k`` people."""
        near = np.argsort(self._distances(row), kind="stable").tolist()
        near = [number for number in near if self.groups[number]]
        members = [row, *self.groups[near[0]]]
        for i, number in enumerate(near[1:], start=1):
            members += self.groups[number]
            if self._graph.people(members) >= self._k:
                for other in near[1 : i + 1]:
                    self._become(other, [])
                self._become(near[0], members)
                return True
        return False

    def _become(self, number: int, members: list[int]) -> None:
        self.groups[number] = members
        self._squares[number] = np.inf
        if members:
            self._home[members] = number
            mean = self._rows[members].mean(axis=0, dtype=np.float64) - self._middle
            self._means[number] = mean
            self._squares[number] = mean @ mean

    def _distances(self, row: int) -> _Float64:
        """(G,) squared distance of ``row`` to each mean, less a constant; infinite where merged away."""
        distances: _Float64 = self._squares - 2 * (
            self._means @ (self._rows[row] - self._middle)
        )
        return distances


def split(
    rows: Embeddings, graph: LookAlikes, k: int, members: Sequence[int]
) -> list[list[int]]:
    """Cut a group into groups of ``k`` to ``2k - 1`` people without separating a person's rows.

    Each cut takes the person farthest from the middle and the ``k - 1`` people nearest to that one.
    """
    if len(members) < 2 * k:
        return [list(members)]
    people = graph.parts(members)
    means = np.array([rows[part].mean(axis=0, dtype=np.float64) for part in people])
    left = np.arange(len(people))
    cuts = []
    while left.size >= 2 * k:
        here = means[left]
        seed = int(np.square(here - here.mean(axis=0)).sum(axis=1).argmax())
        order = np.square(here - here[seed]).sum(axis=1)
        order[seed] = -1.0  # first, even if others equal it
        chosen = np.argsort(order, kind="stable")[:k]
        cuts.append(left[chosen])
        left = np.delete(left, chosen)
    cuts.append(left)
    return [sorted(row for i in cut.tolist() for row in people[i]) for cut in cuts]
