"""Who shares a picture with whom: subjects, groups and cells of the usable photos.

A cell, the people of a group who share a label, has one picture, or several variants of it: then the
variant's number is a part of the label, and everybody of the cell holds one file of each.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

import numpy as np

from kssgan.deidentification.look import PhotoReader, Seen
from kssgan.errors import TooFewPeople
from kssgan.faces.distances import pairs_below
from kssgan.faces.thresholds import COPY, LOOK_ALIKE, SAME_PERSON
from kssgan.grouping.attributes import UNKNOWN
from kssgan.grouping.cells import Cells, make_cells, vote
from kssgan.grouping.given import groups_given
from kssgan.grouping.labels import LabelScheme
from kssgan.grouping.loss import information_loss
from kssgan.grouping.select import groups_within
from kssgan.grouping.subjects import Subjects, resolve_subjects
from kssgan.types import FloatArray, Groups, IntArray, U8Array

__all__ = [
    "VARIANT",
    "Plan",
    "make_plan",
    "mean_embeddings",
    "own_labels",
    "released_attributes",
    "resolve",
    "told_apart",
]

VARIANT = "variant"
"""Column of the manifest where a cell has several pictures."""

_OPEN_CROPS = 64


@dataclass(frozen=True, slots=True)
class Plan:
    """The release before it is drawn. P photos, N subjects, G groups, C cells.

    Attributes:
        subjects: who is who.
        groups: of subjects.
        photo_group: (P,) the group of each photo.
        photo_person: (P,) the person that each photo counts as.
        cells: who shares a picture.
        attributes: what the release says of a picture, in order.
        labels: per cell, a category for each of ``attributes``.
        loss: information loss of the grouping, 0..100.
        variants: V, pictures of each cell; those of cell c are numbered c V to c V + V - 1.
    """

    subjects: Subjects
    groups: Groups
    photo_group: IntArray
    photo_person: IntArray
    cells: Cells
    attributes: tuple[str, ...]
    labels: tuple[Mapping[str, str], ...]
    loss: float
    variants: int = 1

    @property
    def columns(self) -> tuple[str, ...]:
        """What the manifest says of a file."""
        return (*self.attributes, VARIANT) if self.variants > 1 else self.attributes

    def pictures(self, cell: int) -> range:
        """Numbers of a cell's pictures."""
        return range(cell * self.variants, (cell + 1) * self.variants)

    def shown(self, picture: int) -> dict[str, str]:
        """What is said of a picture: a value for each of ``columns``."""
        cell, variant = divmod(picture, self.variants)
        own = {name: self.labels[cell][name] for name in self.attributes}
        return {**own, VARIANT: str(variant + 1)} if self.variants > 1 else own

    def holders(self) -> list[tuple[int, int]]:
        """Every person of every picture, as (picture, person); each gets one file."""
        pairs = np.stack([self.cells.photo_cell, self.photo_person], axis=1)
        return [
            (picture, int(person))
            for cell, person in np.unique(pairs, axis=0)
            for picture in self.pictures(int(cell))
        ]


def resolve(
    photos: Sequence[Seen], names: Sequence[str] | None, reader: PhotoReader
) -> Subjects:
    """Tell people apart: copies of a picture joined, look-alikes found.

    Args:
        photos: P usable photos.
        names: the declared subject of each; ``None`` asks the recogniser.
        reader: to compare the crops of photos whose embeddings nearly agree.
    """
    nothing = np.zeros((0, 2), np.int64)
    if not photos:
        return resolve_subjects(
            None,
            0,
            pairs=nothing,
            distances=np.zeros(0),
            copies=nothing,
            same_person=SAME_PERSON,
        )
    embeddings = np.stack([photo.embedding for photo in photos])
    pairs, distances = pairs_below(embeddings, max(SAME_PERSON, LOOK_ALIKE))
    return resolve_subjects(
        names,
        len(photos),
        pairs=pairs,
        distances=distances,
        copies=_copies(photos, names, pairs[distances <= COPY], reader),
        same_person=SAME_PERSON,
    )


