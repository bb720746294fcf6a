"""Every format that is promised, and every kind of broken file."""

from __future__ import annotations

import importlib.util
import os
import struct
import warnings
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, features

from kssgan.errors import Reason, UnusablePhoto
from kssgan.faces.decode import IMAGE_SUFFIXES, open_photo, open_reduced

RED, GREEN, BLUE, GREY = (250, 10, 10), (10, 240, 20), (20, 10, 245), (128, 128, 128)


def quarters() -> np.ndarray:
    """48 rows x 64 columns in four colours; no turn or mirror leaves it as it is."""
    image = np.empty((48, 64, 3), np.uint8)
    image[:24, :32], image[:24, 32:], image[24:, :32], image[24:, 32:] = RED, GREEN, BLUE, GREY
    return image


def assert_like(came: np.ndarray, wanted: np.ndarray, tolerance: float = 12) -> None:
    assert came.dtype == np.uint8
    assert came.shape == wanted.shape
    assert came.flags.c_contiguous
    # Away from the edges between colours, where lossy formats ring.
    for y, x in ((10, 12), (10, 50), (36, 12), (36, 50)):
        y, x = (y, x) if wanted.shape[0] == 48 else (x, y)
        assert np.abs(came[y, x].astype(int) - wanted[y, x]).max() <= tolerance, (y, x)


@pytest.mark.parametrize("suffix", ["jpg", "png", "webp", "avif", "tif", "bmp", "gif"])
def test_formats(tmp_path: Path, suffix: str) -> None:
    if suffix in ("webp", "avif") and not features.check(suffix):
        pytest.skip(f"this Pillow has no {suffix}")
    path = tmp_path / f"photo.{suffix}"
    Image.fromarray(quarters()).save(path)
    assert_like(open_photo(path), quarters(), 24 if suffix in ("avif", "webp", "jpg") else 2)
    assert path.suffix in IMAGE_SUFFIXES


@pytest.mark.skipif(
    importlib.util.find_spec("pillow_heif") is None, reason="the heic extra is not here"
)
def test_heic(tmp_path: Path) -> None:
    import pillow_heif

    path = tmp_path / "photo.heic"
    pillow_heif.from_pillow(Image.fromarray(quarters())).save(path)
    assert_like(open_photo(path), quarters(), 24)


# What the camera did to the scene, for each tag: the decoder must give the scene back.
TURNS: dict[int, Callable[[np.ndarray], np.ndarray]] = {
    1: lambda a: a,
    2: np.fliplr,
    3: lambda a: np.rot90(a, 2),
    4: np.flipud,
    5: lambda a: a.swapaxes(0, 1),
    6: lambda a: np.rot90(a, 1),
    7: lambda a: np.rot90(a, 2).swapaxes(0, 1),
    8: lambda a: np.rot90(a, 3),
}


@pytest.mark.parametrize("suffix", ["jpg", "png", "webp", "tif"])
@pytest.mark.parametrize("tag", range(1, 9))
def test_orientation(tmp_path: Path, tag: int, suffix: str) -> None:
    exif = Image.Exif()
    exif[0x0112] = tag
    path = tmp_path / f"turned.{suffix}"
    stored = Image.fromarray(np.ascontiguousarray(TURNS[tag](quarters())))
    stored.save(path, exif=exif)
    assert_like(open_photo(path), quarters(), 24)


def test_orientation_agrees_with_pillow(tmp_path: Path) -> None:
    from PIL import ImageOps

    for tag in range(1, 9):
        exif = Image.Exif()
        exif[0x0112] = tag
        path = tmp_path / f"{tag}.png"
        Image.fromarray(quarters()).save(path, exif=exif)
        with Image.open(path) as image:
            wanted = np.asarray(ImageOps.exif_transpose(image))
        np.testing.assert_array_equal(open_photo(path), wanted)


@pytest.mark.parametrize("mode", ["L", "1", "P", "CMYK", "RGBA", "LA", "YCbCr", "I;16", "F"])
def test_modes(tmp_path: Path, mode: str) -> None:
    suffix = {"CMYK": "jpg", "YCbCr": "jpg", "F": "tif"}.get(mode, "png")
    path = tmp_path / f"photo.{suffix}"
    grey = np.asarray(Image.fromarray(quarters()).convert("L"))
    if mode == "I;16":
        Image.fromarray(grey.astype(np.uint16) * 257).save(path)
    elif mode == "F":
        Image.fromarray(grey.astype(np.float32) / 255).save(path)
    else:
        Image.fromarray(quarters()).convert(mode).save(path, quality=95)
    came = open_photo(path)
    if mode in ("L", "LA", "I;16", "F"):
        np.testing.assert_array_equal(came, np.repeat(grey[..., None], 3, axis=2))
    elif mode == "1":
        assert set(np.unique(came)) <= {0, 255}
    elif mode in ("CMYK", "YCbCr"):
        assert_like(came, quarters(), 24)
    elif mode == "RGBA":
        np.testing.assert_array_equal(came, quarters())
    else:
        assert came.shape == (48, 64, 3)


