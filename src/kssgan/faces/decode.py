"""Any photo file to upright RGB pixels, or a reason why not.

Files come from anywhere, so they are treated as hostile: only the listed formats are tried (Pillow would
start Ghostscript for others), the size is checked from the header before a pixel is decoded, and whatever
a decoder raises becomes one of the stated reasons.
"""

from __future__ import annotations

import stat
import warnings
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import IO

import numpy as np
import numpy.typing as npt
from PIL import Image, UnidentifiedImageError

from kssgan.errors import Reason, UnusablePhoto
from kssgan.types import U8Array

__all__ = ["IMAGE_SUFFIXES", "Reduced", "formats", "open_photo", "open_reduced"]

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
    return _open(path, max_pixels, None).image_u8


@dataclass(frozen=True, slots=True)
class Reduced:
    """A photo, perhaps reduced.

    Attributes:
        image_u8: (H, W, 3) uint8 RGB.
        factor: pixels of the photo per pixel, in both directions: 1, 2, 4 or 8.
    """

    image_u8: U8Array
    factor: int


def open_reduced(path: Path, *, least: int, max_pixels: int = 100_000_000) -> Reduced:
    """Decode a photo no larger than needed: a JPEG is reduced while it is decoded, which is faster.

    Everything else is as :func:`open_photo` does it. A photo whose sides the factor does not divide keeps
    its size, so that a place in the one picture is exactly a place in the other.

    Args:
        path: as for :func:`open_photo`.
        least: the long side stays at least that many pixels.
        max_pixels: refuse photos that are larger before they are reduced.

    Raises:
        UnusablePhoto: as :func:`open_photo`, for the same photos.
    """
    return _open(path, max_pixels, least)


def _open(path: Path, max_pixels: int, least: int | None) -> Reduced:
    with warnings.catch_warnings():
        # Pillow warns of large pictures, odd EXIF and truncated TIFF tags; the outcome is checked instead.
        warnings.simplefilter("ignore")
        try:
            # Asked before opening: to open a pipe is to wait for its writer.
            if not stat.S_ISREG(path.stat().st_mode):
                raise UnusablePhoto(Reason.UNREADABLE, "not a regular file")
            with path.open("rb") as file:
                return _decode(file, max_pixels, least)
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


def _decode(file: IO[bytes], max_pixels: int, least: int | None) -> Reduced:
    with Image.open(file, formats=formats()) as image:
        width, height = image.size
        if width * height > max_pixels:
            raise UnusablePhoto(Reason.TOO_MANY_PIXELS, f"{width}x{height}")
        factor = 1 if least is None else _factor(image, least)
        if factor > 1:
            image.draft(image.mode, (width // factor, height // factor))
        image.load()
        turn = _orientation(image)
        return Reduced(_upright(_rgb(image), turn), factor)


def _factor(image: Image.Image, least: int) -> int:
    """By how much a decoder of JPEG reduces a picture and its long side keeps ``least`` pixels."""
    if image.format != "JPEG" or image.mode not in ("RGB", "L"):
        return 1
    width, height = image.size
    fitting = (
        factor
        for factor in (8, 4, 2)
        if max(width, height) >= least * factor and not (width % factor or height % factor)
    )
    return next(fitting, 1)


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
