"""The best grouping of a handful of rows by trying all of them."""

from __future__ import annotations

import numpy as np

from kssgan.grouping._input import Embeddings
from kssgan.grouping._look_alikes import LookAlikes

__all__ = ["MOST_ROWS", "best_groups"]

MOST_ROWS = 12
"""More rows than this take too long: the work is 3 to the power of their number."""


def best_groups(rows: Embeddings, graph: LookAlikes, k: int) -> list[list[int]] | None:
    """Groups of at least ``k`` people each with the least sum of squares within groups.

    Args:
        rows: (N, D), N up to :data:`MOST_ROWS`.
        graph: who looks like whom.
        k: people per group.

    Returns:
        The groups, or None if there is no such grouping at all: then nobody could find one.
    """
    n = len(rows)
    exact = rows.astype(np.float64)
    allowed: list[tuple[int, float]] = []  # subsets, as bits, that may be a group; their cost
    for bits in range(1, 1 << n):
        if bits.bit_count() < k:
            continue
        members = [i for i in range(n) if bits >> i & 1]
        if graph.people(members) >= k:
            inside = exact[members]
            allowed.append((bits, float(np.square(inside - inside.mean(axis=0)).sum())))
    by_first: list[list[tuple[int, float]]] = [[] for _ in range(n)]
    for bits, cost in allowed:
        by_first[(bits & -bits).bit_length() - 1].append((bits, cost))
    # best[rest]: least cost of grouping the rows in ``rest``, and the group of its first row.
    best: dict[int, tuple[float, int]] = {0: (0.0, 0)}
    for rest in range(1, 1 << n):
        for bits, cost in by_first[(rest & -rest).bit_length() - 1]:
            if bits & ~rest == 0 and rest ^ bits in best:
                total = cost + best[rest ^ bits][0]
                if rest not in best or total < best[rest][0]:
                    best[rest] = (total, bits)
    rest = (1 << n) - 1
    if rest not in best:
        return None
    groups = []
    while rest:
        bits = best[rest][1]
        groups.append([i for i in range(n) if bits >> i & 1])
        rest ^= bits
    return groups
