"""Label cells: the people of a group who share one picture (rules 1 and 2 of the promise).

A cell is a group and a label. The label is a function of the picture, so a label that fewer than k people
of a group carry has no picture of its own: its photos take the group's most common label. Everything is
counted in people; how many photos somebody has changes nothing.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from kssgan.errors import UsageError
from kssgan.grouping.attributes import UNKNOWN
from kssgan.types import IntArray

__all__ = ["Cells", "make_cells", "vote"]

Label = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Cells:
    """Who shares a picture with whom.

    Attributes:
        names: the attributes that change from photo to photo.
        photo_cell: (P,) int64, the cell of each photo, values 0..C-1.
        group: (C,) int64, the group of each cell, ascending.
        label: per cell, one category for each of ``names``; "unknown" where nobody's is known.
        merged: labels of groups that were given up because fewer than k people carry them.
    """

    names: tuple[str, ...]
    photo_cell: IntArray
    group: IntArray
    label: tuple[Label, ...]
    merged: int

    @property
    def count(self) -> int:
        """C, the number of cells, and so of distinct pictures."""
        return len(self.label)


def make_cells(
    photo_group: IntArray,
    photo_person: IntArray,
    photo_labels: Sequence[tuple[str | None, ...]],
    names: tuple[str, ...],
    k: int,
) -> Cells:
    """Divide each group by label, so that every part has at least k people.

    In each group, in this order:

    1. a value that is not known becomes the group's most common one of that attribute, or "unknown" where
       the group knows none: then the whole group has it, and the label still follows from the picture;
    2. labels that fewer than k people carry become the group's most common label; where that one is
       short as well, all are, and the whole group gets it.

    Most common means carried by the most people, each counting once for every label among their photos;
    among equals the one that sorts first. So neither the order nor the number of photos matters.

    Args:
        photo_group: (P,) the group of each photo.
        photo_person: (P,) the person it shows; numbers need to be unique inside a group only.
        photo_labels: P tuples, one value for each of ``names``, None where it is not known.
        names: the attributes; () makes one cell per group.
        k: the fewest people of a cell.

    Returns:
        Cells, ordered by group and label. Every photo is in one cell of its own group, and every cell of a
        group of at least k people has at least k.

    Raises:
        UsageError: arguments of different lengths, or k below 1.

    >>> labels = [("happy",), ("happy",), ("sad",), ("happy",), (None,)]
    >>> cells = make_cells(np.zeros(5, int), np.array([0, 1, 1, 2, 3]), labels, ("expression",), k=2)
    >>> cells.label, cells.photo_cell.tolist(), cells.merged
    ((('happy',),), [0, 0, 0, 0, 0], 1)
    """
    photo_group, photo_person = np.asarray(photo_group), np.asarray(photo_person)
    photos = len(photo_labels)
    if photo_group.shape != (photos,) or photo_person.shape != (photos,):
        raise UsageError(
            f"groups {photo_group.shape} and people {photo_person.shape} came for {photos} labelled "
            f"photos; give one each"
        )
    if any(len(label) != len(names) for label in photo_labels):
        raise UsageError(f"labels must have one value for each of {len(names)} attributes")
    if k < 1:
        raise UsageError(f"k={k} came; a cell needs at least one person")
    order = np.argsort(photo_group, kind="stable")
    starts = np.flatnonzero(np.diff(photo_group[order], prepend=np.nan))
    photo_cell = np.full(photos, -1, np.int64)
    group: list[int] = []
    labels: list[Label] = []
    merged = 0
    for members in np.split(order, starts)[1:]:
        people = photo_person[members].tolist()
        known = _fill([photo_labels[i] for i in members.tolist()], people)
        final = _fold(known, people, k)
        merged += len(set(known)) - len(set(final))
        cells = {label: len(labels) + i for i, label in enumerate(sorted(set(final)))}
        photo_cell[members] = [cells[label] for label in final]
        labels += cells
        group += [int(photo_group[members[0]])] * len(cells)
    return Cells(names, photo_cell, np.asarray(group, np.int64), tuple(labels), merged)


def _fill(labels: Sequence[tuple[str | None, ...]], people: Sequence[int]) -> list[Label]:
    columns = []
    for column in zip(*labels, strict=True):
        most = _most_common(column, people)
        usual = UNKNOWN if most is None else most
        columns.append([usual if value is None else value for value in column])
    return list(zip(*columns, strict=True)) if columns else [()] * len(labels)


def _fold(labels: Sequence[Label], people: Sequence[int], k: int) -> list[Label]:
    count = Counter(label for label, _ in set(zip(labels, people, strict=True)))
    most = min(count, key=lambda label: (-count[label], label))
    # Where even the most common label is short, all are, and the group ends with one cell.
    return [label if count[label] >= k else most for label in labels]


def _most_common(values: Sequence[str | None], people: Sequence[int]) -> str | None:
    carried = set(zip(values, people, strict=True))
    count = Counter(value for value, _ in carried if value is not None)
    return min(count, key=lambda value: (-count[value], value)) if count else None


def vote(values: Sequence[str | None], voters: IntArray | None = None) -> str | None:
    """The value that most people have, for attributes that stay with a person (gender, age band).

    A person's own value is the most frequent one among their photos. Values that are not known do not count.
    Among equals the one that sorts first wins, for a person as for the group.

    Args:
        values: one per photo.
        voters: (P,) the person each photo shows; None where every value is another person's.

    Returns:
        The value, or None where nobody's is known.

    Raises:
        UsageError: as many voters as values were wanted.

    >>> vote(["male", "male", "male", "female", "female"], np.array([1, 1, 1, 2, 3]))
    'female'
    """
    if voters is None:
        voters = np.arange(len(values))
    if np.shape(voters) != (len(values),):
        raise UsageError(
            f"{np.shape(voters)} voters came for {len(values)} values; give one each"
        )
    photos = Counter(
        (person, value)
        for person, value in zip(np.asarray(voters).tolist(), values, strict=True)
        if value is not None
    )
    own: dict[int, tuple[int, str]] = {}
    for (person, value), times in photos.items():
        own[person] = min(own.get(person, (-times, value)), (-times, value))
    people = Counter(value for _, value in own.values())
    return min(people, key=lambda value: (-people[value], value)) if people else None
