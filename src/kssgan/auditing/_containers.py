"""What a picture file carries beside its pixels, read from its bytes and not by a decoder's leave.

PNG and JPEG are walked block by block; WebP by its chunks; other formats through Pillow, which names only
what it understands. Everything here answers with *kinds* ("EXIF", "text chunk tEXt"), never with content.
"""

from __future__ import annotations

import io
import struct
import warnings
import zlib
from pathlib import Path

__all__ = ["HARMLESS", "extras", "extras_of"]

_PNG = b"\x89PNG\r\n\x1a\n"
_PIXEL_CHUNKS = {b"IHDR", b"PLTE", b"IDAT", b"IEND"}
_COLOUR_CHUNKS = {b"gAMA", b"cHRM", b"sRGB", b"pHYs", b"sBIT", b"bKGD", b"cICP"}
# Bytes that a chunk may have at most; none of them has room for a picture.
_LENGTHS = {
    b"IHDR": 13,
    b"IEND": 0,
    b"gAMA": 4,
    b"cHRM": 32,
    b"sRGB": 1,
    b"pHYs": 9,
    b"sBIT": 4,
    b"bKGD": 6,
    b"cICP": 4,
}
_LONG, _AGAIN = "a chunk that is longer than it may be", "a chunk that comes once more"
_ONCE = {*_LENGTHS, b"PLTE"}
_DEEP = "more than 8 bits a channel, which can hide a picture"
_CHANNELS = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}
_ADAM7 = (
    (0, 0, 8, 8),
    (4, 0, 8, 8),
    (0, 4, 4, 8),
    (2, 0, 4, 4),
    (0, 2, 2, 4),
    (1, 0, 2, 2),
    (0, 1, 1, 2),
)
_EXIF, _XMP, _ICC, _COMMENT = "EXIF data", "XMP data", "an ICC colour profile", "a comment"
_SEGMENT = "an application segment"
# Segments of frames, tables and scans.
_NEEDED = {*range(0xC0, 0xC8), *range(0xC9, 0xD0), 0xDA, 0xDB, 0xDC, 0xDD}
_JFIF, _ADOBE = 14, 12  # bytes of the two segments that say how pixels are coded
_TRAILING = "bytes after the end of the picture"
_FRAMES = "more than one frame"

HARMLESS = frozenset({_ICC, "colour chunks", "an interlaced picture"})
"""Kinds that tell nobody apart as long as every file carries the same ones."""


def extras(path: Path) -> frozenset[str]:
    """Kinds of data in a picture file that are not needed to show it.

    Args:
        path: a PNG, JPEG, WebP or any other picture that Pillow opens.

    Returns:
        Kinds in words; empty for a file with pixels alone.

    References: W3C PNG (third edition) section 5; ITU T.81 annex B; WebP container specification.
    """
    return extras_of(path.read_bytes())


def extras_of(data: bytes) -> frozenset[str]:
    """The same as :func:`extras` for the content of a file."""
    if data.startswith(_PNG):
        return frozenset(_png(data))
    if data.startswith(b"\xff\xd8"):
        return frozenset(_jpeg(data) | _pillow(data))
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return frozenset(_webp(data) | _pillow(data))
    return frozenset(_pillow(data) | {"a format whose every byte cannot be checked"})


def _png(data: bytes) -> set[str]:
    found: set[str] = set()
    at, packed, header = 8, [], b""
    seen: set[bytes] = set()
    while at + 12 <= len(data):
        (length,), kind = struct.unpack(">I", data[at : at + 4]), data[at + 4 : at + 8]
        body = data[at + 8 : at + 8 + length]
        at += 12 + length
        if length > _LENGTHS.get(kind, length):
            found.add(_LONG)
        if kind in _ONCE and kind in seen:
            found.add(_AGAIN)
        seen.add(kind)
        if kind == b"IHDR":
            header = body
        elif kind == b"PLTE" and (header[9:10] != b"\x03" or length > 3 << header[8]):
            # Of a picture in true colour it is a mere proposal, and nobody looks at it.
            found.add("a palette that is not needed")
        elif kind == b"IDAT":
            packed.append(body)
        elif kind == b"IEND":
            break
        if kind in _COLOUR_CHUNKS:
            found.add("colour chunks")
        elif kind == b"eXIf":
            found.add(_EXIF)
        elif kind == b"iCCP":
            found.add(_ICC)
        elif kind in (b"acTL", b"fcTL", b"fdAT"):
            found.add(_FRAMES)
        elif kind == b"tRNS":
            found.add("transparency, which can hide pixels")
        elif kind in (b"tEXt", b"zTXt", b"iTXt"):
            found.add(_XMP if b"adobe.xmp" in body[:40] else "a text chunk")
        elif kind not in _PIXEL_CHUNKS:
            found.add("a time stamp" if kind == b"tIME" else "a chunk of another kind")
    if data[at:] or len(data) < at:
        found.add(_TRAILING)
    if len(header) == 13:
        found |= _png_stream(header, b"".join(packed))
    return found


