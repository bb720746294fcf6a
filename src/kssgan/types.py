"""The words that all rooms share: arrays, a face in a photo, groups, and the seams for fakes.

Pictures are RGB. A name's ending tells the range: ``image_u8`` is uint8 in 0..255, ``image_01`` is
float32 in [0, 1], ``image_pm1`` is float32 in [-1, 1]. Points are (x, y) in pixels, x to the right, y
down, the centre of the top-left pixel at (0, 0). "Left" and "right" are the picture's, not the person's.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt

from kssgan.errors import Reason

__all__ = [
    "ATTACKS",
    "CROP_SIZE",
    "BoolArray",
    "DetectedFace",
    "FaceAnalyser",
    "FloatArray",
    "Groups",
    "IntArray",
    "PathLike",
    "PhotoFace",
    "Progress",
    "Refused",
    "SurrogateMethod",
    "U8Array",
    "quiet",
]

FloatArray = npt.NDArray[np.float32]
U8Array = npt.NDArray[np.uint8]
IntArray = npt.NDArray[np.int64]
BoolArray = npt.NDArray[np.bool_]

PathLike = str | os.PathLike[str]
"""A path as a caller gives it."""

CROP_SIZE = 256
"""Side of a head crop, and so of every released picture, in pixels."""

ATTACKS: Mapping[str, str] = {
    "naive": "rank1",
    "face only": "face_rank1",
    "reverse": "reverse_rank1",
    "parrot": "parrot_rank1",
    "recompute": "recompute_rank1",
    "your recogniser": "recognizer_rank1",
    "your recogniser, reverse": "recognizer_reverse_rank1",
    "your recogniser, parrot": "recognizer_parrot_rank1",
}
"""Attacks that name a person, with the names of their figures; bounds are ``_low`` and ``_high``. Those who
attack and those who tell of it both read this."""


@dataclass(frozen=True, slots=True)
class DetectedFace:
    """One face as the detector sees it, in pixels of the upright photo.

    Attributes:
        box: (x0, y0, x1, y1).
        score: confidence, 0..1.
        points: (5, 2) left eye, right eye, nose tip, left and right mouth corner (the picture's left).
    """

    box: tuple[float, float, float, float]
    score: float
    points: FloatArray

    @property
    def eye_distance(self) -> float:
        """Distance between the eyes in pixels."""
        return float(np.hypot(*(self.points[1] - self.points[0])))


@dataclass(frozen=True, slots=True)
class PhotoFace:
    """What the rest of the program needs of one photo. Biometric: never leaves the private side.

    Attributes:
        crop: (256, 256, 3) uint8 head crop, hair to chin, upright, eyes at fixed places.
        embedding: (D,) float32, unit length; Euclidean distance is what thresholds are stated for.
        face: the face in the upright photo that was used.
        landmarks: (468, 2) float32 dense landmarks in pixels of the crop; None where they are not reliable.
        attributes: what the analyser reads off the face, category by attribute ("expression", "gender",
            "age"); absent where it is not sure. Analysers that read nothing leave it empty.
        seconds: time by stage ("decode", "detect", "embed"), for the benchmark.
    """

    crop: U8Array
    embedding: FloatArray
    face: DetectedFace
    seconds: Mapping[str, float] = field(default_factory=dict)
    landmarks: FloatArray | None = None
    attributes: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Refused:
    """A photo that cannot be protected and is therefore not released."""

    reason: Reason


@dataclass(frozen=True, slots=True)
class Groups:
    """Who shares a surrogate with whom.

    Attributes:
        labels: (N,) int64, the group of each subject, values 0..G-1.
        people: (N,) int64, the person each subject counts as. Subjects that may be one human under two
            names carry the same number inside a group and count once toward k. Usually ``arange(N)``.
        k: the smallest number of people that was asked for.

    >>> groups = Groups(np.array([0, 0, 1, 1, 1]), np.arange(5), k=2)
    >>> groups.sizes
    (2, 3)
    >>> groups.members(1).tolist()
    [2, 3, 4]
    """

    labels: IntArray
    people: IntArray
    k: int

    @property
    def count(self) -> int:
        """Number of groups."""
        return int(self.labels.max()) + 1 if self.labels.size else 0

    @property
    def sizes(self) -> tuple[int, ...]:
        """People per group (look-alikes once), in the order of the group numbers."""
        groups = np.unique(np.stack([self.labels, self.people]), axis=1)[0]
        return tuple(np.bincount(groups, minlength=self.count).tolist())

    def members(self, group: int) -> IntArray:
        """The subjects of one group, ascending."""
        return np.flatnonzero(self.labels == group).astype(np.int64)


@runtime_checkable
class FaceAnalyser(Protocol):
    """The seam where tests put a fake: photos in, faces or refusals out."""

    @property
    def version(self) -> str:
        """Changes whenever the same photo could give another result; part of the cache key."""
        ...

    def analyse(self, photos: Iterable[Path]) -> Iterator[PhotoFace | Refused]:
        """Yield one result per photo, in order; a bad photo is a ``Refused``, never an exception."""
        ...


@runtime_checkable
class SurrogateMethod(Protocol):
    """One way to make the picture that a group shares. It never sees an individual's photo alone.

    Attributes:
        name: as on the command line and in the certificate.
        draws: per-photo attributes that its pictures show (for example ``("expression",)``) with the
            categories it can draw. Labels of other per-photo attributes are not released.

    A method may also have ``parallel``: where true, several threads call it at a time, one group each;
    ``version``, which names its weights in the certificate; and ``draw_all``, which draws for several labels
    of one group at once and is called in place of ``draw`` then.
    """

    name: str
    draws: Mapping[str, Sequence[str]]

    def surrogate(self, members: Sequence[Iterable[PhotoFace]]) -> Any:
        """Initial surrogate S_g of a group (the paper's I0).

        Args:
            members: one iterable of faces per person. Each can be read again, and loads the crops anew, so
                that they need not be held in memory.

        Returns:
            What ``draw`` needs, for example the mean picture and the mean shape; the same to the last bit
            whatever the order of people and of a person's photos; every person weighs the same however
            many photos there are.
        """
        ...

    def draw(self, surrogate: Any, label: Mapping[str, str], *, seed: int) -> U8Array:
        """Surrogate picture y[g, c] of one cell, (256, 256, 3) uint8; a function of its arguments alone.

        Args:
            surrogate: S_g, as :meth:`surrogate` made it.
            label: what is released of the cell: the group's constant attributes and those drawn.
            seed: of the group; another seed, another picture of the same face.
        """
        ...


class Progress(Protocol):
    """Shows progress: ``with progress("detect", total=10) as step: step(1)``."""

    def __call__(self, stage: str, *, total: int | None = None) -> AbstractContextManager[Any]:
        """Open one bar; the context's value is called with the number of steps done since the last call."""
        ...


def quiet(stage: str, *, total: int | None = None) -> AbstractContextManager[Any]:
    """A :class:`Progress` that shows nothing."""
    del stage, total
    return nullcontext(lambda steps: None)
