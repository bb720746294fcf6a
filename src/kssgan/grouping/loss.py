"""How much of the faces' variety the groups take away."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from kssgan.errors import UsageError
from kssgan.grouping._input import checked_embeddings
from kssgan.types import Groups

__all__ = ["information_loss"]


def information_loss(embeddings: npt.ArrayLike, groups: Groups) -> float:
    """Share of the embeddings' scatter that lies within groups, in percent.

    100 SSE / SST: the sum of squared distances to the mean of one's group over that to the mean of all.

    Args:
        embeddings: shape (N, D), finite; the rows that were grouped.
        groups: of these N rows.

    Returns:
        0 (everybody equals the mean of the group) to 100 (one group of all); 0 where all rows are equal.

    Raises:
        UsageError: embeddings are not usable, or their number is not that of the labels.

    Reference: Domingo-Ferrer and Mateo-Sanz 2002, Practical data-oriented microaggregation.

    >>> rows = np.array([[0.0], [2.0], [10.0], [12.0]])
    >>> round(information_loss(rows, Groups(np.array([0, 0, 1, 1]), np.arange(4), k=2)), 3)
    3.846
    """
    rows = checked_embeddings(embeddings)
    if len(rows) != groups.labels.size:
        raise UsageError(
            f"{len(rows)} embeddings and groups of {groups.labels.size} rows came; "
            f"the rows that were grouped were wanted"
        )
    if not len(rows):
        return 0.0
    order = np.argsort(groups.labels, kind="stable")
    _, starts, counts = np.unique(groups.labels[order], return_index=True, return_counts=True)
    x = rows[order].astype(np.float64)
    x -= x.mean(axis=0)
    total = float(np.square(x).sum())
    if total == 0.0:
        return 0.0
    x -= np.repeat(np.add.reduceat(x, starts, axis=0) / counts[:, None], counts, axis=0)
    within = float(np.square(x).sum())
    return min(100.0 * within / total, 100.0)
