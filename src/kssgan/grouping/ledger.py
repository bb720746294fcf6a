"""Rule 6: groups stay as they are over releases. What is frozen, who is who, and who must wait.

A group that was released is frozen: its people, their pictures and the labels of these. It is shown again
whole or not at all. Were it shown without one of its people, then whoever can tell that two files of two
releases belong together would know who the missing one is, and two different remainders of a group may have
a single person in common. Newcomers form groups among themselves, as soon as there are k of them.

People and cells are numbers here. Where they are kept, and how they are hidden, is not this room's business.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import combinations
from typing import Any

import numpy as np

from kssgan.errors import LedgerRefused, Reason
from kssgan.types import FloatArray, IntArray

__all__ = [
    "NEWCOMER",
    "OTHER_NAME",
    "UNSURE",
    "Frozen",
    "FrozenCell",
    "check_parameters",
    "doubted",
    "match_templates",
    "recognise",
    "share_out",
    "waits_for",
]

NEWCOMER = -1
"""Nobody of the ledger."""
UNSURE = -2
"""May be somebody of the ledger, or is two of them."""
OTHER_NAME = -3
"""A photo that the ledger knows, under a name that it does not know."""

_WHY = {
    "k": "groups of another size would part people who were together",
    "seed": "another seed draws other pictures of other groups",
    "subjects": "people would not be known again and would be grouped anew",
    "surrogate": "other pictures of the same people can be compared with those that are out",
    "auto_labels": "other labels divide people otherwise than those that are out",
    "set_labels": "other labels divide people otherwise than those that are out",
    "attributes": "other labels divide people otherwise than those that are out",
    "analyser": "its embeddings cannot be compared with the templates in the ledger",
    "variants": "a group keeps all of its pictures",
}


@dataclass(frozen=True, slots=True)
class FrozenCell:
    """A picture that was released, or all variants of one.

    Attributes:
        group: the group that it belongs to.
        label: what was released of it, the variant's number aside.
        holders: everybody who has a file of it: the same people in every release that shows it.
        pictures: numbers of the variants in the ledger, in their order; the cell has that of the first.
    """

    group: int
    label: Mapping[str, str]
    holders: frozenset[int]
    pictures: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Frozen:
    """What earlier releases have settled.

    Attributes:
        groups: the people of each group.
        cells: the pictures of all groups.
    """

    groups: Mapping[int, frozenset[int]] = field(default_factory=dict)
    cells: Mapping[int, FrozenCell] = field(default_factory=dict)


def check_parameters(before: Mapping[str, Any], asked: Mapping[str, Any]) -> None:
    """Refuse a release that could be intersected with the earlier ones.

    Args:
        before: of the ledger's first release.
        asked: of the coming one; those that are not in ``before`` do not matter.

    Raises:
        LedgerRefused: lists what differs, with the reason.

    >>> check_parameters({"k": 5}, {"k": 5, "grouping": "mdav"})
    """
    problems = [
        f"{name} {_shown(asked[name])} came, but the ledger's releases have {_shown(value)}: {_WHY[name]}"
        for name, value in before.items()
        if name in asked and asked[name] != value
    ]
    if problems:
        raise LedgerRefused(
            f"this release could be intersected with earlier ones: {'; '.join(problems)}. Ask for the same "
            f"as before; other settings are for people who were in none of the ledger's releases, with a "
            f"ledger of their own"
        )


def recognise(
    subject: Sequence[int],
    by_name: Sequence[int | None] | None,
    by_photo: Sequence[int | None],
    by_face: Sequence[int] | None = None,
) -> IntArray:
    """Who of the ledger is on each photo.

    Declared names decide. A photo that the ledger knows must not come under other names, and a subject
    (names that share a picture are one) must not be two people of the ledger. Without names a known photo
    tells who is on it, and the others of its subject follow: the known ones among them, or else the face.

    Args:
        subject: (P,) of each photo, as this release tells people apart.
        by_name: (P,) person of the ledger with the declared name; None where people are not declared.
        by_photo: (P,) person of the ledger who had the same file.
        by_face: per subject, as :func:`match_templates` says; where people are not declared.

    Returns:
        (P,) person, or :data:`NEWCOMER`, :data:`UNSURE`, :data:`OTHER_NAME`.

    >>> recognise([0, 0, 1], [7, 7, None], [7, None, None]).tolist()
    [7, 7, -1]
    >>> recognise([0, 0, 1], None, [7, None, None], [-1, 8]).tolist()
    [7, 7, 8]
    """
    rows: dict[int, list[int]] = {}
    for row, number in enumerate(subject):
        rows.setdefault(number, []).append(row)
    found = np.full(len(subject), NEWCOMER, np.int64)
    for number, own in rows.items():
        photos = _known(by_photo[row] for row in own)
        if by_name is not None:
            names = _known(by_name[row] for row in own)
            if len(names | photos) > 1:
                found[own] = UNSURE
            elif photos and not names:
                found[own] = OTHER_NAME
            else:
                found[own] = next(iter(names), NEWCOMER)
            continue
        rest = NEWCOMER if by_face is None else by_face[number]
        if photos:
            rest = UNSURE if len(photos) > 1 else next(iter(photos))
        for row in own:
            known = by_photo[row]
            found[row] = rest if known is None else known
    return found


def doubted(person: IntArray, subject: IntArray, look_alikes: IntArray) -> IntArray:
    """Be unsure of newcomers who look like somebody known in the same release.

    A new photo of somebody may be far from the templates in the ledger, and near to another photo of today.
    As with templates, who looks like an unsure one alone stays a newcomer: far from all that is known of
    somebody, in the ledger and today, is somebody else.

    Args:
        person: (P,) of each photo, as :func:`recognise` says.
        subject: (P,) of each photo, as this release tells people apart.
        look_alikes: (M, 2) pairs of subjects that may be one human.

    Returns:
        (P,) person, or :data:`NEWCOMER`, :data:`UNSURE`, :data:`OTHER_NAME`.

    >>> doubted(np.array([7, -1, -1, -1]), np.arange(4), np.array([[0, 1], [1, 2]])).tolist()
    [7, -2, -1, -1]
    """
    known = np.isin(look_alikes, subject[person >= 0])
    beside = look_alikes[known[:, ::-1]]  # the other one of each pair
    found: IntArray = np.where((person == NEWCOMER) & np.isin(subject, beside), UNSURE, person)
    return found


def _known(people: Iterable[int | None]) -> set[int]:
    return {person for person in people if person is not None}


def match_templates(
    means: FloatArray,
    templates: FloatArray,
    people: Sequence[int],
    *,
    same_person: float,
    look_alike: float,
) -> IntArray:
    """Find people of the ledger by their faces.

    Whoever is near to one person alone is that person; far from all of them, a newcomer. Anybody else may
    be somebody of the ledger, whom a second group would give away.

    Args:
        means: (N, D) mean embedding of each subject, unit length.
        templates: (L, D) of the ledger's people.
        people: (L,) their numbers; somebody may have several templates.
        same_person: distance up to which two faces are one person's.
        look_alike: distance up to which they may be.

    Returns:
        (N,) person, :data:`NEWCOMER` or :data:`UNSURE`.

    >>> faces = np.eye(3, dtype="float32")
    >>> match_templates(faces, faces[:1], [7], same_person=0.3, look_alike=0.4).tolist()
    [7, -1, -1]
    """
    numbers = np.asarray(people, np.int64)
    found = np.full(len(means), NEWCOMER, np.int64)
    if not len(templates):
        return found
    for row, mean in enumerate(means):
        apart = np.linalg.norm(templates.astype(np.float64) - mean, axis=1)
        near = np.unique(numbers[apart <= same_person])
        if near.size == 1:
            found[row] = near[0]
        elif near.size or (apart <= look_alike).any():
            found[row] = UNSURE
    return found


def share_out(
    cells: Mapping[int, tuple[Hashable, frozenset[int]]],
    people: Sequence[int],
    labels: Sequence[Hashable],
) -> list[int] | None:
    """Give the photos of a whole group the pictures that its people had before.

    A picture is shown to exactly those who had it, so a person with several needs a photo for each: first
    those with its label, then any that are left. Where somebody has too few, pictures are left out, as few
    as possible, and the photos take another of their person's.

    Args:
        cells: label and holders of each picture; a handful.
        people: who is on each photo; everybody of the group.
        labels: of each photo.

    Returns:
        The cell of each photo; None where somebody would be left without a picture.

    >>> cells = {1: ("happy", frozenset({8})), 2: ("neutral", frozenset({8, 9}))}
    >>> share_out(cells, [8, 8, 9], ["neutral", "happy", "sad"])
    [2, 1, 2]
    >>> share_out(cells, [8, 9], ["happy", "happy"])
    [2, 2]
    """
    rows: dict[int, list[int]] = {}
    for row, person in enumerate(people):
        rows.setdefault(person, []).append(row)
    kept = _most_cells(cells, {person: len(own) for person, own in rows.items()})
    if kept is None:
        return None
    given = [0] * len(people)
    for person, own in rows.items():
        held = {number: cells[number][0] for number in kept if person in cells[number][1]}
        # The picture that most people have is where other labels go.
        usual = min(held, key=lambda number: (-len(cells[number][1]), number))
        for row, number in zip(own, _own_cells(held, usual, own, labels), strict=True):
            given[row] = number
    return given


def _most_cells(
    cells: Mapping[int, tuple[Hashable, frozenset[int]]], photos: Mapping[int, int]
) -> tuple[int, ...] | None:
    """The most pictures that everybody who had them has a photo for, while nobody has none."""
    for size in range(len(cells), 0, -1):
        fit = []
        for chosen in combinations(sorted(cells), size):
            had = [sum(person in cells[number][1] for number in chosen) for person in photos]
            holders = frozenset().union(*(cells[number][1] for number in chosen))
            if holders == photos.keys() and all(
                1 <= need <= have for need, have in zip(had, photos.values(), strict=True)
            ):
                fit.append((-sum(had), chosen))
        if fit:
            return min(fit)[1]
    return None


def _own_cells(
    held: Mapping[int, Hashable], usual: int, own: Sequence[int], labels: Sequence[Hashable]
) -> list[int]:
    by_label = {label: number for number, label in held.items()}
    cells = [by_label.get(labels[row], usual) for row in own]
    for empty in sorted(set(held) - set(cells)):
        spare = [at for at, number in enumerate(cells) if cells.count(number) > 1]
        # A photo whose label has no picture of its own goes first.
        cells[min(spare, key=lambda at: (labels[own[at]] in by_label, at))] = empty
    return cells


def waits_for(missing: int) -> str:
    """Reason of a newcomer's photo, in the map.

    >>> waits_for(1), waits_for(2)
    ('waits for 1 more person', 'waits for 2 more people')
    """
    return f"{Reason.WAITS} {missing} more {'person' if missing == 1 else 'people'}"


def _shown(value: object) -> str:
    if isinstance(value, list | tuple):
        return ",".join(map(str, value)) or "none"
    if isinstance(value, Mapping):
        return ",".join(f"{name}={inner}" for name, inner in sorted(value.items())) or "none"
    return str(value)
