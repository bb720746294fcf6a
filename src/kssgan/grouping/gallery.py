"""Groups of a prepared gallery, fixed before a generator learns them (Algorithm 1, lines 5 to 8)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, Protocol

import numpy as np

from kssgan.errors import UsageError
from kssgan.grouping.cells import vote
from kssgan.grouping.select import groups_within
from kssgan.types import BoolArray, FloatArray, IntArray

__all__ = ["Photographs", "fixed_groups"]

_KNOWN = 0.9
"""Share of people whose gender is known from which on groups are formed inside it."""


class Photographs(Protocol):
    """What is read of a prepared file."""

    @property
    def subject(self) -> IntArray:
        """(N,) subjects, 0..M-1."""

    @property
    def embedding(self) -> FloatArray:
        """(N, D) unit vectors."""

    @property
    def scheme(self) -> Mapping[str, tuple[str, ...]]:
        """Categories by attribute."""

    @property
    def labels(self) -> IntArray:
        """(N, A) category numbers, -1 where unknown."""


def fixed_groups(
    data: Photographs,
    k: int | None,
    seed: int = 0,
    *,
    method: Literal["mdav", "k-same"] = "mdav",
    without: BoolArray | None = None,
) -> IntArray | None:
    """Groups of at least k people by their mean embeddings, inside gender where it is known.

    Args:
        data: the gallery; every person of it takes part, people held out as well.
        k: people of a group; None gives none.
        seed: of the grouping.
        method: "mdav" or "k-same".
        without: (N,) photos of people who take no part, all photos of a person alike.

    Returns:
        (N,) group of each photo, -1 of those who take no part; or None.

    Raises:
        UsageError: k below 2.
        TooFewPeople: fewer than k people.
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
    found = groups_within(
        means[rows].astype(np.float32),
        k,
        None if genders is None else [genders[row] for row in rows.tolist()],
        method=method,
        seed=seed,
    )
    labels = np.full(people, -1, np.int64)
    labels[rows] = found.labels
    groups: IntArray = labels[data.subject]
    return groups


def _genders(data: Photographs, people: int) -> list[tuple[str, ...]] | None:
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
