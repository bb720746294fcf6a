"""The paper's "blurry compression test": pictures in grey, through JPEG, and back."""

from __future__ import annotations

import io

import numpy as np
from PIL import Image

from kssgan.types import U8Array

__all__ = ["QUALITIES", "compressed"]

QUALITIES = (95, 75, 50, 25)
"""JPEG qualities of the paper's Figure 7, as libjpeg counts them."""


def compressed(picture_u8: U8Array, quality: int | None) -> U8Array:
    """A picture in grey after JPEG.

    Args:
        picture_u8: (H, W, 3) uint8.
        quality: 1..95; None leaves compression out.

    Returns:
        (H, W, 3) uint8 with equal channels.
    """
    grey = Image.fromarray(picture_u8).convert("L")
    if quality is not None:
        packed = io.BytesIO()
        grey.save(packed, "JPEG", quality=quality)
        with Image.open(packed) as image:
            grey = image.convert("L")
    return np.repeat(np.asarray(grey)[..., None], 3, axis=2)