def test_twelve_bits_in_sixteen_are_not_black(tmp_path: Path) -> None:
    values = np.linspace(0, 4095, 64).astype(np.uint16)[None].repeat(48, 0)
    Image.fromarray(values).save(tmp_path / "deep.png")
    came = open_photo(tmp_path / "deep.png")
    assert came[0, 0, 0] == 0
    assert came[0, -1, 0] == 255
    assert abs(int(came[0, 32, 0]) - 4095 * 32 / 63 / 4095 * 255) <= 1


def test_clear_parts_become_white(tmp_path: Path) -> None:
    pixels = np.dstack([quarters(), np.full((48, 64), 255, np.uint8)])
    pixels[:24, :32, 3] = 0
    pixels[:24, 32:, 3] = 128
    Image.fromarray(pixels).save(tmp_path / "clear.png")
    came = open_photo(tmp_path / "clear.png")
    np.testing.assert_array_equal(came[0, 0], (255, 255, 255))
    assert np.abs(came[0, 40] - (np.array(GREEN) + 255) / 2).max() <= 2
    np.testing.assert_array_equal(came[40, 0], BLUE)


def test_clear_palette_entry_becomes_white(tmp_path: Path) -> None:
    image = Image.fromarray(quarters()).quantize(4)
    image.info["transparency"] = image.getpixel((0, 0))
    image.save(tmp_path / "clear.gif", transparency=image.getpixel((0, 0)))
    np.testing.assert_array_equal(open_photo(tmp_path / "clear.gif")[2, 2], (255, 255, 255))


def test_first_frame(tmp_path: Path) -> None:
    first = Image.fromarray(quarters())
    second = Image.new("RGB", first.size, "black")
    for suffix in ("gif", "tif", "webp"):
        path = tmp_path / f"frames.{suffix}"
        first.save(path, save_all=True, append_images=[second])
        assert_like(open_photo(path), quarters(), 24)


def test_two_pictures_in_one_jpeg(tmp_path: Path) -> None:
    """Phones write these (MPO), with .jpg at the end; the first is the photo."""
    path = tmp_path / "photo.jpg"
    second = Image.new("RGB", (64, 48), "black")
    Image.fromarray(quarters()).save(path, format="MPO", save_all=True, append_images=[second])
    assert_like(open_photo(path), quarters(), 24)


def refused(path: Path, **options: int) -> Reason:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(UnusablePhoto) as caught:
            open_photo(path, **options)
    assert str(path) not in str(caught.value)
    assert path.name not in str(caught.value)
    return caught.value.reason


def test_not_a_photo(tmp_path: Path) -> None:
    for name, data in (
        ("text.jpg", b"this is no picture\n" * 9),
        ("empty.png", b""),
        ("one.gif", b"G"),
    ):
        (tmp_path / name).write_bytes(data)
        assert refused(tmp_path / name) is Reason.UNREADABLE
    assert refused(tmp_path / "missing.jpg") is Reason.UNREADABLE
    assert refused(tmp_path) is Reason.UNREADABLE


def test_postscript_is_never_run(tmp_path: Path) -> None:
    path = tmp_path / "photo.jpg"
    path.write_bytes(
        b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 10 10\n%%EndComments\nshowpage\n"
    )
    assert refused(path) is Reason.UNREADABLE


@pytest.mark.parametrize("suffix", ["jpg", "png", "webp", "avif", "tif", "bmp", "gif"])
def test_truncated(tmp_path: Path, suffix: str) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (200, 200, 3), dtype=np.uint8)
    whole = tmp_path / f"whole.{suffix}"
    Image.fromarray(noise).save(whole)
    data = whole.read_bytes()
    for part in (0.1, 0.5, 0.9):
        path = tmp_path / f"cut.{suffix}"
        path.write_bytes(data[: int(len(data) * part)])
        assert refused(path) is Reason.UNREADABLE


