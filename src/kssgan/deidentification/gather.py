"""What is known before anything is planned: usable photos, the people on them, what they show."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from kssgan.deidentification.asked import Asked, check_drawable
from kssgan.deidentification.collection import Collection, reasons_in_words
from kssgan.deidentification.labelling import Labelled, label_photos
from kssgan.deidentification.look import PhotoReader
from kssgan.deidentification.places import Places, check_release_outside
from kssgan.deidentification.plan import resolve
from kssgan.deidentification.scan import Scan, scan
from kssgan.errors import Reason, TooFewPeople
from kssgan.grouping.labels import LabelTable, read_labels, replace_labels
from kssgan.grouping.subjects import Subjects, declared_subjects
from kssgan.types import Progress, SurrogateMethod

__all__ = ["Gathered", "check_enough", "find_people", "find_photos", "look"]


@dataclass(frozen=True, slots=True)
class Gathered:
    """A collection whose people and labels are known.

    Attributes:
        collection: all files and what became of them.
        subjects: who is on the usable photos.
        table: the user's labels, of all photos.
        labelled: labels of the usable photos, read off faces where the user gave none.
    """

    collection: Collection
    subjects: Subjects
    table: LabelTable
    labelled: Labelled


def find_photos(
    asked: Asked, places: Places, method: SurrogateMethod, suffixes: frozenset[str]
) -> tuple[Scan, list[str | None] | None, LabelTable]:
    """The files of PHOTOS, and what the user says of them.

    Args:
        asked: for whom and with which labels.
        places: where the photos are.
        method: says what it can draw.
        suffixes: of image files.

    Returns:
        The files; the subject of each photo, None where none were declared; the labels of each photo.

    Raises:
        UsageError: a table is not usable, or asks for what the method cannot draw.
        TooFewPeople: there is no photo.
    """
    found = scan(places.photos, suffixes)
    check_release_outside(places, found)
    if not found.photos:
        raise TooFewPeople(
            0, asked.k, what=f"people in 0 photos ({found.ignored} other files ignored)"
        )
    how = asked.subjects if isinstance(asked.subjects, str) else Path(asked.subjects)
    # As it was named: a table may write paths through a link.
    root = Path(asked.photos)
    declared = declared_subjects(found.photos, how, root=root)
    table = read_labels(
        None if asked.labels is None else Path(asked.labels),
        found.photos,
        root=root,
        subjects=declared,
    )
    table = replace_labels(table, asked.set_labels or {}, method.draws)
    check_drawable(table, method.draws)
    return found, declared, table


def look(
    found: Scan, declared: Sequence[str | None] | None, reader: PhotoReader, progress: Progress
) -> Collection:
    """Every photo with a face and a subject; the others with the reason."""
    names = dict(zip(found.photos, declared or [None] * len(found.photos), strict=True))
    refused = {}
    if declared is not None:
        refused = {
            name: Reason.NO_SUBJECT for name, subject in names.items() if subject is None
        }
    seen, unusable = reader.read(
        [name for name in found.photos if name not in refused], progress
    )
    return Collection(found.photos, names, found.ignored, seen, {**refused, **unusable})


def find_people(
    collection: Collection,
    table: LabelTable,
    reader: PhotoReader,
    method: SurrogateMethod,
    *,
    declared: bool,
    auto_labels: Sequence[str],
) -> Gathered:
    """Tell the people of a collection apart, and label its usable photos.

    Args:
        collection: of :func:`look`.
        table: the user's labels.
        reader: of crops, for pictures that may be copies.
        method: says what it can draw.
        declared: whether the user said who is on each photo.
        auto_labels: attributes that are read off the face where the table says nothing.
    """
    photos = collection.photos
    named = [collection.declared[photo.name] for photo in photos]
    known = [name for name in named if name is not None]
    subjects = resolve(photos, known if declared else None, reader)
    values = dict(zip(collection.names, table.values, strict=True))
    own = [values[photo.name] for photo in photos]
    labelled = label_photos(photos, subjects, own, table.scheme, method.draws, auto_labels)
    return Gathered(collection, subjects, table, labelled)


def check_enough(collection: Collection, subjects: Subjects, k: int) -> None:
    """Refuse to go on with fewer than k people.

    Raises:
        TooFewPeople: they are fewer.
    """
    if len(subjects.names) >= k:
        return
    what = f"people in {len(collection.photos)} usable photos"
    if collection.refused:
        what += f" ({len(collection.refused)} refused: {reasons_in_words(collection.refused)})"
    raise TooFewPeople(len(subjects.names), k, what=what)
