"""Which subjects may be one human under two names, as a graph on the rows."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from kssgan.types import IntArray

__all__ = ["LookAlikes"]


@dataclass(frozen=True, slots=True)
class LookAlikes:
    """Look-alike pairs in compressed rows: the look-alikes of ``i`` are ``to[start[i]:start[i + 1]]``.

    The people of a group are the connected parts of the graph inside the group: then no two different
    people of one group are look-alikes, and no smaller merging would do.

    >>> graph = LookAlikes.from_pairs(np.array([[0, 1], [1, 2]]), rows=4)
    >>> graph.of(1)
    [0, 2]
    >>> graph.people([0, 2, 3]), graph.people([0, 1, 2, 3])
    (3, 2)
    """

    start: IntArray
    to: IntArray

    @classmethod
    def from_pairs(cls, pairs: IntArray, *, rows: int) -> LookAlikes:
        """Index pairs (M, 2) of row numbers; order, direction and repetition do not matter."""
        both = np.concatenate([pairs, pairs[:, ::-1]])
        keys = np.unique(both[:, 0] * rows + both[:, 1])
        start = np.searchsorted(keys, np.arange(rows + 1, dtype=np.int64) * rows)
        return cls(start.astype(np.int64), keys % max(rows, 1))

    @property
    def any(self) -> bool:
        """Whether there is any pair at all."""
        return self.to.size > 0

    @property
    def degrees(self) -> IntArray:
        """(N,) number of look-alikes of each row."""
        return np.diff(self.start)

    def of(self, row: int) -> list[int]:
        """The look-alikes of one row, ascending."""
        found: list[int] = self.to[self.start[row] : self.start[row + 1]].tolist()
        return found

    def parts(self, members: Iterable[int]) -> list[list[int]]:
        """The people of a group: its connected parts, each ascending, by smallest row."""
        left = set(members)
        parts = []
        for seed in sorted(left):
            if seed not in left:
                continue
            left.remove(seed)
            part = [seed]
            for row in part:  # grows while it is read
                near = left.intersection(self.of(row)) if left else ()
                left.difference_update(near)
                part.extend(near)
            parts.append(sorted(part))
        return parts

    def people(self, members: Sequence[int]) -> int:
        """How many people a group counts."""
        return len(self.parts(members)) if self.any else len(members)

    def person_numbers(self, labels: IntArray) -> IntArray:
        """(N,) the smallest row number of the person each row belongs to inside its group (N,)."""
        # Imported here: scipy is heavy and only needed where there are look-alikes.
        from scipy.sparse import csr_array
        from scipy.sparse.csgraph import connected_components

        rows = np.arange(labels.size, dtype=np.int64)
        if not self.any:
            return rows
        source = np.repeat(rows, self.degrees)
        inside = labels[source] == labels[self.to]
        graph = csr_array(
            (np.ones(int(inside.sum()), dtype=np.int8), (source[inside], self.to[inside])),
            shape=(labels.size, labels.size),
        )
        count, component = connected_components(graph, directed=False)
        smallest = np.full(count, labels.size, dtype=np.int64)
        np.minimum.at(smallest, component, rows)
        numbers: IntArray = smallest[component]
        return numbers
