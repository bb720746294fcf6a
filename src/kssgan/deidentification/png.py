"""One way to write a released picture, and a strict look at what was written."""

from __future__ import annotations

import io
import struct
from collections.abc import Iterator

import numpy as np

from kssgan.types import CROP_SIZE, U8Array

__all__ = ["FORMAT", "decode_png", "encode_png", "read_png"]

FORMAT = {"format": "PNG", "size": [CROP_SIZE, CROP_SIZE]}
"""The certificate's ``image``."""

_LEVEL = 4  # a third of level 6's time for 3 % more bytes
_SIGNATURE = b"\x89PNG\r\n\x1a\n"


def encode_png(picture_u8: U8Array) -> bytes:
    """Encode a picture with fixed settings and nothing but pixels.

    Args:
        picture_u8: (256, 256, 3) uint8, RGB.

    Returns:
        An 8-bit RGB PNG of the chunks IHDR, IDAT and IEND.
    """
    from PIL import Image

    if picture_u8.shape != (CROP_SIZE, CROP_SIZE, 3) or picture_u8.dtype != np.uint8:
        raise ValueError(
            f"(256, 256, 3) uint8 was wanted, {picture_u8.shape} {picture_u8.dtype} came"
        )
    file = io.BytesIO()
    # A fresh image from bytes carries no info, so nothing can travel along from an original.
    image = Image.frombytes("RGB", (CROP_SIZE, CROP_SIZE), picture_u8.tobytes())
    image.save(file, "PNG", compress_level=_LEVEL, optimize=False)
    return file.getvalue()


def decode_png(data: bytes) -> U8Array:
    """Read back a released picture and reject whatever :func:`encode_png` would not have written.

    Args:
        data: bytes of the file.

    Returns:
        (256, 256, 3) uint8.

    Raises:
        ValueError: damaged; another size or type; a further chunk (EXIF, text, time, thumbnail); bytes
            behind the end or hidden inside the compressed stream; other encoder settings.
    """
    if set(_chunk_names(data)) != {b"IHDR", b"IDAT", b"IEND"}:
        raise ValueError("other chunks than IHDR, IDAT, IEND")
    picture_u8 = read_png(data)
    # One picture has one encoding, so bytes that differ hold something that is no pixel.
    if encode_png(picture_u8) != data:
        raise ValueError("other encoder settings, or bytes that belong to no pixel")
    return picture_u8


def read_png(data: bytes) -> U8Array:
    """Pixels of a PNG, (H, W, 3) uint8, without a look at what else is in it.

    Raises:
        ValueError: damaged.
    """
    from PIL import Image, UnidentifiedImageError

    try:
        with Image.open(io.BytesIO(data), formats=["PNG"]) as image:
            picture_u8: U8Array = np.array(image.convert("RGB"))
    except (OSError, SyntaxError, UnidentifiedImageError) as error:
        raise ValueError("its pixels cannot be read") from error
    return picture_u8


def _chunk_names(data: bytes) -> Iterator[bytes]:
    if not data.startswith(_SIGNATURE):
        raise ValueError("no PNG")
    at = len(_SIGNATURE)
    while at < len(data):
        if at + 12 > len(data):
            raise ValueError("cut short")
        (length,) = struct.unpack_from(">I", data, at)
        yield data[at + 4 : at + 8]
        at += 12 + length
