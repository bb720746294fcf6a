"""A released picture is its pixels and nothing else."""

from __future__ import annotations

import io
import struct
import zlib

import numpy as np
import pytest
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from kssgan.deidentification.png import decode_png, encode_png

PICTURE = np.random.default_rng(0).integers(0, 256, (256, 256, 3), np.uint8)


def _saved(picture: np.ndarray = PICTURE, **options: object) -> bytes:
    file = io.BytesIO()
    Image.fromarray(picture).save(file, "PNG", **options)
    return file.getvalue()


def _chunks(data: bytes) -> list[tuple[bytes, bytes]]:
    found, at = [], 8
    while at < len(data):
        (length,) = struct.unpack_from(">I", data, at)
        found.append((data[at + 4 : at + 8], data[at + 8 : at + 8 + length]))
        at += 12 + length
    return found


def _joined(chunks: list[tuple[bytes, bytes]]) -> bytes:
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))
        for name, body in chunks
    )


def test_pixels_come_back_and_nothing_else_is_in_the_file() -> None:
    data = encode_png(PICTURE)
    assert np.array_equal(decode_png(data), PICTURE)
    assert {name for name, _ in _chunks(data)} == {b"IHDR", b"IDAT", b"IEND"}
    assert _chunks(data)[0][1] == struct.pack(">IIBBBBB", 256, 256, 8, 2, 0, 0, 0)
    assert encode_png(PICTURE.copy()) == data
    assert _joined(_chunks(data)) == data


def test_whatever_else_is_in_a_file_is_noticed() -> None:
    data, info = encode_png(PICTURE), PngInfo()
    info.add_text("Comment", "Ann")
    exif = Image.Exif()
    exif[0x010E] = "Ann"
    head, *body, end = _chunks(data)
    packed = b"".join(content for _, content in body)
    bad = {
        "text": _saved(pnginfo=info),
        "exif": _saved(exif=exif),
        "dpi": _saved(dpi=(72, 72)),
        "grey": _saved(PICTURE[..., 0]),
        "small": _saved(PICTURE[:128]),
        "other settings": _saved(compress_level=1),
        "behind the end": data + b"Ann",
        "a chunk behind the end": data + _joined([(b"teXt", b"Ann")])[8:],
        "inside the stream": _joined([head, (b"IDAT", packed + b"Ann"), end]),
        "more rows": _joined(
            [head, (b"IDAT", zlib.compress(zlib.decompress(packed) + b"Ann")), end]
        ),
        "cut": data[:-20],
        "flipped": data[:5000] + bytes([data[5000] ^ 1]) + data[5001:],
        "jpeg": b"\xff\xd8\xff",
        "nothing": b"",
    }
    accepted = []
    for what, wrong in bad.items():
        try:
            decode_png(wrong)
        except ValueError:
            continue
        accepted.append(what)
    assert not accepted


def test_only_crops_are_encoded() -> None:
    for wrong in (PICTURE[:8], PICTURE.astype(np.float32), PICTURE[..., :1]):
        with pytest.raises(ValueError, match="wanted"):
            encode_png(wrong)