def test_flipped_bytes_never_crash(tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    for suffix in ("jpg", "png", "tif", "gif", "webp", "bmp"):
        path = tmp_path / f"photo.{suffix}"
        Image.fromarray(quarters()).save(path)
        data = np.frombuffer(path.read_bytes(), np.uint8)
        for _ in range(20):
            broken = data.copy()
            broken[rng.integers(0, len(broken), 8)] = rng.integers(0, 256, 8)
            path.write_bytes(broken.tobytes())
            try:
                came = open_photo(path, max_pixels=1_000_000)
            except UnusablePhoto:
                continue
            assert came.dtype == np.uint8
            assert came.shape[2] == 3


def bomb(width: int, height: int) -> bytes:
    """A PNG whose header promises a huge picture and whose pixels are not there."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        return (
            struct.pack(">I", len(content))
            + kind
            + content
            + struct.pack(">I", zlib.crc32(kind + content))
        )

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + chunk(b"IDAT", zlib.compress(b"\0" * 64))
        + chunk(b"IEND", b"")
    )


@pytest.mark.parametrize("side", [10_001, 12_000, 20_000, 2**31 - 1])
def test_too_many_pixels(tmp_path: Path, side: int) -> None:
    (tmp_path / "bomb.png").write_bytes(bomb(side, side))
    assert refused(tmp_path / "bomb.png") is Reason.TOO_MANY_PIXELS


def test_own_limit_on_pixels(tmp_path: Path) -> None:
    Image.fromarray(quarters()).save(tmp_path / "photo.png")
    assert refused(tmp_path / "photo.png", max_pixels=48 * 64 - 1) is Reason.TOO_MANY_PIXELS
    assert open_photo(tmp_path / "photo.png", max_pixels=48 * 64).shape == (48, 64, 3)


def test_no_permission(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "photo.png"
    Image.fromarray(quarters()).save(path)
    if os.geteuid() == 0:  # root may read everything, so the refusal is acted

        def deny(*_: object, **__: object) -> None:
            raise PermissionError(13, "Permission denied", str(path))

        monkeypatch.setattr(Path, "open", deny)
    else:
        path.chmod(0)
    assert refused(path) is Reason.PERMISSION


def test_a_pipe_is_refused_and_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.jpg")
    assert refused(tmp_path / "pipe.jpg") is Reason.UNREADABLE


def test_tiny(tmp_path: Path) -> None:
    Image.new("RGB", (1, 1), "red").save(tmp_path / "dot.png")
    assert open_photo(tmp_path / "dot.png").tolist() == [[[255, 0, 0]]]


def test_broken_exif_is_ignored(tmp_path: Path) -> None:
    path = tmp_path / "photo.jpg"
    Image.fromarray(quarters()).save(
        path, exif=b"Exif\0\0MM\0*\0\0\0\x08\xff\xff\x01\x12", quality=95
    )
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert_like(open_photo(path), quarters(), 24)


@pytest.mark.parametrize(
    ("size", "factor"),
    [((64, 48), 1), ((256, 96), 2), ((96, 512), 4), ((1024, 512), 8), ((2048, 512), 8)],
)
@pytest.mark.parametrize("mode", ["RGB", "L"])
def test_reduced_while_decoded(
    tmp_path: Path, size: tuple[int, int], factor: int, mode: str
) -> None:
    y, x = np.mgrid[: size[1], : size[0]]
    smooth = np.stack([x * 255 / size[0], y * 255 / size[1], 90 + 0 * x], axis=-1)
    path = tmp_path / "photo.jpg"
    Image.fromarray(smooth.astype(np.uint8)).convert(mode).save(path, quality=95)
    reduced = open_reduced(path, least=128)
    assert reduced.factor == factor
    full = Image.fromarray(open_photo(path)).reduce(factor)
    assert reduced.image_u8.shape == np.asarray(full).shape
    assert np.abs(reduced.image_u8.astype(int) - np.asarray(full)).max() <= 4


def test_reduced_and_turned(tmp_path: Path) -> None:
    path, exif = tmp_path / "photo.jpg", Image.Exif()
    exif[0x0112] = 6
    Image.fromarray(quarters()).resize((640, 480), 0).save(path, exif=exif)
    reduced = open_reduced(path, least=320)
    full = Image.fromarray(open_photo(path)).reduce(2)
    assert reduced.factor == 2
    assert reduced.image_u8.shape == (320, 240, 3)
    assert np.abs(reduced.image_u8.astype(int) - np.asarray(full)).mean() < 2


@pytest.mark.parametrize("name", ["odd.jpg", "ink.jpg", "photo.png"])
def test_not_reduced(tmp_path: Path, name: str) -> None:
    """Sides that the factor does not divide, inks, other formats: as they are."""
    image = Image.fromarray(quarters()).resize((641, 480) if name == "odd.jpg" else (640, 480))
    image.convert("CMYK" if name == "ink.jpg" else "RGB").save(tmp_path / name)
    reduced = open_reduced(tmp_path / name, least=32)
    assert reduced.factor == 1
    np.testing.assert_array_equal(reduced.image_u8, open_photo(tmp_path / name))


def test_reduced_refuses_the_same(tmp_path: Path) -> None:
    path = tmp_path / "photo.jpg"
    Image.fromarray(quarters()).resize((640, 480)).save(path)
    with pytest.raises(UnusablePhoto) as refused:
        open_reduced(path, least=64, max_pixels=640 * 480 - 1)
    assert refused.value.reason == Reason.TOO_MANY_PIXELS
    path.write_bytes(path.read_bytes()[:2000])
    for opened in (open_photo, lambda p: open_reduced(p, least=64)):
        with pytest.raises(UnusablePhoto) as refused:
            opened(path)
        assert refused.value.reason == Reason.UNREADABLE
