"""Groups that are given, not formed: look-alikes still count once, and k must still be reached."""

from __future__ import annotations

import numpy as np

from kssgan.errors import TooFewPeople, UsageError
from kssgan.grouping._linkage import components
from kssgan.types import Groups, IntArray

__all__ = ["groups_given"]


def groups_given(labels: IntArray, k: int, *, look_alikes: IntArray) -> Groups:
    """Count people in given groups.

    Args:
        labels: (N,) group of each subject, 0..G-1, none empty.
        k: smallest number of people in a group.
        look_alikes: (M, 2) pairs of subjects that may be one human; inside a group they count once.

    Raises:
        UsageError: group numbers with gaps.
        TooFewPeople: a group has fewer than k people.

    >>> given = groups_given(np.array([0, 0, 0, 1, 1]), 2, look_alikes=np.array([[0, 1], [2, 3]]))
    >>> given.people.tolist()
    [0, 0, 1, 2, 3]
    """
    count = int(labels.max()) + 1 if labels.size else 0
    if labels.size and not np.array_equal(np.unique(labels), np.arange(count)):
        raise UsageError("groups with gaps in their numbers came; 0 to G-1 was wanted")
    pairs = look_alikes.reshape(-1, 2)
    inside = pairs[labels[pairs[:, 0]] == labels[pairs[:, 1]]]
    people = components(len(labels), inside)
    for group in range(count):
        have = np.unique(people[labels == group]).size
        if have < k:
            raise TooFewPeople(
                have, k, what="people in a given group, look-alikes counted once"
            )
    return Groups(labels.astype(np.int64), people, k=k)
