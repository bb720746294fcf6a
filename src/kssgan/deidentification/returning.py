"""People of earlier releases: who of them is here, and which pictures they are shown again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from kssgan.deidentification.collection import Collection
from kssgan.deidentification.ledger import Ledger
from kssgan.deidentification.look import Seen
from kssgan.deidentification.plan import mean_embeddings
from kssgan.errors import Reason
from kssgan.faces.distances import pairs_below
from kssgan.faces.thresholds import LOOK_ALIKE, SAME_PERSON
from kssgan.grouping.ledger import (
    OTHER_NAME,
    UNSURE,
    Frozen,
    FrozenCell,
    doubted,
    match_templates,
    recognise,
    share_out,
)
from kssgan.grouping.subjects import Subjects
from kssgan.types import BoolArray, IntArray

__all__ = ["Absent", "Returning", "find_returning"]


@dataclass(frozen=True, slots=True)
class Absent:
    """Groups of the ledger that this release does not show.

    Attributes:
        groups: how many.
        people: of them who are not here.
        others: of them who are here, and are refused with the group.
    """

    groups: int = 0
    people: int = 0
    others: int = 0


@dataclass(frozen=True, slots=True)
class Returning:
    """What becomes of P photos, as far as the ledger knows who is on them.

    Attributes:
        person: (P,) of each photo, see :func:`~kssgan.grouping.ledger.recognise`.
        known: (P,) photos whose very file the ledger knows.
        shown: cell of the ledger, by photo.
        refused: reason, by photo.
        absent: groups that are not shown.
    """

    person: IntArray
    known: BoolArray
    shown: Mapping[int, int]
    refused: Mapping[int, str]
    absent: Absent


def find_returning(
    collection: Collection,
    subjects: Subjects,
    labels: Sequence[Mapping[str, str]],
    drawn: Sequence[str],
    ledger: Ledger,
    frozen: Frozen,
) -> Returning:
    """Give the people of the ledger what they had, group by group and whole, or refuse their photos.

    Args:
        collection: what was found.
        subjects: who is on its photos, as this release tells people apart.
        labels: of each photo.
        drawn: attributes that change from photo to photo.
        ledger: open.
        frozen: what it has settled.
    """
    photos = collection.photos
    by_photo = [ledger.person_by_photo(photo.content) for photo in photos]
    person = _recognise(collection, subjects, by_photo, ledger)
    refused: dict[int, str] = {}
    rows_of: dict[int, list[int]] = {}
    group_of = {p: g for g, people in frozen.groups.items() for p in people}
    for row, number in enumerate(person.tolist()):
        if number == UNSURE:
            refused[row] = Reason.LEDGER_UNSURE
        elif number == OTHER_NAME:
            refused[row] = Reason.LEDGER_NAME
        elif number >= 0:
            rows_of.setdefault(group_of[number], []).append(row)
    cells_of: dict[int, dict[int, FrozenCell]] = {}
    for number, cell in frozen.cells.items():
        cells_of.setdefault(cell.group, {})[number] = cell
    shown: dict[int, int] = {}
    groups = away = others = 0
    for group, people in sorted(frozen.groups.items()):
        rows = rows_of.get(group, [])
        alike = _alike(photos, rows, person, by_photo)
        refused |= dict.fromkeys(alike, str(Reason.GROUP_ALIKE))
        rows = [row for row in rows if row not in alike]
        here = {int(person[row]) for row in rows}
        given = None
        if here == people:
            given = share_out(
                {
                    number: (tuple(cell.label.get(n) for n in drawn), cell.holders)
                    for number, cell in cells_of[group].items()
                },
                [int(person[row]) for row in rows],
                [tuple(labels[row].get(n) for n in drawn) for row in rows],
            )
        if given is not None:
            shown |= dict(zip(rows, given, strict=True))
            continue
        groups, away, others = groups + 1, away + len(people - here), others + len(here)
        why = Reason.GROUP_SHORT if here == people else Reason.GROUP_ABSENT
        refused |= dict.fromkeys(rows, str(why))
    known = np.array([number is not None for number in by_photo], bool)
    return Returning(person, known, shown, refused, Absent(groups, away, others))


def _recognise(
    collection: Collection,
    subjects: Subjects,
    by_photo: Sequence[int | None],
    ledger: Ledger,
) -> IntArray:
    subject = subjects.photo_subject.tolist()
    if subjects.how != "auto":
        names = [collection.declared[photo.name] or "" for photo in collection.photos]
        return recognise(subject, list(map(ledger.person_by_name, names)), by_photo)
    people, templates = ledger.templates()
    by_face = match_templates(
        mean_embeddings(collection.photos, subjects),
        templates,
        people,
        same_person=SAME_PERSON,
        look_alike=LOOK_ALIKE,
    )
    person = recognise(subject, None, by_photo, by_face.tolist())
    return doubted(person, subjects.photo_subject, subjects.look_alikes)


def _alike(
    photos: Sequence[Seen],
    rows: Sequence[int],
    person: IntArray,
    by_photo: Sequence[int | None],
) -> set[int]:
    """Photos that make two people of one group look like one; new photos go before known ones."""
    if len(rows) < 2:
        return set()
    pairs, _ = pairs_below(np.stack([photos[row].embedding for row in rows]), LOOK_ALIKE)
    close = [
        (rows[a], rows[b]) for a, b in pairs.tolist() if person[rows[a]] != person[rows[b]]
    ]
    new = {row for pair in close for row in pair if by_photo[row] is None}
    return new | {row for pair in close if not new.intersection(pair) for row in pair}
