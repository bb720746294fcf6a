"""Utility mode: the paper's G(x, c), one picture for each photo. It keeps detail, and promises nothing.

What is measured instead is how often the recogniser still finds the person.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from kssgan.deidentification.draw import Drawn, group_seed
from kssgan.deidentification.gallery import GallerySurrogate
from kssgan.deidentification.look import PhotoReader, Seen
from kssgan.deidentification.plan import Plan, mean_embeddings, own_labels, told_apart
from kssgan.deidentification.png import encode_png, read_png
from kssgan.faces.threads import in_order
from kssgan.grouping.attributes import UNKNOWN
from kssgan.grouping.cells import Cells
from kssgan.grouping.labels import LabelScheme
from kssgan.grouping.subjects import Subjects
from kssgan.ranking import rank
from kssgan.types import FloatArray, Groups, IntArray, Progress

__all__ = [
    "STATEMENT",
    "Recognised",
    "promise_nothing",
    "recognised",
    "redraw_all",
    "utility_plan",
]

STATEMENT = (
    "No formal guarantee: in utility mode every picture is drawn from one photo, so each stands for one "
    "person, and nothing bounds who may be recognised."
)
"""The first sentence of every text about a release in utility mode."""

_BATCH = 64


def utility_plan(
    photos: Sequence[Seen],
    subjects: Subjects,
    labels: Sequence[Mapping[str, str]],
    scheme: LabelScheme,
    draws: Mapping[str, Sequence[str]],
) -> Plan:
    """One picture for each photo; nobody shares anything.

    Args:
        photos: P usable photos.
        subjects: who is on them.
        labels: per photo, category by attribute.
        scheme: attributes that occur.
        draws: per-photo attributes and categories that the generator can show.
    """
    order, constant, drawn = told_apart(scheme, draws)
    owner = subjects.photo_subject
    # Files of equal bytes are one photo.
    first: dict[tuple[int, str], int] = {}
    for row in np.argsort(owner, kind="stable").tolist():
        first.setdefault((int(owner[row]), photos[row].content), row)
    by_person = np.array(list(first.values()), np.int64)
    place = {key: number for number, key in enumerate(first)}
    cell = np.array(
        [place[int(owner[row]), photo.content] for row, photo in enumerate(photos)], np.int64
    )
    own = own_labels(labels, subjects, constant)
    of_photo = [
        {
            **own[int(owner[row])],
            **{
                n: value if (value := labels[row].get(n)) in draws[n] else UNKNOWN
                for n in drawn
            },
        }
        for row in by_person.tolist()
    ]
    everybody = np.arange(len(subjects.names))
    cells = Cells(
        drawn,
        cell,
        owner[by_person],
        tuple(tuple(label[n] for n in drawn) for label in of_photo),
        0,
    )
    return Plan(
        subjects,
        Groups(everybody, everybody, k=1),
        owner,
        owner,
        cells,
        order,
        tuple({n: label[n] for n in order} for label in of_photo),
        0.0,
    )


def redraw_all(
    photos: Sequence[Seen],
    plan: Plan,
    method: GallerySurrogate,
    reader: PhotoReader,
    drawn: Drawn,
    *,
    seed: int,
    progress: Progress,
) -> None:
    """Draw every photo anew into ``drawn``, in the order of the cells."""
    _, order = np.unique(plan.cells.photo_cell, return_index=True)
    tasks = (
        partial(_redrawn, photos[row], plan.labels[place], method, reader, seed)
        for place, row in enumerate(order.tolist())
    )
    with progress("pictures", total=len(order)) as step:
        for png in in_order(tasks):
            drawn.append(png)
            step(1)


def _redrawn(
    photo: Seen,
    label: Mapping[str, str],
    method: GallerySurrogate,
    reader: PhotoReader,
    seed: int,
) -> bytes:
    face = reader.face(photo)
    return encode_png(method.redraw(face, label, seed=group_seed(seed, [photo.content])))


@dataclass(frozen=True, slots=True)
class Recognised:
    """How often a recogniser that has the originals finds the person of a picture.

    Attributes:
        rank1: share of pictures whose nearest person is the right one; ties share credit.
        verified: share that is within the threshold of FAR 1e-3 of its own person.
        pictures: how many were asked about.
        people: of whom.
    """

    rank1: float
    verified: float
    pictures: int
    people: int

    def to_json(self) -> dict[str, Any]:
        """For the certificate."""
        return {
            "rank1": round(self.rank1, 4),
            "chance": round(1 / self.people, 4),
            "verified_at_far_1e3": round(self.verified, 4),
            "pictures": self.pictures,
            "people": self.people,
        }

    def words(self) -> str:
        """One sentence."""
        return (
            f"A recogniser that has the originals names the right one of {self.people} people for "
            f"{self.rank1:.0%} of the pictures (chance: {1 / self.people:.1%}), and verifies "
            f"{self.verified:.0%} as their own person at FAR 1e-3: this is measured, not bounded; another "
            "recogniser may do better."
        )


def recognised(photos: Sequence[Seen], plan: Plan, drawn: Drawn) -> Recognised | None:
    """Ask the shipped recogniser about every drawn picture; None where photos have other embeddings."""
    from kssgan.faces import align, embed, thresholds

    people = mean_embeddings(photos, plan.subjects)
    if not len(photos) or people.shape[1] != embed.DIMENSIONS:
        return None
    recogniser = embed.Recogniser()
    found: list[FloatArray] = []
    for start in range(0, plan.cells.count, _BATCH):
        places = range(start, min(start + _BATCH, plan.cells.count))
        crops = np.stack([read_png(drawn[place]) for place in places])
        found.append(recogniser.embed(align.chips_of_crops(crops)))
    pictures = np.concatenate(found)
    away = np.linalg.norm(pictures[:, None] - people[None], axis=2)
    own: IntArray = plan.cells.group
    rank1 = np.mean([rank(to, own[[i]]).credit(1)[0] for i, to in enumerate(away)])
    verified = (away[np.arange(len(own)), own] < thresholds.FAR_1E3).mean()
    return Recognised(float(rank1), float(verified), len(pictures), len(people))


def promise_nothing(photos: Sequence[Seen], plan: Plan, drawn: Drawn) -> dict[str, Any]:
    """What the certificate says in place of the promise: ``utility``, a text, and ``recognised``, figures."""
    found = recognised(photos, plan, drawn)
    if found is None:
        return {"utility": f"{STATEMENT} How often people are recognised was not measured."}
    return {"utility": f"{STATEMENT} {found.words()}", "recognised": found.to_json()}
