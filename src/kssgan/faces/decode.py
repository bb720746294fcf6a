"""Any photo file to upright RGB pixels, or a reason why not.

Files come from anywhere, so they are treated as hostile: only the listed formats are tried (Pillow would
start Ghostscript for others), the size is checked from the header before a pixel is decoded, and whatever
a decoder raises becomes one of the stated reasons.
"""

from __future__ import annotations

import stat
import warnings
from functools import cache
from pathlib import Path
from typing import IO

import numpy as np
import numpy.typing as npt
from PIL import Image, UnidentifiedImageError

from kssgan.errors import Reason, UnusablePhoto
from kssgan.types import U8Array

__all__ = ["IMAGE_SUFFIXES", "formats", "open_photo"]

IMAGE_SUFFIXES: frozenset[str] = frozenset(
    {".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".apng", ".webp", ".avif"}
    | {".tif", ".tiff", ".bmp", ".dib", ".gif", ".heic", ".heif", ".hif"}
)
"""Endings, in lower case, of the files that count as photos. A HEIC file without the ``heic`` extra is a
photo that cannot be read, so it is refused and listed, not ignored."""

_FORMATS = ("JPEG", "PNG", "WEBP", "AVIF", "TIFF", "BMP", "DIB", "GIF")
_ORIENTATION = 0x0112
_DEPTHS = (8, 10, 12, 14, 16, 24, 32)


@cache
def formats() -> tuple[str, ...]:
    """Pillow's names of the formats that are tried; HEIF among them when ``pillow-heif`` is installed."""
    try:
        import pillow_heif
    except ImportError:
        return _FORMATS
    pillow_heif.register_heif_opener(thumbnails=False)
    return (*_FORMATS, "HEIF")


def open_photo(path: Path, *, max_pixels: int = 100_000_000) -> U8Array:
    """Decode the first frame of a photo, turned upright as its orientation tag says.

    Grey, palette, CMYK and deep pixels become 8-bit RGB; transparent parts become white. Pixels of more
    than 8 bits are reduced by the smallest usual depth that holds the brightest of them.

    Args:
        path: a JPEG, PNG, WebP, AVIF, TIFF, BMP, GIF or (with the ``heic`` extra) HEIC file.
        max_pixels: refuse larger pictures by their header; above about 179 million Pillow refuses itself.

    Returns:
        (H, W, 3) uint8 RGB.

    Raises:
        UnusablePhoto: with reason ``PERMISSION``, ``TOO_MANY_PIXELS`` or ``UNREADABLE``.
    """
    with warnings.catch_warnings():
        # Pillow warns of large pictures, odd EXIF and truncated TIFF tags; the outcome is checked instead.
        warnings.simplefilter("ignore")
        try:
            # Asked before opening: to open a pipe is to wait for its writer.
            if not stat.S_ISREG(path.stat().st_mode):
                raise UnusablePhoto(Reason.UNREADABLE, "not a regular file")
            with path.open("rb") as file:
                return _decode(file, max_pixels)
        except UnusablePhoto:
            raise
        except PermissionError:
            raise UnusablePhoto(Reason.PERMISSION) from None
        except (Image.DecompressionBombError, MemoryError):
            raise UnusablePhoto(Reason.TOO_MANY_PIXELS) from None
        except UnidentifiedImageError:
            raise UnusablePhoto(Reason.UNREADABLE, "no supported image format") from None
        except Exception as error:  # noqa: BLE001 - a damaged file can raise anything in a decoder
            # The decoder's own message may carry the path, so only its kind is passed on.
            raise UnusablePhoto(Reason.UNREADABLE, type(error).__name__) from None


def _decode(file: IO[bytes], max_pixels: int) -> U8Array:
    with Image.open(file, formats=formats()) as image:
        width, height = image.size
        if width * height > max_pixels:
            raise UnusablePhoto(Reason.TOO_MANY_PIXELS, f"{width}x{height}")
        image.load()
        turn = _orientation(image)
        return _upright(_rgb(image), turn)


def _orientation(image: Image.Image) -> int:
    # Read after loading: Pillow has already turned a TIFF by then and dropped its tag.
    try:
        value = image.getexif().get(_ORIENTATION, 1)
    except Exception:  # noqa: BLE001 - a broken EXIF block does not make the picture unusable
        return 1
    return value if isinstance(value, int) and 1 <= value <= 8 else 1


def _upright(pixels: U8Array, orientation: int) -> U8Array:
    """Undo the camera's turn; values as in EXIF 2.3, tag 0x0112."""
    if orientation in (5, 6, 7, 8):
        pixels = pixels.swapaxes(0, 1)
    if orientation in (2, 3, 6, 7):
        pixels = pixels[:, ::-1]
    if orientation in (3, 4, 7, 8):
        pixels = pixels[::-1]
    return np.ascontiguousarray(pixels)


def _rgb(image: Image.Image) -> U8Array:
    if image.mode.startswith("I") or image.mode == "F":
        grey = _to_eight_bits(np.asarray(image))
        return np.repeat(grey[..., None], 3, axis=2)
    if image.mode in ("RGBA", "LA", "PA", "La", "RGBa") or "transparency" in image.info:
        clear = image.convert("RGBA")
        image = Image.new("RGB", clear.size, "white")
        image.paste(clear, mask=clear.getchannel("A"))
    elif image.mode != "RGB":
        image = image.convert("RGB")
    return np.asarray(image)


def _to_eight_bits(deep: npt.NDArray[np.generic]) -> U8Array:
    values = np.nan_to_num(deep.astype(np.float32), nan=0.0, posinf=0.0, neginf=0.0).clip(min=0)
    brightest = float(values.max(initial=0))
    if np.issubdtype(deep.dtype, np.floating) and brightest <= 1:
        top = 1.0
    else:
        top = next((2.0**d - 1 for d in _DEPTHS if brightest <= 2.0**d - 1), brightest)
    return (values * (255 / top) + 0.5).astype(np.uint8)
