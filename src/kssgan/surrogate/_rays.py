"""Straight lines from the middle of a face outwards, along which a head's outline is looked for."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from kssgan.surrogate._mesh import OVAL
from kssgan.types import CROP_SIZE, FloatArray

__all__ = ["ANGLES", "FARTHEST", "Rays"]

ANGLES = 120
"""Lines all around, 3 degrees apart."""

FARTHEST = 180
"""How far they lead, pixels of a 256 px picture; they are read at every pixel."""


class Rays:
    """Lines from the middle of one face.

    Args:
        points: (468, 2) where the face lies, pixels of a 256 px picture.

    Attributes:
        middle: (2,) where they begin.
        sine: (ANGLES,) of their angles; -1 leads up.
        inside: (ANGLES, FARTHEST) bool, whether a place lies in the picture.
        far: (FARTHEST,) pixels from the middle.
        face: (ANGLES,) where the face ends, pixels.
    """

    def __init__(self, points: FloatArray) -> None:
        outline = points[list(OVAL)]
        self.middle: FloatArray = outline.mean(0)
        turn = np.arange(ANGLES) * (2 * np.pi / ANGLES)
        self.sine: FloatArray = np.sin(turn).astype(np.float32)
        self.far: FloatArray = np.arange(FARTHEST, dtype=np.float32)
        x, y = (outline - self.middle).T
        face = np.interp(turn, np.arctan2(y, x), np.hypot(x, y), period=2 * np.pi)
        self.face: FloatArray = face.astype(np.float32)
        self._x = self.middle[0] + np.cos(turn)[:, None] * self.far
        self._y = self.middle[1] + self.sine[:, None] * self.far
        self.inside: npt.NDArray[np.bool_] = (
            (self._x >= 0) & (self._x < CROP_SIZE) & (self._y >= 0) & (self._y < CROP_SIZE)
        )

    def along(self, plane: FloatArray) -> FloatArray:
        """(ANGLES, FARTHEST) values of an (S, S) plane of the picture."""
        from scipy.ndimage import map_coordinates

        by = CROP_SIZE / len(plane)
        at = [(self._y + 0.5) / by - 0.5, (self._x + 0.5) / by - 0.5]
        found: FloatArray = map_coordinates(plane, at, order=1, mode="nearest")
        return found

    def places(self, size: int) -> Places:
        """Where each pixel of a (size, size) plane lies among the lines."""
        return Places(self.middle, size)


class Places:
    """Each pixel of a plane by its distance and direction from the middle of a face.

    Attributes:
        dx: (S, S) pixels of a 256 px picture to the right of the middle.
        dy: (S, S) the same below it.
        far: (S, S) the same from it.
    """

    def __init__(self, middle: FloatArray, size: int) -> None:
        by = CROP_SIZE // size
        row, column = np.mgrid[:size, :size].astype(np.float32) * by + np.float32((by - 1) / 2)
        self.dx: FloatArray = column - middle[0]
        self.dy: FloatArray = row - middle[1]
        self.far: FloatArray = np.hypot(self.dx, self.dy)
        self._turn = np.arctan2(self.dy, self.dx) * (ANGLES / (2 * np.pi)) % ANGLES

    @property
    def sine(self) -> FloatArray:
        """(S, S) of the angles; -1 above the middle."""
        found: FloatArray = (self.dy / np.maximum(self.far, 1e-6)).astype(np.float32)
        return found

    def at(self, values: FloatArray) -> FloatArray:
        """(S, S) of (ANGLES,) values, linear between the lines."""
        from scipy.ndimage import map_coordinates

        found: FloatArray = map_coordinates(values, [self._turn], order=1, mode="grid-wrap")
        return found
