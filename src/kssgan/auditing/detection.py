"""Utility's first question: is a surrogate still a face, and do its features lie where they should?"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from kssgan.auditing._statistics import rate
from kssgan.faces.align import HEAD_TEMPLATE, similarity
from kssgan.faces.landmarks import LEFT_EYE, RIGHT_EYE
from kssgan.types import FloatArray, PhotoFace

__all__ = ["detection_figures", "landmark_errors", "landmarks_in_picture"]


def detection_figures(
    detected: npt.NDArray[np.bool_], files: npt.NDArray[np.int64]
) -> dict[str, Any]:
    """Share of surrogates in which the detector finds one usable face.

    Args:
        detected: (P,) by distinct picture.
        files: (P,) files of each.

    >>> figures = detection_figures(np.array([True, False]), np.array([3, 1]))
    >>> figures["pictures"], figures["files"]
    (0.5, 0.75)
    """
    value, low, high = rate(int(detected.sum()), len(detected))
    return {
        "pictures": value,
        "pictures_low": low,
        "pictures_high": high,
        "files": float((detected * files).sum() / max(1, int(files.sum()))),
    }


def landmarks_in_picture(face: PhotoFace) -> FloatArray | None:
    """Dense landmarks in pixels of the picture that was looked at, (468, 2); None where not reliable.

    An analyser tells them in pixels of the crop that it cut; the five points say how it cut it.
    """
    if face.landmarks is None:
        return None
    matrix, shift = similarity(face.face.points, HEAD_TEMPLATE)
    back = (face.landmarks.astype(np.float64) - shift) @ np.linalg.inv(matrix).T
    found: FloatArray = back.astype(np.float32)
    return found


def landmark_errors(found: FloatArray, wanted: FloatArray) -> npt.NDArray[np.float64]:
    """How far landmarks lie from where they should, by the distance of the outer corners of the eyes.

    Args:
        found: (P, 468, 2) in pixels of each picture, NaN where they are not known.
        wanted: (P, 468, 2) likewise.

    Returns:
        (P,) mean distance over the landmarks, of the eyes' distance in ``wanted``; NaN where either is not
        known.

    >>> wanted = np.zeros((1, 468, 2), np.float32)
    >>> wanted[0, 263, 0] = 50.0
    >>> landmark_errors(wanted + np.float32([3.0, 4.0]), wanted).tolist()
    [0.1]
    """
    away = np.linalg.norm(found.astype(np.float64) - wanted, axis=2).mean(1)
    corners = wanted[:, RIGHT_EYE].astype(np.float64) - wanted[:, LEFT_EYE]
    errors: npt.NDArray[np.float64] = away / np.maximum(np.linalg.norm(corners, axis=1), 1e-9)
    return errors
