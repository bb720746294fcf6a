"""The photos of a collection that can be used, and the people on them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

import numpy as np

from kssgan.errors import Reason
from kssgan.grouping.subjects import Subjects, resolve_subjects
from kssgan.preparation.layouts import Collection
from kssgan.training.crops import pack, unpack
from kssgan.types import (
    CROP_SIZE,
    FaceAnalyser,
    FloatArray,
    PhotoFace,
    Progress,
    Refused,
    U8Array,
)

__all__ = ["Used", "find_people", "look"]

_OTHER_FACE = "another face than the collection says"


@dataclass(frozen=True)
class Used:
    """A photo that is used.

    Attributes:
        row: in the collection.
        crop: packed.
        embedding: (D,) float32, unit length.
        points: (5, 2) float32, pixels of the upright photo.
    """

    row: int
    crop: bytes
    embedding: FloatArray
    points: FloatArray


def look(
    collection: Collection, analyser: FaceAnalyser, show: Progress
) -> tuple[list[Used], Counter[str]]:
    """The one face of each photo; photos that cannot be used are counted by reason.

    Args:
        collection: where they are, and what is known of them.
        analyser: finds the faces.
        show: told of every photo.
    """
    refused: Counter[str] = Counter()
    wanted = []
    for row, _ in enumerate(collection.files):
        if collection.subjects is not None and collection.subjects[row] is None:
            refused[Reason.NO_SUBJECT.value] += 1
        else:
            wanted.append(row)
    used = []
    paths = (collection.root / collection.files[row] for row in wanted)
    with show("faces", total=len(wanted)) as step:
        for row, found in zip(wanted, analyser.analyse(paths), strict=True):
            step(1)
            if isinstance(found, Refused):
                refused[found.reason.value] += 1
            elif not _agrees(found, collection.points.get(_name(collection, row))):
                refused[_OTHER_FACE] += 1
            else:
                used.append(Used(row, pack(found.crop), found.embedding, found.face.points))
    return used, refused


def _name(collection: Collection, row: int) -> str:
    return PurePosixPath(collection.files[row]).name


def _agrees(found: PhotoFace, told: FloatArray | None) -> bool:
    """Whether the detector's face is the one that the collection means."""
    if told is None:
        return True
    apart = np.linalg.norm(found.face.points - told, axis=1).mean()
    eyes = float(np.linalg.norm(told[1] - told[0]))
    return bool(apart <= 0.5 * max(eyes, 1.0))


def find_people(used: Sequence[Used], collection: Collection) -> Subjects:
    """Who is who; pictures that are near copies belong to one person whatever was declared."""
    from kssgan.faces.copies import same_picture
    from kssgan.faces.distances import pairs_below
    from kssgan.faces.thresholds import COPY, LOOK_ALIKE, SAME_PERSON

    embeddings = np.stack([u.embedding for u in used])
    pairs, distances = pairs_below(embeddings, max(SAME_PERSON, LOOK_ALIKE))

    def crop(number: int) -> U8Array:
        return unpack(used[number].crop, CROP_SIZE, CROP_SIZE)

    names = None
    if collection.subjects is not None:
        names = [str(collection.subjects[u.row]) for u in used]
    near = [
        (a, b)
        for a, b in pairs[distances <= COPY].tolist()
        # Two photos of one declared person are one person already.
        if (names is None or names[a] != names[b])
        and (used[a].crop == used[b].crop or same_picture(crop(a), crop(b)))
    ]
    return resolve_subjects(
        names,
        len(used),
        pairs=pairs,
        distances=distances,
        copies=np.array(near, np.int64).reshape(-1, 2),
        same_person=SAME_PERSON,
    )
