"""Dense landmarks of the photos that are used: found on their crops, or brought along."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from kssgan.errors import UsageError
from kssgan.preparation.looking import Used
from kssgan.training.crops import unpack
from kssgan.types import CROP_SIZE, BoolArray, FloatArray, Progress, U8Array

__all__ = ["LandmarkFinder", "locate", "moved", "read_landmarks"]

_LOCATED = 32  # crops whose landmarks are found together
_POINTS = 468


class LandmarkFinder(Protocol):
    """Finds the 468 points on head crops; see :class:`kssgan.faces.landmarks.Landmarker`."""

    def locate(self, crops_u8: U8Array) -> Any:
        """``points`` (N, 468, 2) and ``reliable`` (N,) of (N, 256, 256, 3) uint8 crops."""
        ...


def locate(
    used: Sequence[Used], landmarker: LandmarkFinder, show: Progress
) -> tuple[FloatArray, BoolArray]:
    """Landmarks in pixels of the crops, (N, 468, 2), and which of them are reliable, (N,)."""
    points, reliable = [], []
    with show("landmarks", total=len(used)) as step:
        for start in range(0, len(used), _LOCATED):
            part = used[start : start + _LOCATED]
            found = landmarker.locate(
                np.stack([unpack(u.crop, CROP_SIZE, CROP_SIZE) for u in part])
            )
            points.append(found.points)
            reliable.append(found.reliable)
            step(len(part))
    return np.concatenate(points), np.concatenate(reliable)


def read_landmarks(path: Path, files: Sequence[str]) -> list[FloatArray | None]:
    """Landmarks that were found elsewhere.

    Args:
        path: npz with ``files`` and ``mesh468``.
        files: of the collection.

    Returns:
        (468, 2) of each photo in its pixels, None where the table has none.

    Raises:
        UsageError: another kind of file, or one that names none of the photos.
    """
    try:
        with np.load(path, allow_pickle=False) as table:
            names = [str(name) for name in table["files"]]
            mesh = np.asarray(table["mesh468"], np.float32)
    except (OSError, ValueError, KeyError) as error:
        raise UsageError(
            f"landmarks cannot be read ({type(error).__name__}); an npz with files and mesh468 was wanted"
        ) from None
    if mesh.shape != (len(names), _POINTS, 2):
        raise UsageError(f"landmarks of shape {mesh.shape} came for {len(names)} files")
    rows = {name: row for row, name in enumerate(names)}
    found = [mesh[rows[name]] if name in rows else None for name in files]
    if all(points is None for points in found):
        raise UsageError("landmarks name none of the photos; write files relative to DATA")
    return found


def moved(
    used: Sequence[Used], given: Sequence[FloatArray | None]
) -> tuple[FloatArray, BoolArray]:
    """Landmarks from photo pixels to crop pixels, as the crop was cut."""
    from kssgan.faces.align import HEAD_TEMPLATE, similarity

    points = np.tile(np.float32(CROP_SIZE / 2), (len(used), _POINTS, 2))
    reliable = np.zeros(len(used), bool)
    for row, photo in enumerate(used):
        mesh = given[photo.row]
        if mesh is not None and np.isfinite(mesh).all():
            matrix, shift = similarity(photo.points, HEAD_TEMPLATE)
            points[row] = mesh @ matrix.T + shift
            reliable[row] = True
    return points, reliable
