"""Euclidean distances between embeddings, in blocks, so that memory stays flat for 100,000 faces."""

from __future__ import annotations

import numpy as np

from kssgan.types import FloatArray, IntArray

__all__ = ["pairs_below", "to_all"]

_BLOCK = 2048


def to_all(query: FloatArray, gallery: FloatArray) -> FloatArray:
    """Distance of each face of one set to each of another.

    Args:
        query: (Q, D) float32, or (D,) for one face.
        gallery: (G, D) float32.

    Returns:
        (Q, G) float32, or (G,) for one face.

    >>> to_all(np.float32([0, 1]), np.float32([[0, 1], [0, -1]])).tolist()
    [0.0, 2.0]
    """
    one = query.ndim == 1
    rows = np.atleast_2d(query)
    out = np.empty((len(rows), len(gallery)), np.float32)
    for start in range(0, len(rows), _BLOCK):
        out[start : start + _BLOCK] = np.sqrt(_squared(rows[start : start + _BLOCK], gallery))
    return out[0] if one else out


def pairs_below(embeddings: FloatArray, threshold: float) -> tuple[IntArray, FloatArray]:
    """All pairs of faces at a distance of at most ``threshold``.

    Args:
        embeddings: (N, D) float32.
        threshold: largest distance, inclusive.

    Returns:
        (M, 2) int64 row numbers, the smaller first, in ascending order, and their (M,) float32 distances.

    Needs memory for the pairs found and for blocks of 2048 x 2048, never for N x N.

    >>> pairs, distances = pairs_below(np.float32([[0, 0], [3, 4], [0, 1]]), 2.0)
    >>> pairs.tolist(), distances.tolist()
    ([[0, 2]], [1.0])
    """
    found: list[IntArray] = [np.empty((0, 2), np.int64)]
    lengths: list[FloatArray] = [np.empty(0, np.float32)]
    # The product form below is off in the sixth digit, so it only nominates; differences decide. That
    # makes the answer independent of how rows fall into blocks.
    halves = (embeddings**2).sum(axis=1) / 2
    reach = threshold**2 + 1e-4 * (threshold**2 + 2 * float(halves.max(initial=0)))
    for i in range(0, len(embeddings), _BLOCK):
        left = embeddings[i : i + _BLOCK]
        for j in range(i, len(embeddings), _BLOCK):
            right = embeddings[j : j + _BLOCK]
            # |a - b|^2 <= r, as a.b - |b|^2/2 >= |a|^2/2 - r/2: touches the block least.
            product = left @ right.T
            product -= halves[None, j : j + _BLOCK]
            near_enough = product >= (halves[i : i + _BLOCK, None] - np.float32(reach / 2))
            a, b = np.divmod(np.flatnonzero(near_enough), len(right))
            if i == j:
                a, b = a[a < b], b[a < b]
            exact = np.linalg.norm(left[a].astype(np.float64) - right[b], axis=1)
            near = exact <= threshold
            found.append(np.stack([a[near] + i, b[near] + j], axis=1).astype(np.int64))
            lengths.append(exact[near].astype(np.float32))
    pairs = np.concatenate(found)
    order = np.lexsort((pairs[:, 1], pairs[:, 0]))
    return pairs[order], np.concatenate(lengths)[order]


def _squared(left: FloatArray, right: FloatArray) -> FloatArray:
    norms = (left**2).sum(axis=1)[:, None] + (right**2).sum(axis=1)[None]
    squared: FloatArray = np.maximum(norms - 2 * (left @ right.T), 0)
    return squared
