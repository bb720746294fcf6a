"""One group at a time: a seed and its nearest rows, look-alikes left for other groups."""

from __future__ import annotations

from collections.abc import Callable

from kssgan.grouping._look_alikes import LookAlikes
from kssgan.grouping._remaining import Remaining

__all__ = ["Draft"]


class Draft:
    """Groups under construction: ``groups`` so far, and ``left``, rows that no group has yet."""

    def __init__(self, remaining: Remaining, graph: LookAlikes, k: int) -> None:
        self.remaining = remaining
        self.graph = graph
        self.k = k
        self.groups: list[list[int]] = []
        self.left: list[int] = []

    def fill(self, seed: int) -> bool:
        """Group ``seed`` with its k-1 nearest, no two of them look-alikes; else set it aside."""
        members = [seed]
        banned = set(self.graph.of(seed))
        for row in self.remaining.nearest(seed):
            if row in banned:
                continue
            members.append(row)
            if len(members) == self.k:
                self.groups.append(members)
                self.remaining.take(members)
                return True
            if self.graph.any:
                banned.update(self.graph.of(row))
        self.left.append(seed)
        self.remaining.take([seed])
        return False

    def close(self, pick: Callable[[], int]) -> None:
        """Deal with the rest: one last group if it may be one, else filled from ``pick``'s seeds."""
        rest = self.remaining.all()
        if len(rest) >= self.k and self.graph.people(rest) == len(rest):
            self.groups.append(rest)
            self.remaining.take(rest)
            return
        while self.remaining.count >= self.k:
            self.fill(pick())
        rest = self.remaining.all()
        self.left.extend(rest)
        if rest:
            self.remaining.take(rest)
