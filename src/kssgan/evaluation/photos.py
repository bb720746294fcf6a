"""The photos that methods are compared on, analysed once and laid out so that all processes can read them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from kssgan.auditing.compression import QUALITIES, compressed
from kssgan.auditing.quality import features_and_places, sharpness
from kssgan.deidentification.look import PhotoReader, Seen
from kssgan.grouping.cells import vote
from kssgan.grouping.subjects import Subjects
from kssgan.types import (
    CROP_SIZE,
    DetectedFace,
    FloatArray,
    IntArray,
    PhotoFace,
    Progress,
    U8Array,
)

__all__ = ["PERSONAL", "Photos", "sharpnesses", "store_photos"]

PERSONAL = ("gender", "age")
"""Attributes that stay with a person."""

_ARRAYS = (
    "crops",
    "landmarks",
    "points",
    "embeddings",
    "subject",
    "look_alikes",
    "features",
    "places",
    "sharp",
)


@dataclass(frozen=True, eq=False)
class Photos:
    """N photos of S subjects. Biometric: lies in a private folder while a run lasts.

    Attributes:
        crops: (N, 256, 256, 3) uint8, read from the disk as needed.
        landmarks: (N, 468, 2) float32, NaN where not reliable.
        points: (N, 5, 2) float32.
        embeddings: (N, D) float32.
        subject: (N,) 0..S-1.
        look_alikes: (M, 2) pairs of subjects that may be one human.
        features: (N, 304) float32 for kernel distances.
        places: (N, 512) float32 for classifiers, what is seen where on the face.
        sharp: (N, 5) float64 variance of the Laplacian: as it is, then at every JPEG quality.
        attributes: what is read off each face.
        contents: SHA-256 of each photo.
        views: (N, D) float32 unit vectors by the name of a view; see :mod:`kssgan.evaluation.views`.
    """

    crops: U8Array
    landmarks: FloatArray
    points: FloatArray
    embeddings: FloatArray
    subject: IntArray
    look_alikes: IntArray
    features: FloatArray
    places: FloatArray
    sharp: npt.NDArray[np.float64]
    attributes: Sequence[Mapping[str, str]]
    contents: Sequence[str]
    views: Mapping[str, FloatArray] = field(default_factory=dict)

    @property
    def persons(self) -> int:
        """Number of subjects."""
        return int(self.subject.max()) + 1

    def rows(self, person: int) -> IntArray:
        """Photos of a subject, in an order that does not depend on file names."""
        rows = np.flatnonzero(self.subject == person).tolist()
        return np.array(sorted(rows, key=lambda row: self.contents[row]), np.int64)

    def face(self, row: int) -> PhotoFace:
        """One photo's face."""
        known = bool(np.isfinite(self.landmarks[row]).all())
        return PhotoFace(
            np.array(self.crops[row]),
            self.embeddings[row],
            DetectedFace((0.0, 0.0, 1.0, 1.0), 1.0, self.points[row]),
            landmarks=self.landmarks[row] if known else None,
            attributes=self.attributes[row],
        )

    def faces(self, rows: Iterable[int]) -> Iterable[PhotoFace]:
        """Faces that can be read again and again, and are not held."""
        return _Faces(self, [int(row) for row in rows])

    def means(self) -> FloatArray:
        """(S, D) unit mean embedding of each subject."""
        total = np.zeros((self.persons, self.embeddings.shape[1]))
        np.add.at(total, self.subject, self.embeddings.astype(np.float64))
        total /= np.maximum(np.linalg.norm(total, axis=1, keepdims=True), 1e-12)
        return total.astype(np.float32)

    def personal(self) -> dict[str, list[str]]:
        """Of each attribute that stays with a person, every subject's category; "unknown" where none is."""
        found: dict[str, list[str]] = {}
        for name in PERSONAL:
            votes = [
                vote([self.attributes[row].get(name) for row in self.rows(person)])
                for person in range(self.persons)
            ]
            found[name] = [category or "unknown" for category in votes]
        return found

    def digest(self) -> str:
        """SHA-256 (hex) of which photos are whose."""
        text = sorted(zip(self.contents, self.subject.tolist(), strict=True))
        return hashlib.sha256(json.dumps(text).encode()).hexdigest()

    @classmethod
    def load(cls, folder: Path) -> Photos:
        """Read what :func:`store_photos` wrote; crops stay on the disk."""
        told = json.loads((folder / "photos.json").read_text("utf-8"))
        arrays: dict[str, Any] = {
            name: np.load(folder / f"{name}.npy", mmap_mode="r" if name == "crops" else None)
            for name in _ARRAYS
        }
        views = {
            path.stem.removeprefix("view-"): np.load(path)
            for path in sorted(folder.glob("view-*.npy"))
        }
        return cls(
            **arrays, attributes=told["attributes"], contents=told["contents"], views=views
        )


class _Faces(Iterable[PhotoFace]):
    """Faces of some photos, read anew each time."""

    def __init__(self, photos: Photos, rows: Sequence[int]) -> None:
        self._photos = photos
        self._rows = rows

    def __iter__(self) -> Iterator[PhotoFace]:
        return (self._photos.face(row) for row in self._rows)


def sharpnesses(picture_u8: U8Array) -> list[float]:
    """Variance of the Laplacian as it is, then in grey at every JPEG quality of the paper's Figure 7."""
    return [
        sharpness(picture_u8),
        *(sharpness(compressed(picture_u8, quality)) for quality in QUALITIES),
    ]


def store_photos(
    folder: Path,
    seen: Sequence[Seen],
    subjects: Subjects,
    reader: PhotoReader,
    progress: Progress,
) -> Photos:
    """Lay out crops and what is known of them in a private folder.

    Args:
        folder: exists, and is private.
        seen: N usable photos.
        subjects: who is on them.
        reader: has their crops.
        progress: told of every photo.
    """
    count = len(seen)
    crops = np.lib.format.open_memmap(
        folder / "crops.npy", "w+", np.uint8, (count, CROP_SIZE, CROP_SIZE, 3)
    )
    landmarks = np.full((count, 468, 2), np.nan, np.float32)
    points = np.zeros((count, 5, 2), np.float32)
    sharp = np.zeros((count, 1 + len(QUALITIES)))
    with progress("photos", total=count) as step:
        for row, photo in enumerate(seen):
            face = reader.face(photo)
            crops[row] = face.crop
            points[row] = face.face.points
            if face.landmarks is not None:
                landmarks[row] = face.landmarks
            sharp[row] = sharpnesses(face.crop)
            step(1)
    crops.flush()
    whole, places = features_and_places(list(crops))
    arrays: dict[str, npt.NDArray[Any]] = {
        "landmarks": landmarks,
        "points": points,
        "embeddings": np.stack([photo.embedding for photo in seen]),
        "subject": subjects.photo_subject,
        "look_alikes": subjects.look_alikes,
        "features": whole,
        "places": places,
        "sharp": sharp,
    }
    for name, array in arrays.items():
        np.save(folder / f"{name}.npy", array)
    told = {
        "attributes": [dict(photo.attributes) for photo in seen],
        "contents": [photo.content for photo in seen],
    }
    (folder / "photos.json").write_text(json.dumps(told), "utf-8")
    return Photos.load(folder)
