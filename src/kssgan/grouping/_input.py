"""What every group builder asks of its input, checked once and in one place."""

from __future__ import annotations

from operator import index

import numpy as np
import numpy.typing as npt

from kssgan.errors import TooFewPeople, UsageError
from kssgan.types import IntArray

__all__ = ["Embeddings", "checked_embeddings", "checked_k", "checked_pairs", "value_order"]

Embeddings = npt.NDArray[np.float32] | npt.NDArray[np.float64]


def checked_embeddings(embeddings: npt.ArrayLike) -> Embeddings:
    """Return (N, D) finite rows; float32 stays as it is, other numbers become float64.

    Values so tiny or huge that their squares would leave the range are scaled by a power of two, which
    changes no ratio of distances.

    Raises:
        UsageError: not two-dimensional, not real numbers, no columns, or NaN or infinity among them.
    """
    array = np.asarray(embeddings)
    if (
        array.ndim != 2
        or array.dtype.kind not in "fiu"
        or (array.shape[0] and not array.shape[1])
    ):
        raise UsageError(
            f"embeddings of shape {array.shape} and type {array.dtype} came; "
            f"a table of real numbers was wanted, one row per subject, shape (N, D)"
        )
    if array.dtype != np.float32:
        array = array.astype(np.float64)
    if not np.isfinite(array).all():
        bad = int((~np.isfinite(array)).any(axis=1).sum())
        raise UsageError(
            f"{bad} of {len(array)} embeddings hold NaN or infinity; embed these photos again"
        )
    largest = float(np.abs(array).max()) if array.size else 0.0
    if largest and not 2.0**-20 < largest < 2.0**20:
        array = np.ldexp(array.astype(np.float64), -int(np.frexp(largest)[1]))
    return array


def checked_k(k: int, *, rows: int) -> int:
    """Return ``k`` as an int.

    Raises:
        UsageError: not an integer or below 2; a group of one hides nobody.
        TooFewPeople: fewer rows than ``k``.
    """
    try:
        wanted = -1 if isinstance(k, bool) else index(k)
    except TypeError:
        wanted = -1
    if wanted < 2:
        raise UsageError(f"k={k!r} came; an integer of at least 2 was wanted")
    if rows < wanted:
        raise TooFewPeople(rows, wanted)
    return wanted


def checked_pairs(look_alikes: npt.ArrayLike | None, *, rows: int) -> IntArray:
    """Return look-alikes as (M, 2) int64, M = 0 for None.

    Raises:
        UsageError: not pairs of integers, a row number outside 0..rows-1, or a row paired with itself.
    """
    if look_alikes is None:
        return np.empty((0, 2), dtype=np.int64)
    pairs = np.asarray(look_alikes)
    if pairs.size == 0:
        return np.empty((0, 2), dtype=np.int64)
    if pairs.ndim != 2 or pairs.shape[1] != 2 or pairs.dtype.kind not in "iu":
        raise UsageError(
            f"look_alikes of shape {pairs.shape} and type {pairs.dtype} came; "
            f"pairs of row numbers were wanted, shape (M, 2)"
        )
    if int(pairs.min()) < 0 or int(pairs.max()) >= rows:
        raise UsageError(
            f"look_alikes name rows {int(pairs.min())}..{int(pairs.max())}; "
            f"there are rows 0..{rows - 1}"
        )
    if (pairs[:, 0] == pairs[:, 1]).any():
        raise UsageError(
            "look_alikes pair a row with itself; pairs of different rows were wanted"
        )
    return pairs.astype(np.int64)


def value_order(rows: Embeddings) -> IntArray:
    """Row numbers sorted by the rows' values, first column first; equal rows by row number.

    Builders work in this order, so that no result depends on the order in which subjects came: not
    through ties, and not through the rounding of sums either.

    >>> value_order(np.array([[2.0, 0.0], [1.0, 5.0], [1.0, 3.0]])).tolist()
    [2, 1, 0]
    """
    rank = np.zeros(len(rows), dtype=np.int64)
    order = np.arange(len(rows), dtype=np.int64)
    for column in rows.T:
        order = np.lexsort((column, rank))
        steps = (np.diff(rank[order]) != 0) | (np.diff(column[order]) != 0)
        rank[order] = np.concatenate(([0], np.cumsum(steps)))
        if steps.all():
            break
    return order