def make_plan(
    photos: Sequence[Seen],
    subjects: Subjects,
    labels: Sequence[Mapping[str, str]],
    scheme: LabelScheme,
    draws: Mapping[str, Sequence[str]],
    *,
    k: int,
    grouping: Literal["mdav", "k-same"],
    within: Sequence[str],
    seed: int,
    nearest: bool = False,
    fixed: IntArray | None = None,
    variants: int = 1,
) -> Plan:
    """Form groups of subjects and divide them into cells.

    Args:
        photos: P usable photos.
        subjects: who is on them.
        labels: per photo, category by attribute.
        scheme: attributes that occur.
        draws: per-photo attributes and categories that the surrogate can show; others are not released.
        k: fewest people of a group and of a cell.
        grouping: method.
        within: form groups inside equal values of these, where they are known.
        seed: of k-Same.
        nearest: who lacks one of ``within`` is grouped with those of the nearest face that has it, instead of
            apart. What is released of a group is not touched by this.
        fixed: (N,) group of each subject, where the groups are not to be formed but are given.
        variants: pictures of each cell.

    Raises:
        TooFewPeople: fewer than k people can be told apart.
    """
    if len(subjects.names) < k:
        raise TooFewPeople(len(subjects.names), k)
    order, constant, drawn = told_apart(scheme, draws)
    embeddings = mean_embeddings(photos, subjects)
    if fixed is None:
        groups = groups_within(
            embeddings,
            k,
            _bands(subjects, labels, constant, within, embeddings if nearest else None),
            method=grouping,
            seed=seed,
            look_alikes=subjects.look_alikes,
        )
    else:
        groups = groups_given(fixed, k, look_alikes=subjects.look_alikes)
    photo_group = groups.labels[subjects.photo_subject]
    photo_person = groups.people[subjects.photo_subject]
    # A category that the surrogate cannot show would be a label that is not true of the picture.
    shown = [
        tuple(value if (value := label.get(name)) in draws[name] else None for name in drawn)
        for label in labels
    ]
    cells = make_cells(photo_group, photo_person, shown, drawn, k)
    shared = [
        {
            n: vote([labels[i].get(n) for i in rows], photo_person[rows]) or UNKNOWN
            for n in constant
        }
        for rows in _rows(photo_group, groups.count)
    ]
    of_cell = []
    for group, label in zip(cells.group.tolist(), cells.label, strict=True):
        both = {**shared[group], **dict(zip(cells.names, label, strict=True))}
        of_cell.append({name: both[name] for name in order})
    return Plan(
        subjects,
        groups,
        photo_group,
        photo_person,
        cells,
        order,
        tuple(of_cell),
        information_loss(embeddings, groups),
        variants,
    )


def _bands(
    subjects: Subjects,
    labels: Sequence[Mapping[str, str]],
    constant: Sequence[str],
    within: Sequence[str],
    nearest: FloatArray | None,
) -> list[tuple[str, ...]] | None:
    """The part of each subject inside which groups are formed; None where all are one part.

    Args:
        subjects: who is on the photos.
        labels: of each photo.
        constant: attributes that stay with a person.
        within: those that make the parts.
        nearest: (N, D), where who lacks one goes with the nearest face that has it.
    """
    own = own_labels(labels, subjects, constant)
    columns = [[person[name] for person in own] for name in constant if name in within]
    if nearest is not None:
        columns = [_filled(column, nearest) for column in columns]
    bands: list[tuple[str, ...]] = list(zip(*columns, strict=True))
    return bands if any(bands) else None


def told_apart(
    scheme: LabelScheme, draws: Mapping[str, Sequence[str]]
) -> tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...]]:
    """What a release says of a picture, in order; what of it stays with a person; what it draws."""
    order = released_attributes(scheme, draws)
    constant = tuple(a.name for a in scheme.attributes if a.scope == "subject")
    return order, constant, tuple(name for name in order if name not in constant)


