"""Pictures as small as a page shows them."""

from __future__ import annotations

import numpy as np

from kssgan.types import U8Array

__all__ = ["SIDE_SHOWN", "thumbnail"]

SIDE_SHOWN = 128
"""Longest side in pixels of a picture on a page."""


def thumbnail(image_u8: U8Array, *, size: int = SIDE_SHOWN) -> U8Array:
    """A picture made small.

    Args:
        image_u8: (H, W, 3) uint8.
        size: longest side of the result; smaller pictures keep their size.

    >>> thumbnail(np.zeros((256, 192, 3), np.uint8)).shape
    (128, 96, 3)
    """
    from PIL import Image

    small = Image.fromarray(image_u8)
    small.thumbnail((size, size), Image.Resampling.LANCZOS)
    return np.asarray(small)
