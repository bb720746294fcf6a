"""What picture files carry beside their pixels."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageCms
from PIL.PngImagePlugin import PngInfo

from kssgan.auditing._containers import extras

PICTURE = Image.fromarray(np.random.default_rng(0).integers(0, 256, (16, 16, 3), np.uint8))


def _exif() -> bytes:
    exif = Image.Exif()
    exif[0x0110] = "camera"
    return exif.tobytes()


def _text() -> PngInfo:
    info = PngInfo()
    info.add_text("Title", "me")
    return info


PROFILE = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


@pytest.mark.parametrize("suffix", ["png", "jpg", "webp"])
def test_pixels_alone_are_clean(tmp_path: Path, suffix: str) -> None:
    PICTURE.save(tmp_path / f"a.{suffix}")
    assert extras(tmp_path / f"a.{suffix}") == frozenset()


@pytest.mark.parametrize(
    ("suffix", "save", "kind"),
    [
        ("png", {"exif": _exif()}, "EXIF data"),
        ("jpg", {"exif": _exif()}, "EXIF data"),
        ("webp", {"exif": _exif()}, "EXIF data"),
        ("tif", {"exif": _exif()}, "EXIF data"),
        ("png", {"pnginfo": _text()}, "a text chunk"),
        ("jpg", {"comment": b"me"}, "a comment"),
        ("jpg", {"xmp": b"<x:xmpmeta/>"}, "XMP data"),
        ("webp", {"xmp": b"<x:xmpmeta/>"}, "XMP data"),
        ("png", {"icc_profile": PROFILE}, "an ICC colour profile"),
        ("jpg", {"icc_profile": PROFILE}, "an ICC colour profile"),
        ("png", {"dpi": (72, 72)}, "colour chunks"),
        (
            "png",
            {"save_all": True, "append_images": [PICTURE.rotate(90)]},
            "more than one frame",
        ),
        (
            "webp",
            {"save_all": True, "append_images": [PICTURE.rotate(90)]},
            "more than one frame",
        ),
        (
            "gif",
            {"save_all": True, "append_images": [PICTURE.rotate(90)]},
            "more than one frame",
        ),
    ],
)
def test_metadata_is_named(
    tmp_path: Path, suffix: str, save: dict[str, Any], kind: str
) -> None:
    PICTURE.save(tmp_path / f"a.{suffix}", **save)
    assert kind in extras(tmp_path / f"a.{suffix}")


@pytest.mark.parametrize("suffix", ["png", "jpg", "webp"])
def test_trailing_bytes(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"a.{suffix}"
    PICTURE.save(path)
    path.write_bytes(path.read_bytes() + b"12")
    assert extras(path) == {"bytes after the end of the picture"}


def test_a_transparent_layer(tmp_path: Path) -> None:
    PICTURE.convert("RGBA").save(tmp_path / "a.png")
    assert extras(tmp_path / "a.png") == {"transparency, which can hide pixels"}


@pytest.mark.parametrize("where", ["rows", "stream"])
def test_data_behind_the_last_row(tmp_path: Path, where: str) -> None:
    rows = b"".join(b"\0" + bytes(range(12)) for _ in range(4))
    packed = zlib.compress(rows + (b"secret" if where == "rows" else b""))
    packed += b"secret" if where == "stream" else b""
    chunks = [(b"IHDR", struct.pack(">IIBBBBB", 4, 4, 8, 2, 0, 0, 0)), (b"IDAT", packed)]
    data = b"\x89PNG\r\n\x1a\n"
    for kind, body in [*chunks, (b"IEND", b"")]:
        data += struct.pack(">I", len(body)) + kind + body
        data += struct.pack(">I", zlib.crc32(kind + body))
    (tmp_path / "a.png").write_bytes(data)
    assert extras(tmp_path / "a.png") == {"data hidden behind the pixels"}


def test_a_jpeg_thumbnail(tmp_path: Path) -> None:
    path = tmp_path / "a.jpg"
    PICTURE.save(path)
    data = bytearray(path.read_bytes())
    assert data[6:10] == b"JFIF"
    # APP0 behind SOI: length at 4, thumbnail size at 18; a 1 x 1 thumbnail of three bytes.
    data[4:6] = struct.pack(">H", struct.unpack(">H", data[4:6])[0] + 3)
    data[18:20] = b"\1\1"
    data[20:20] = b"rgb"
    path.write_bytes(bytes(data))
    assert "a thumbnail" in extras(path)


def _chunk(kind: bytes, body: bytes) -> bytes:
    return (
        struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
    )


def _png(*, depth: int = 8, colour: int = 2, interlaced: int = 0, rows: bytes) -> bytes:
    head = struct.pack(">IIBBBBB", 4, 4, depth, colour, 0, 0, interlaced)
    body = _chunk(b"IHDR", head) + _chunk(b"IDAT", zlib.compress(rows))
    return b"\x89PNG\r\n\x1a\n" + body + _chunk(b"IEND", b"")


ROWS = b"".join(b"\0" + bytes(range(12)) for _ in range(4))
PNG = _png(rows=ROWS)
# 4 x 4 pixels in passes of 1, 0, 0, 1, 2, 4 and 8 pixels.
ADAM7 = b"".join(b"\0" + bytes(3 * n) for n in (1, 1, 2, 2, 2, 4, 4))


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (PNG[:33] + _chunk(b"PLTE", bytes(300)) + PNG[33:], "a palette that is not needed"),
        (PNG[:-12] + _chunk(b"IEND", b"secret"), "a chunk that is longer than it may be"),
        (
            PNG[:33] + _chunk(b"pHYs", bytes(10)) + PNG[33:],
            "a chunk that is longer than it may be",
        ),
        (PNG[:33] + 2 * _chunk(b"gAMA", bytes(4)) + PNG[33:], "a chunk that comes once more"),
        (
            _png(depth=16, rows=b"".join(b"\0" + bytes(24) for _ in range(4))),
            "more than 8 bits a channel, which can hide a picture",
        ),
        (_png(interlaced=1, rows=ADAM7 + b"secret"), "data hidden behind the pixels"),
    ],
)
def test_room_for_a_picture_in_a_png(tmp_path: Path, data: bytes, kind: str) -> None:
    (tmp_path / "a.png").write_bytes(data)
    assert kind in extras(tmp_path / "a.png")


def test_what_a_png_needs_is_clean(tmp_path: Path) -> None:
    """An interlaced picture's own size, and a palette where pixels are numbers in it."""
    (tmp_path / "a.png").write_bytes(_png(interlaced=1, rows=ADAM7))
    assert extras(tmp_path / "a.png") == {"an interlaced picture"}
    PICTURE.quantize(16).save(tmp_path / "b.png")
    assert extras(tmp_path / "b.png") == frozenset()


@pytest.mark.parametrize(
    ("marker", "body"),
    [
        (0xE0, b"JFIF\0\1\1\0\0\1\0\1\0\0secret"),
        (0xE0, b"ABCD\0\1\1\0\0\1\0\1\0\0"),
        (0xEE, b"Adobe\0\x64\0\0\0\0\1secret"),
        (0xF0, b"secret"),
    ],
)
def test_room_for_a_picture_in_a_jpeg(tmp_path: Path, marker: int, body: bytes) -> None:
    path = tmp_path / "a.jpg"
    PICTURE.save(path)
    data = path.read_bytes()
    segment = bytes([0xFF, marker]) + struct.pack(">H", len(body) + 2) + body
    path.write_bytes(data[:20] + segment + data[20:])
    assert "an application segment" in extras(path)
