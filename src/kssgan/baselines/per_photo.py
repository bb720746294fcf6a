"""Methods that redraw each photo alone: blur, pixels, a box. They promise nothing about k people."""

from __future__ import annotations

from typing import Protocol

import numpy as np

from kssgan.types import BoolArray, FloatArray, PhotoFace, U8Array

__all__ = ["BlackBox", "Blur", "PhotoMethod", "Pixelation", "face_region"]

# Centre and radii of the face in a head crop, whose eyes and mouth lie at fixed places.
_CENTRE = (128.0, 158.0)
_RADII = (66.0, 88.0)
_MARGIN = 1.15


class PhotoMethod(Protocol):
    """One way to redraw a photo. A function of the photo, so whoever has the photo can repeat it.

    Attributes:
        name: as on the command line.
        guarantee: what the method promises, in a sentence.
        fails: where that ends, in a sentence.
    """

    name: str
    guarantee: str
    fails: str

    def redraw(self, face: PhotoFace) -> U8Array:
        """The head crop, changed, (256, 256, 3) uint8; a function of the face alone."""
        ...


def face_region(face: PhotoFace) -> BoolArray:
    """The oval that hides a face, brows to chin, (256, 256) bool.

    Around the landmarks where they are reliable, else where a face lies in every head crop.
    """
    centre, radii = np.array(_CENTRE), np.array(_RADII)
    if face.landmarks is not None:
        low, high = face.landmarks.min(0), face.landmarks.max(0)
        centre, radii = (low + high) / 2, np.maximum((high - low) / 2 * _MARGIN, 1.0)
    height, width = face.crop.shape[:2]
    y, x = np.mgrid[:height, :width]
    inside: BoolArray = ((x - centre[0]) / radii[0]) ** 2 + (
        (y - centre[1]) / radii[1]
    ) ** 2 <= 1
    return inside


class Blur:
    """A Gaussian blur of the face.

    Args:
        sigma: standard deviation in pixels of a head crop; eyes are 62 apart.
    """

    name = "blur"
    guarantee = "none: every photo keeps a picture of its own, a function of that photo"
    fails = (
        "recognisers trained on blurred faces, or whoever blurs the originals and compares, find the person; "
        "the coarse colours of the face, hair and clothes stay"
    )

    def __init__(self, *, sigma: float = 10.0) -> None:
        self.sigma = sigma

    def redraw(self, face: PhotoFace) -> U8Array:
        """The crop with its face blurred."""
        from scipy.ndimage import gaussian_filter

        blurred: FloatArray = gaussian_filter(
            face.crop.astype(np.float32), (self.sigma, self.sigma, 0)
        )
        return _inside(face, np.rint(blurred).astype(np.uint8))


class Pixelation:
    """The face in large squares.

    Args:
        block: side of a square in pixels of a head crop.
    """

    name = "pixelation"
    guarantee = Blur.guarantee
    fails = (
        "the means of squares are features like any others: whoever pixelates the originals finds the "
        "person; hair and clothes stay"
    )

    def __init__(self, *, block: int = 16) -> None:
        self.block = block

    def redraw(self, face: PhotoFace) -> U8Array:
        """The crop with its face in squares."""
        height, width = face.crop.shape[:2]
        y, x = (np.arange(side) // self.block for side in (height, width))
        squares = np.zeros((y[-1] + 1, x[-1] + 1, 3))
        counts = np.outer(np.bincount(y), np.bincount(x))[..., None]
        np.add.at(squares, (y[:, None], x[None]), face.crop.astype(np.float64))
        return _inside(face, np.rint((squares / counts)[y][:, x]).astype(np.uint8))


class BlackBox:
    """A black oval in place of the face: nothing of it is left, and no face either."""

    name = "black-box"
    guarantee = (
        "no pixel of the face is released; nothing is promised about what lies around it"
    )
    fails = (
        "hair, clothes, background and the outline of the box are the photo's own and find the person; no "
        "expression, gender or age is left to use"
    )

    def redraw(self, face: PhotoFace) -> U8Array:
        """The crop with its face black."""
        return _inside(face, np.zeros_like(face.crop))


def _inside(face: PhotoFace, changed: U8Array) -> U8Array:
    return np.where(face_region(face)[..., None], changed, face.crop)
