"""Which of the faces in a photo is the photo's subject."""

from __future__ import annotations

from collections.abc import Sequence

from kssgan.errors import Reason, UnusablePhoto
from kssgan.types import DetectedFace

__all__ = ["COMPARABLE", "SMALLEST_EYE_DISTANCE", "choose_face"]

COMPARABLE = 0.6
"""A second face at least this many times as tall as the largest makes the photo ambiguous."""

SMALLEST_EYE_DISTANCE = 16.0
"""Pixels between the eyes below which a face is too coarse to tell people apart."""


def choose_face(faces: Sequence[DetectedFace]) -> DetectedFace:
    """The largest face, unless it is too small or another one is of similar size.

    Args:
        faces: as detected, in any order.

    Raises:
        UnusablePhoto: ``NO_FACE``, ``FACE_TOO_SMALL`` or ``SEVERAL_FACES``.
    """
    if not faces:
        raise UnusablePhoto(Reason.NO_FACE)
    largest, *others = sorted(faces, key=_size, reverse=True)
    if largest.eye_distance < SMALLEST_EYE_DISTANCE:
        raise UnusablePhoto(Reason.FACE_TOO_SMALL)
    if others and _size(others[0]) >= COMPARABLE * _size(largest):
        raise UnusablePhoto(Reason.SEVERAL_FACES)
    return largest


def _size(face: DetectedFace) -> float:
    # The longer side: a face in profile is narrow but not smaller, and one on its side is wide.
    x0, y0, x1, y1 = face.box
    return max(x1 - x0, y1 - y0)
