"""Complete linkage of photos from a sparse list of close pairs.

Complete linkage does not chain: everybody in a cluster is close to everybody else in it. So a cluster lies
inside one connected component of the graph of close pairs, and the components are clustered one by one.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

from kssgan.errors import UsageError
from kssgan.types import IntArray

__all__ = [
    "DENSE_LIMIT",
    "EDGE_LIMIT",
    "Distances",
    "by_first_member",
    "complete_linkage",
    "components",
    "distinct",
]

Distances = npt.NDArray[np.floating[Any]]
"""Distances in either precision; compared in float64."""

DENSE_LIMIT = 6_000
"""Members up to which a component is clustered from its full distance matrix (about 0.3 GB)."""

EDGE_LIMIT = 2_000_000
"""Close pairs up to which a larger component is clustered from its list of pairs (about 0.35 GB)."""

_CHUNK = 1_000_000


def components(n: int, pairs: IntArray) -> IntArray:
    """Connected components of ``n`` points, numbered by their first member.

    Args:
        n: number of points.
        pairs: (M, 2) connected points.

    Returns:
        (n,) int64, the component of each point.
    """
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    if n == 0:
        return np.zeros(0, np.int64)
    ones = np.ones(len(pairs), np.int8)
    graph = coo_array((ones, (pairs[:, 0], pairs[:, 1])), shape=(n, n)).tocsr()
    _, found = connected_components(graph, directed=False)
    return by_first_member(found.astype(np.int64))


def by_first_member(labels: IntArray) -> IntArray:
    """Number clusters 0, 1, ... in the order in which their first members come.

    >>> by_first_member(np.array([7, 3, 7, 0])).tolist()
    [0, 1, 0, 2]
    """
    _, first, inverse = np.unique(labels, return_index=True, return_inverse=True)
    rank = np.empty(first.size, np.int64)
    rank[np.argsort(first)] = np.arange(first.size)
    return rank[inverse]


def distinct(codes: IntArray) -> IntArray:
    """The sorted distinct values, by sorting: numpy's own way is ten times slower for millions of codes.

    >>> distinct(np.array([3, 1, 3])).tolist()
    [1, 3]
    """
    ordered: IntArray = np.sort(codes)
    kept: IntArray = ordered[np.diff(ordered, prepend=ordered[:1] - 1) != 0]
    return kept


def complete_linkage(
    n: int,
    pairs: IntArray,
    distances: Distances,
    threshold: float,
    *,
    dense_limit: int = DENSE_LIMIT,
    edge_limit: int = EDGE_LIMIT,
) -> IntArray:
    """Cut the complete linkage tree of ``n`` points at ``threshold``.

    Args:
        n: number of points.
        pairs: (M, 2) point numbers, each pair of two different points at most once. Pairs that are not
            listed count as far apart.
        distances: (M,) their distances.
        threshold: two clusters merge while no two of their points are further apart than this.
        dense_limit: see :data:`DENSE_LIMIT`.
        edge_limit: see :data:`EDGE_LIMIT`.

    Returns:
        (n,) int64 cluster of each point, numbered by first member.

    Raises:
        UsageError: a component is beyond both limits; clustering it would not fit in memory.
    """
    # float32(0.6) is above 0.6: one precision for this comparison and for the tree below.
    distances = distances.astype(np.float64)
    close = distances <= threshold
    pairs, distances = pairs[close], distances[close]
    component = components(n, pairs)
    result = np.arange(n, dtype=np.int64)
    for members, edges in _parts(component, pairs):
        inside = np.searchsorted(members, pairs[edges])
        if edges.size == members.size * (members.size - 1) // 2:
            labels = np.zeros(members.size, np.int64)  # all are close to all
        elif members.size <= dense_limit:
            labels = _dense(members.size, inside, distances[edges], threshold)
        elif edges.size <= edge_limit:
            labels = _sparse(members.size, inside, distances[edges])
        else:
            raise UsageError(
                f"{members.size} photos hang together by {edges.size} pairs of similar faces, too many "
                f"to tell the people apart without help; declare them with --subjects folder, file or a "
                f"CSV"
            )
        # A cluster is named after its first member, so names of different components differ.
        first = np.full(int(labels.max()) + 1, n, np.int64)
        np.minimum.at(first, labels, members)
        result[members] = first[labels]
    return by_first_member(result)


def _parts(component: IntArray, pairs: IntArray) -> Iterator[tuple[IntArray, IntArray]]:
    """Members and edges of each component of two points or more."""
    members = np.argsort(component, kind="stable")
    ends = np.cumsum(np.bincount(component))
    of_edge = component[pairs[:, 0]]
    edges = np.argsort(of_edge, kind="stable")
    edge_ends = np.cumsum(np.bincount(of_edge, minlength=ends.size)) if ends.size else ends
    begin = edge_begin = 0
    for end, edge_end in zip(ends.tolist(), edge_ends.tolist(), strict=True):
        if end - begin > 1:
            yield members[begin:end], edges[edge_begin:edge_end]
        begin, edge_begin = end, edge_end


def _dense(n: int, pairs: IntArray, distances: Distances, threshold: float) -> IntArray:
    from scipy.cluster.hierarchy import fcluster, linkage

    far = 2.0 * abs(threshold) + 1.0
    low, high = pairs.min(axis=1), pairs.max(axis=1)
    condensed = np.full(n * (n - 1) // 2, far)
    condensed[n * low - low * (low + 1) // 2 + high - low - 1] = distances
    tree = linkage(condensed, "complete")
    labels: IntArray = fcluster(tree, threshold, criterion="distance").astype(np.int64) - 1
    return labels


def _sparse(n: int, pairs: IntArray, distances: Distances) -> IntArray:
    """Complete linkage without a distance matrix: count the close pairs as the distance grows.

    When the last of the |A||B| pairs between clusters A and B has been seen, its distance is their
    complete-linkage distance, and no other two clusters are closer: that is the moment of their merger.
    Memory grows with the pairs of clusters that are neither far nor merged.
    """
    low, high = pairs.min(axis=1), pairs.max(axis=1)
    order = np.lexsort((high, low, distances))
    low, high = low[order], high[order]
    cluster = list(range(n))
    members: list[list[int]] = [[i] for i in range(n)]
    seen: list[dict[int, int]] = [{} for _ in range(n)]
    for begin in range(0, low.size, _CHUNK):
        chunk = slice(begin, begin + _CHUNK)
        for i, j in zip(low[chunk].tolist(), high[chunk].tolist(), strict=True):
            a, b = cluster[i], cluster[j]
            count = seen[a].get(b, 0) + 1
            seen[a][b] = seen[b][a] = count
            if count < len(members[a]) * len(members[b]):
                continue
            if len(seen[a]) < len(seen[b]):
                a, b = b, a
            for c, of_b in seen[b].items():
                del seen[c][b]
                if c != a:
                    seen[a][c] = seen[c][a] = seen[a].get(c, 0) + of_b
            seen[b] = {}
            for moved in members[b]:
                cluster[moved] = a
            members[a] += members[b]
            members[b] = []
    return by_first_member(np.asarray(cluster, np.int64))
