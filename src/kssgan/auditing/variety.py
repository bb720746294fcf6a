"""Whether a release shows many faces, or one face many times."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

__all__ = ["variety"]


def variety(embeddings: npt.ArrayLike, owners: npt.ArrayLike | None = None) -> float | None:
    """Median distance between the faces of different owners.

    Args:
        embeddings: (N, D).
        owners: (N,) whose each is; pairs of one owner do not count. Left out, each is of its own.

    Returns:
        None where there is no such pair.

    >>> variety([[0.0], [1.0], [5.0]], [0, 0, 1])
    4.5
    """
    from scipy.spatial.distance import pdist

    x = np.asarray(embeddings, np.float64)
    who = np.arange(len(x)) if owners is None else np.asarray(owners)
    first, second = np.triu_indices(len(x), 1)
    apart = pdist(x)[who[first] != who[second]] if len(x) > 1 else np.empty(0)
    return float(np.median(apart)) if apart.size else None
