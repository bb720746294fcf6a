"""MDAV: groups from the outside inwards, two at a time. The default: little is lost, nothing is random."""

from __future__ import annotations

import numpy.typing as npt

from kssgan.grouping._build import build_groups
from kssgan.grouping._fill import Draft
from kssgan.grouping._remaining import Remaining
from kssgan.types import Groups

__all__ = ["mdav_groups"]

_BATCH = 32  # rows that are surveyed together


def mdav_groups(
    embeddings: npt.ArrayLike, k: int, *, look_alikes: npt.ArrayLike | None = None
) -> Groups:
    """Gather similar subjects into groups of ``k`` to ``2k - 1`` people by maximum distance to average.

    While at least 3k subjects remain, the subject farthest from the mean of those that remain is grouped
    with its k-1 nearest, then the one farthest from that subject with its k-1 nearest. Of 2k to 3k-1, one
    more group is taken so; the rest are the last group. Distances are Euclidean; the embeddings need not
    be of unit length. The promise counts people, not photos: pass one row per subject.

    Look-alikes never count as two people. While groups are filled, a subject that looks like a member
    is left for another group; leftovers join the nearest group in which they look like nobody, and only
    if there is none do they become one person with whom they look like (see ``Groups.people``). If
    nobody has more than d look-alikes, 2k(d + 1) subjects are always enough, with no two of them made
    one.

    The result depends on the values alone, not on the order of rows: permuted rows give the permuted
    partition and the same group numbers. Ties are decided by the values too (rows in ascending order,
    first column first); only between rows equal in every column does the row number decide.

    Args:
        embeddings: shape (N, D), finite; kept in float32 if they come so.
        k: smallest number of people in a group, at least 2.
        look_alikes: shape (M, 2), pairs of row numbers that may be one human under two names.

    Returns:
        Groups; deterministic.

    Raises:
        UsageError: embeddings, ``k`` or pairs are not usable; the message says what was wanted.
        TooFewPeople: fewer than ``k`` subjects, or so many look-alikes that no grouping was found. Up to
            12 subjects that is exact; with more, and fewer than 2k(d + 1), it may give up on what a
            search of all groupings would find (deciding is NP-hard), but it never breaks the promise.

    Reference: Domingo-Ferrer and Torra 2005, Ordinal, continuous and heterogeneous k-anonymity through
    microaggregation (MDAV-generic).

    >>> import numpy as np
    >>> mdav_groups(np.array([[0.0], [9.1], [0.2], [9.0], [0.1]]), 2).labels.tolist()
    [1, 0, 1, 0, 1]
    """
    return build_groups(embeddings, k, look_alikes, _sow)


def _sow(draft: Draft) -> None:
    remaining, k = draft.remaining, draft.k
    while remaining.count >= 3 * k:
        first = remaining.farthest_from_centre()
        if not remaining.surveyed(first):
            _look_ahead(remaining, first)
        draft.fill(first)
        second = remaining.farthest(first)
        if not remaining.surveyed(second):
            remaining.survey(_likely_seconds(remaining, second))
        draft.fill(second)
    while remaining.count >= 2 * k:
        draft.fill(remaining.farthest_from_centre())
    draft.close(remaining.farthest_from_centre)


def _look_ahead(remaining: Remaining, first: int) -> None:
    """Survey ``first`` with the rows that will likely be asked about soon."""
    ahead = [row for row in remaining.outer_rows(2 * _BATCH) if not remaining.surveyed(row)]
    remaining.survey([first, *(row for row in ahead if row != first)][:_BATCH], far=True)


def _likely_seconds(remaining: Remaining, second: int) -> list[int]:
    """``second``, and who will be farthest from the next rows by the time their turn comes."""
    likely = [second]
    for row in remaining.outer_rows(2 * _BATCH):
        for other in remaining.farthest_list(row):
            if other not in likely:
                if not remaining.surveyed(other):
                    likely.append(other)
                break
        if len(likely) == _BATCH:
            break
    return likely
