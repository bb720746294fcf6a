"""k-Same-Pixel: the plain mean of the aligned head crops of a group."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from kssgan.types import FloatArray, IntArray, PhotoFace, U8Array

__all__ = ["MeanSurrogate", "equal_mean"]

# A person's mean is kept in units of 2**-24 grey levels. Sums of whole numbers do not depend on their
# order, so the surrogate is the same to the last bit however members and photos are permuted;
# 255 * 2**24 * 2**31 people still fit in 63 bits.
_UNIT = 1 << 24


def equal_mean(members: Sequence[Iterable[U8Array]]) -> FloatArray:
    """Mean of each person's pictures, then of the people, independent of any order.

    Args:
        members: one iterable of (H, W, 3) uint8 pictures per person, at least one picture each; read once.

    Returns:
        (H, W, 3) float32 in [0, 1].

    Raises:
        ValueError: no people, or a person without a picture.

    >>> black, white = np.zeros((1, 1, 3), np.uint8), np.full((1, 1, 3), 255, np.uint8)
    >>> float(equal_mean([[black], [white, white, white]])[0, 0, 0])  # people, not photos
    0.5
    """
    total: IntArray | None = None
    for pictures in members:
        count, summed = 0, None
        for picture_u8 in pictures:
            wide = picture_u8.astype(np.int64)
            summed = wide if summed is None else summed + wide
            count += 1
        if summed is None:
            raise ValueError("a person without a picture came; every person needs at least one")
        # Rounded to the nearest unit: exact for the person's own photos in whatever order they come.
        person = (summed * _UNIT + count // 2) // count
        total = person if total is None else total + person
    if total is None:
        raise ValueError("no people came; a surrogate needs at least one")
    return (total / (255.0 * _UNIT * len(members))).astype(np.float32)


class MeanSurrogate:
    """Pixel mean of a group, every person weighing the same (k-Same-Pixel at 256 px).

    Blurred, and it ghosts where hair and outlines differ, but a true k-Same surrogate: it is a function of
    the whole group only. It shows no expression, so it draws no per-photo label.

    Reference: Newton, Sweeney, Malin 2005, "Preserving privacy by de-identifying face images".
    """

    name = "pixel-mean"
    draws: Mapping[str, Sequence[str]] = {}

    def surrogate(self, members: Sequence[Iterable[PhotoFace]]) -> FloatArray:
        """Mean head crop of the group, (256, 256, 3) float32 in [0, 1]; see :func:`equal_mean`."""
        return equal_mean([(face.crop for face in faces) for faces in members])

    def draw(self, surrogate_01: FloatArray, label: Mapping[str, str], *, seed: int) -> U8Array:
        """Round S_g to (H, W, 3) uint8. ``label`` and ``seed`` change nothing in a plain mean."""
        del label, seed
        picture_u8: U8Array = np.rint(np.clip(surrogate_01, 0.0, 1.0) * 255.0).astype(np.uint8)
        return picture_u8
