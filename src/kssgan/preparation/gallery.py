"""Groups of a prepared gallery, fixed before a generator learns them (Algorithm 1, lines 5 to 8)."""

from __future__ import annotations

from typing import Literal

import numpy as np

from kssgan.errors import UsageError
from kssgan.grouping.cells import vote
from kssgan.grouping.select import groups_within
from kssgan.training.prepared import Prepared
from kssgan.types import BoolArray, IntArray

__all__ = ["fixed_groups"]

_KNOWN = 0.9
"""Share of people whose gender is known from which on groups are formed inside it."""


def fixed_groups(
    data: Prepared,
    k: int | None,
    seed: int = 0,
    *,
    method: Literal["mdav", "k-same"] = "mdav",
    without: BoolArray | None = None,
) -> IntArray | None:
    """Groups of at least k people by their mean embeddings, inside gender where it is known.

    Args:
        data: the gallery; every person of it takes part, people held out as well. Who look alike never count
            twice in a group, as in a release.
        k: people of a group; None gives none.
        seed: of the grouping.
        method: "mdav" or "k-same".
        without: (N,) photos of people who take no part, all photos of a person alike.

    Returns:
        (N,) group of each photo, -1 of those who take no part; or None.

    Raises:
        UsageError: k below 2.
        TooFewPeople: fewer than k people can be told apart.
    """
    if k is None:
        return None
    if k < 2:
        raise UsageError(f"groups of {k} came; 2 people or more were wanted")
    people = int(data.subject.max()) + 1
    means = np.zeros((people, data.embedding.shape[1]))
    np.add.at(means, data.subject, data.embedding.astype(np.float64))
    means /= np.maximum(np.linalg.norm(means, axis=1, keepdims=True), 1e-12)
    genders = _genders(data, people)
    part = np.ones(people, bool)
    if without is not None:
        part[data.subject[without]] = False
    rows = np.flatnonzero(part)
    place = np.full(people, -1, np.int64)
    place[rows] = np.arange(len(rows))
    pairs = place[_look_alikes(data)]
    found = groups_within(
        means[rows].astype(np.float32),
        k,
        None if genders is None else [genders[row] for row in rows.tolist()],
        method=method,
        seed=seed,
        look_alikes=pairs[(pairs >= 0).all(1)],
    )
    labels = np.full(people, -1, np.int64)
    labels[rows] = found.labels
    groups: IntArray = labels[data.subject]
    return groups


def _look_alikes(data: Prepared) -> IntArray:
    """Pairs of people whose photos are too near to tell them apart for certain, (M, 2)."""
    from kssgan.faces.distances import pairs_below
    from kssgan.faces.thresholds import LOOK_ALIKE

    pairs, _ = pairs_below(data.embedding, LOOK_ALIKE)
    people = np.sort(data.subject[pairs], axis=1)
    found: IntArray = np.unique(people[people[:, 0] != people[:, 1]], axis=0)
    return found.reshape(-1, 2)


def _genders(data: Prepared, people: int) -> list[tuple[str, ...]] | None:
    if "gender" not in data.scheme:
        return None
    column = data.labels[:, list(data.scheme).index("gender")]
    named = [data.scheme["gender"][c] if c >= 0 else None for c in column.tolist()]
    found: list[tuple[str, ...]] = []
    for person in range(people):
        voted = vote([named[row] for row in np.flatnonzero(data.subject == person).tolist()])
        found.append((voted or "",))
    known = np.mean([bool(gender[0]) for gender in found])
    return found if known >= _KNOWN else None