def own_labels(
    labels: Sequence[Mapping[str, str]], subjects: Subjects, constant: Sequence[str]
) -> list[dict[str, str]]:
    """What stays with each subject: the category that most of its photos have."""
    return [
        {name: vote([labels[i].get(name) for i in rows]) or UNKNOWN for name in constant}
        for rows in _rows(subjects.photo_subject, len(subjects.names))
    ]


def released_attributes(
    scheme: LabelScheme, draws: Mapping[str, Sequence[str]]
) -> tuple[str, ...]:
    """What a release says of a picture: what stays with a person, and what the surrogate shows."""
    return tuple(a.name for a in scheme.attributes if a.scope == "subject" or a.name in draws)


def _filled(column: Sequence[str], embeddings: FloatArray) -> list[str]:
    """Unknown values replaced by that of the nearest subject whose value is known."""
    known = np.array([i for i, value in enumerate(column) if value != UNKNOWN], np.int64)
    filled = list(column)
    if not known.size:
        return filled
    faces = embeddings[known]
    lengths = (faces**2).sum(1)
    for i, value in enumerate(column):
        if value == UNKNOWN:
            rough = lengths - 2 * (faces @ embeddings[i])
            close = np.flatnonzero(rough <= rough.min() + 1e-3)
            # A matrix product's last bits depend on the order of subjects; the choice must not.
            apart = ((faces[close] - embeddings[i]) ** 2).sum(1)
            filled[i] = min(column[j] for j in known[close[apart == apart.min()]].tolist())
    return filled


def _copies(
    photos: Sequence[Seen], names: Sequence[str] | None, near: IntArray, reader: PhotoReader
) -> IntArray:
    """Pairs of photos that are one picture, however it was saved.

    Of declared subjects as many as tell which of them share one: photos of one name are one person anyway,
    and a burst of n photos has n squared pairs.
    """
    from kssgan.faces.copies import same_picture

    @lru_cache(_OPEN_CROPS)
    def crop(number: int) -> U8Array:
        return reader.face(photos[number]).crop

    first: dict[str, int] = {}
    owner = [
        number if names is None else first.setdefault(names[number], number)
        for number in range(len(photos))
    ]

    def root(i: int) -> int:
        while owner[i] != i:
            owner[i] = owner[owner[i]]
            i = owner[i]
        return i

    found = []
    for pair in near.tolist():
        # Which of two crops is laid on the other matters a little: content decides, never a name.
        a, b = sorted(pair, key=lambda i: photos[i].content)
        if root(a) == root(b):
            continue
        if photos[a].content == photos[b].content or same_picture(crop(a), crop(b)):
            owner[root(b)] = root(a)
            found.append((a, b))
    return np.array(found, np.int64).reshape(-1, 2)


def mean_embeddings(photos: Sequence[Seen], subjects: Subjects) -> FloatArray:
    """Mean of each subject's embeddings, of unit length again, (N, D) float32."""
    # Summed in the order of content, so that renaming photos does not change the last bit.
    order = sorted(range(len(photos)), key=lambda i: photos[i].content)
    embeddings = np.stack([photos[i].embedding for i in order]).astype(np.float64)
    total = np.zeros((len(subjects.names), embeddings.shape[1]))
    np.add.at(total, subjects.photo_subject[order], embeddings)
    norms = np.linalg.norm(total, axis=1, keepdims=True)
    means: FloatArray = (total / np.maximum(norms, 1e-12)).astype(np.float32)
    return means


def _rows(owner: IntArray, count: int) -> list[IntArray]:
    """Photo numbers by owner."""
    order = np.argsort(owner, kind="stable")
    ends = np.searchsorted(owner[order], np.arange(count), side="right")
    return [rows.astype(np.int64) for rows in np.split(order, ends[:-1])] if count else []
