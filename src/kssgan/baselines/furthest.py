"""k-Same-furthest: groups of people who are least alike, so that a mean is near to none of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt

from kssgan.baselines.pixel import KSamePixel
from kssgan.errors import TooFewPeople, UsageError
from kssgan.types import Groups

__all__ = ["KSameFurthest", "furthest_groups"]


def furthest_groups(embeddings: npt.ArrayLike, k: int, *, seed: int = 0) -> Groups:
    """Groups of a random subject and those furthest from it, k to 2k-1 people each.

    The first to join is the one furthest from the subject, then always the one whose nearest member is
    furthest, so that nobody in a group has a double there. The last group takes the remainder.

    Args:
        embeddings: (N, D), one row per subject.
        k: smallest number of people in a group, at least 2.
        seed: whose turn it is; same rows, same seed, same groups.

    Raises:
        UsageError: k below 2, or no rows.
        TooFewPeople: N < k.

    >>> furthest_groups(np.array([[0.0], [0.1], [5.0], [5.1]]), 2).labels.tolist() in (
    ...     [0, 1, 1, 0], [1, 0, 0, 1], [0, 1, 0, 1], [1, 0, 1, 0])
    True
    """
    rows = np.asarray(embeddings, np.float64)
    if rows.ndim != 2 or k < 2:
        raise UsageError(f"{rows.shape} rows and k={k} came; (N, D) and 2 or more were wanted")
    if len(rows) < k:
        raise TooFewPeople(len(rows), k)
    labels = np.full(len(rows), -1, np.int64)
    turn = np.random.default_rng(seed).permutation(len(rows)).tolist()
    group = 0
    while (remaining := np.flatnonzero(labels < 0)).size >= 2 * k:
        chosen = [next(row for row in turn if labels[row] < 0)]
        others = remaining[remaining != chosen[0]]
        near = np.full(others.size, np.inf)
        while len(chosen) < k:
            near = np.minimum(near, np.linalg.norm(rows[others] - rows[chosen[-1]], axis=1))
            best = int(near.argmax())
            chosen.append(int(others[best]))
            others, near = np.delete(others, best), np.delete(near, best)
        labels[chosen] = group
        group += 1
    labels[labels < 0] = group
    return Groups(labels, np.arange(len(rows), dtype=np.int64), k)


class KSameFurthest(KSamePixel):
    """Pixel means of groups of the least alike: far from every member, and blurred the most.

    Meng and Sun give a group the mean of the group that is *furthest* from it. Then k people of the
    collection verify against a picture that others carry, and a surrogate is no function of its own members;
    so here the group itself is made of the least alike. Look-alikes are never put together where others are
    left.

    Reference: Meng, Sun 2014, "Face de-identification using furthest cluster average", changed as said.
    """

    name = "k-same-furthest"

    def groups(
        self,
        embeddings: npt.ArrayLike,
        k: int,
        *,
        attributes: Mapping[str, Sequence[str]] | None = None,
        seed: int = 0,
        look_alikes: npt.ArrayLike | None = None,
    ) -> Groups:
        """See :func:`furthest_groups`; attributes do not count."""
        del attributes, look_alikes
        return furthest_groups(embeddings, k, seed=seed)