def _png_stream(header: bytes, packed: bytes) -> set[str]:
    """Data can also hide behind the last row, inside or behind the compressed stream."""
    width, height, depth, colour, _, _, interlaced = struct.unpack(">IIBBBBB", header)
    found = {"transparency, which can hide pixels"} if colour in (4, 6) else set()
    found |= {_DEEP} if depth > 8 else set()
    found |= {"an interlaced picture"} if interlaced else set()
    bits = _CHANNELS.get(colour, 4) * depth
    # Column and row of the first pixel of each pass, and steps from there.
    passes = _ADAM7 if interlaced else ((0, 0, 1, 1),)
    sizes = (
        (-(-(width - left) // across), -(-(height - top) // down))
        for left, top, across, down in passes
    )
    most = sum(rows * (1 + (columns * bits + 7) // 8) for columns, rows in sizes if columns > 0)
    stream = zlib.decompressobj()
    try:
        pixels = stream.decompress(packed, most + 1)
    except zlib.error:
        return found | {"a damaged pixel stream"}
    if len(pixels) > most or stream.unused_data or stream.unconsumed_tail.strip(b"\0"):
        found.add("data hidden behind the pixels")
    return found


def _jpeg(data: bytes) -> set[str]:
    found: set[str] = set()
    seen: set[int] = set()
    at = 2
    while at + 2 <= len(data) and data[at] == 0xFF:
        marker = data[at + 1]
        if marker == 0xFF:
            at += 1
            continue
        if marker == 0xD9:
            at += 2
            break
        if at + 4 > len(data):
            break
        (length,) = struct.unpack(">H", data[at + 2 : at + 4])
        body = data[at + 4 : at + 2 + length]
        at += 2 + length
        found |= _jpeg_segment(marker, body)
        if 0xE0 <= marker <= 0xEF and marker != 0xE2 and marker in seen:
            found.add(_SEGMENT)
        seen.add(marker)
        if marker == 0xDA:
            at = _after_scan(data, at)
    if data[at:]:
        found.add(_TRAILING)
    return found


def _jpeg_segment(marker: int, body: bytes) -> set[str]:
    if marker == 0xFE:
        return {_COMMENT}
    if marker == 0xE0:
        thumbnail = body.startswith(b"JFXX") or (len(body) >= 14 and body[12] * body[13] > 0)
        plain = body.startswith(b"JFIF\0") and len(body) == _JFIF
        return {"a thumbnail"} if thumbnail else set() if plain else {_SEGMENT}
    if marker == 0xE1:
        return {_EXIF} if body.startswith(b"Exif") else {_XMP}
    if marker == 0xE2 and body.startswith(b"ICC_PROFILE"):
        return {_ICC}
    if marker == 0xEE and body.startswith(b"Adobe") and len(body) == _ADOBE:
        return set()
    return set() if marker in _NEEDED else {_SEGMENT}


def _after_scan(data: bytes, at: int) -> int:
    """First marker after entropy-coded data that is neither a stuffed zero nor a restart."""
    while True:
        at = data.find(b"\xff", at)
        if at < 0 or at + 1 >= len(data):
            return len(data)
        if data[at + 1] == 0 or 0xD0 <= data[at + 1] <= 0xD7:
            at += 2
        elif data[at + 1] == 0xFF:
            at += 1
        else:
            return at


def _webp(data: bytes) -> set[str]:
    names = {b"EXIF": _EXIF, b"XMP ": _XMP, b"ICCP": _ICC, b"ANIM": _FRAMES, b"ANMF": _FRAMES}
    found: set[str] = set()
    end = 8 + struct.unpack("<I", data[4:8])[0]
    at = 12
    while at + 8 <= min(end, len(data)):
        kind, (length,) = data[at : at + 4], struct.unpack("<I", data[at + 4 : at + 8])
        at += 8 + length + length % 2
        if kind == b"ALPH":
            found.add("transparency, which can hide pixels")
        elif kind in names:
            found.add(names[kind])
        elif kind not in (b"VP8 ", b"VP8L", b"VP8X"):
            found.add("a chunk of another kind")
    if len(data) > end:
        found.add(_TRAILING)
    return found


def _pillow(data: bytes) -> set[str]:
    from PIL import Image

    from kssgan.faces.decode import formats

    found: set[str] = set()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            with Image.open(io.BytesIO(data), formats=formats()) as image:
                info = {str(key).lower() for key in image.info}
                tags = {int(tag) for tag in image.getexif()}
                frames = int(getattr(image, "n_frames", 1))
        except Exception:  # noqa: BLE001 - a damaged file can raise anything in a decoder
            return {"a damaged picture"}
    # In TIFF the tags that describe the pixels themselves live in the same directory.
    if "exif" in info or any(
        t in (0x8769, 0x8825, 0x010F, 0x0110, 0x0132, 0x013B) for t in tags
    ):
        found.add(_EXIF)
    if info & {"xmp", "xml:com.adobe.xmp"}:
        found.add(_XMP)
    if "icc_profile" in info:
        found.add(_ICC)
    if "comment" in info:
        found.add(_COMMENT)
    if frames > 1:
        found.add(_FRAMES)
    return found
