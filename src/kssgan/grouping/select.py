"""k-Same-Select: groups of people with the same attributes, so that a surrogate can keep them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from kssgan.errors import TooFewPeople, UsageError
from kssgan.grouping._input import (
    Embeddings,
    checked_embeddings,
    checked_k,
    checked_pairs,
    value_order,
)
from kssgan.grouping.k_same import k_same_groups
from kssgan.grouping.mdav import mdav_groups
from kssgan.types import Groups, IntArray

__all__ = ["groups_within"]


def groups_within(
    embeddings: npt.ArrayLike,
    k: int,
    attributes: Sequence[tuple[str, ...]] | None,
    *,
    method: Literal["mdav", "k-same"] = "mdav",
    seed: int = 0,
    look_alikes: npt.ArrayLike | None = None,
) -> Groups:
    """Gather similar subjects into groups of ``k`` to ``2k - 1`` people with equal attributes.

    The subjects of one attribute tuple are a part, and each part is grouped by itself. While some part
    has too few people for a group, the smallest such part joins the part that shares the most leading
    attributes with it (so give the most important attribute first), of these the one whose mean
    embedding is nearest. The joined part keeps the attributes that both share.

    Args:
        embeddings: shape (N, D), finite.
        k: smallest number of people in a group, at least 2.
        attributes: one tuple per row, all of one length, for example ``("female", "30-39")``; None
            puts no constraint.
        method: "mdav", or "k-same" (random, by ``seed``).
        seed: used by "k-same" only.
        look_alikes: shape (M, 2), pairs of row numbers that may be one human under two names.

    Returns:
        Groups, part after part in the order of the attributes. The order of rows does not matter.

    Raises:
        UsageError: input is not usable; the message says what was wanted.
        TooFewPeople: fewer than ``k`` people, or too many look-alikes even with all parts joined (see
            :func:`~kssgan.grouping.mdav.mdav_groups`).

    Reference: Gross, Airoldi, Malin, Sweeney 2005, Integrating utility into face de-identification.

    >>> rows = np.array([[0.0], [1.0], [2.0], [3.0], [4.0]])
    >>> sexes = [("f",), ("m",), ("f",), ("m",), ("f",)]
    >>> groups_within(rows, 2, sexes).labels.tolist()
    [0, 1, 0, 1, 0]
    """
    rows = checked_embeddings(embeddings)
    k = checked_k(k, rows=len(rows))
    pairs = checked_pairs(look_alikes, rows=len(rows))
    if method not in ("mdav", "k-same"):
        raise UsageError(f"grouping method {method!r} came; 'mdav' or 'k-same' was wanted")
    parts = _parts(attributes, rows=len(rows))
    rank = np.empty(len(rows), dtype=np.int64)
    rank[value_order(rows)] = np.arange(len(rows))

    def group(part: _Part) -> Groups | None:
        inside = np.full(len(rows), -1, dtype=np.int64)
        inside[part.members] = np.arange(part.members.size)
        here = inside[pairs]
        here = here[(here >= 0).all(axis=1)]
        try:
            if method == "mdav":
                return mdav_groups(rows[part.members], k, look_alikes=here)
            return k_same_groups(rows[part.members], k, seed=seed, look_alikes=here)
        except TooFewPeople:
            if len(parts) == 1:
                raise
            return None

    # Parts that are short whatever they look like join first; then those with too many look-alikes.
    while small := [part for part in parts if part.members.size < k]:
        _join_smallest(rows, rank, parts, small)
    while True:
        for part in parts:
            if part.groups is None:
                part.groups = group(part)
        small = [part for part in parts if part.groups is None]
        if not small:
            break
        _join_smallest(rows, rank, parts, small)

    labels = np.empty(len(rows), dtype=np.int64)
    people = np.empty(len(rows), dtype=np.int64)
    count = 0
    for part in sorted(parts, key=lambda part: (part.shared, int(rank[part.members].min()))):
        assert part.groups is not None
        labels[part.members] = part.groups.labels + count
        people[part.members] = part.members[part.groups.people]
        count += part.groups.count
    return Groups(labels=labels, people=people, k=k)


@dataclass(slots=True, eq=False)
class _Part:
    """Rows that are grouped by themselves; ``shared`` are the leading attributes they have in common."""

    shared: tuple[str, ...]
    members: IntArray
    groups: Groups | None = None


def _parts(attributes: Sequence[tuple[str, ...]] | None, *, rows: int) -> list[_Part]:
    if attributes is None:
        return [_Part((), np.arange(rows, dtype=np.int64))]
    if len(attributes) != rows:
        raise UsageError(f"attributes of {len(attributes)} rows came; {rows} were wanted")
    members: dict[tuple[str, ...], list[int]] = {}
    for row, values in enumerate(attributes):
        members.setdefault(tuple(values), []).append(row)
    if len({len(values) for values in members}) > 1:
        raise UsageError("attribute tuples of different lengths came; one length was wanted")
    return [_Part(values, np.array(found, dtype=np.int64)) for values, found in members.items()]


def _join_smallest(
    rows: Embeddings, rank: IntArray, parts: list[_Part], small: Sequence[_Part]
) -> None:
    """Join the smallest part of ``small`` with the part that suits it best, in place."""

    def first(part: _Part) -> int:
        return int(rank[part.members].min())

    def mean(part: _Part) -> npt.NDArray[np.float64]:
        # Summed in the order of values: the order of rows must not even change a rounding.
        ordered = part.members[np.argsort(rank[part.members])]
        found: npt.NDArray[np.float64] = rows[ordered].mean(axis=0, dtype=np.float64)
        return found

    chosen = min(small, key=lambda part: (part.members.size, part.shared, first(part)))
    middle = mean(chosen)

    def fit(other: _Part) -> tuple[int, float, tuple[str, ...], int]:
        apart = mean(other) - middle
        shared = _leading(chosen.shared, other.shared)
        return -len(shared), float(apart @ apart), other.shared, first(other)

    partner = min((part for part in parts if part is not chosen), key=fit)
    partner.shared = _leading(chosen.shared, partner.shared)
    partner.members = np.sort(np.concatenate([chosen.members, partner.members]))
    partner.groups = None
    parts.remove(chosen)


def _leading(one: tuple[str, ...], other: tuple[str, ...]) -> tuple[str, ...]:
    """The leading attributes that two tuples have in common.

    >>> _leading(("female", "30-39"), ("female", "40-49"))
    ('female',)
    """
    length = 0
    while length < min(len(one), len(other)) and one[length] == other[length]:
        length += 1
    return one[:length]
