"""Small JPEG pictures inside a page."""

from __future__ import annotations

import base64
import io

from kssgan.thumbnails import SIDE_SHOWN, thumbnail
from kssgan.types import U8Array

__all__ = ["data_uri"]


def data_uri(image_u8: U8Array, *, size: int = SIDE_SHOWN) -> str:
    """A picture as a ``data:`` address, so that a page needs no file beside it.

    Args:
        image_u8: (H, W, 3) uint8.
        size: longest side of the thumbnail in pixels; smaller pictures keep their size.

    Raises:
        ValueError: another shape or type.
    """
    from PIL import Image

    if image_u8.ndim != 3 or image_u8.shape[2] != 3 or image_u8.dtype.name != "uint8":
        raise ValueError(f"(H, W, 3) uint8 was wanted, {image_u8.shape} {image_u8.dtype} came")
    buffer = io.BytesIO()
    Image.fromarray(thumbnail(image_u8, size=size)).save(buffer, "JPEG", quality=82)
    return "data:image/jpeg;base64," + base64.b64encode(buffer.getvalue()).decode("ascii")
