"""People who are painted, the real decoder before them, and a look at whatever a run leaves behind."""

from __future__ import annotations

import csv
import os
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import numpy as np
from PIL import Image

from kssgan.errors import Reason, UnusablePhoto
from kssgan.faces.decode import open_photo
from kssgan.testing.fakes import PaintedAnalyser, paint_photo
from kssgan.types import PhotoFace, Refused

SURNAMES = ("Wintermantel", "Hollunder", "Quastelmann", "Lindqvist", "Petrosyan", "Tyrrell")


class RealDecoder(PaintedAnalyser):
    """The shipped decoder before the painted faces, so that damaged files meet what they will meet."""

    def __init__(self) -> None:
        super().__init__("painted behind the real decoder")

    def analyse(self, photos: Iterable[Path]) -> Iterator[PhotoFace | Refused]:
        with tempfile.TemporaryDirectory() as folder:
            for photo in photos:
                try:
                    image = open_photo(photo)
                except UnusablePhoto as error:
                    yield Refused(error.reason)
                    continue
                if min(image.shape[:2]) < 8:
                    yield Refused(Reason.NO_FACE)
                    continue
                Image.fromarray(image).save(upright := Path(folder) / "upright.png")
                yield from super().analyse([upright])


def paint_people(folder: Path) -> Path:
    """Six people with one or two photos each, in a folder each; every time of a photo is its own."""
    for person, surname in enumerate(SURNAMES):
        for shot in range(1 + person % 2):
            path = folder / surname / f"Bildnis {surname} {shot}.png"
            paint_photo(path, person, shot)
            os.utime(path, (1_400_000_000 + person, 1_400_000_000 + 1000 * person + shot))
    return folder


@dataclass
class Said:
    """What a command did: exit status and everything it printed."""

    status: int
    out: str
    err: str


def look(path: Path) -> np.ndarray | None:
    try:
        with Image.open(path) as image:
            return np.asarray(image.convert("RGB").resize((256, 256), 0), float)
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError):
        return None


def assert_private(release: Path, photos: Path, *, words: Sequence[str] = SURNAMES) -> None:
    """No original's bytes, pixels, name or time is in the release; it may also be absent.

    Args:
        release: may be there or not.
        photos: folder of the originals.
        words: of input names; those of every photo are looked for as well.
    """
    if not os.path.lexists(release):
        return
    files = [p for p in release.rglob("*") if not p.is_dir()]
    assert {p.name for p in release.iterdir()} == {
        "images",
        "manifest.csv",
        "certificate.json",
        "report.html",
    }
    assert all(p.is_file() and not p.is_symlink() for p in files)
    assert {p.stat().st_mtime_ns for p in (release, *release.rglob("*"))} == {315532800 * 10**9}
    originals = [p for p in photos.rglob("*") if p.is_file() and p.stat().st_size < 2**24]
    data = {p: p.read_bytes() for p in files}
    private = {p.read_bytes() for p in originals} - {b""}
    assert not private & set(data.values())
    names = {*words, *(stem for p in originals if len(stem := PurePosixPath(p).stem) > 5)}
    for content in set(data.values()):
        text = content.decode("utf-8", "surrogateescape")
        assert not [name for name in names if name in text]
    pictures = {content: p for p, content in data.items() if p.suffix == ".png"}
    shown = [picture for p in pictures.values() if (picture := look(p)) is not None]
    assert shown
    for path in originals:
        original = look(path)
        if original is not None:
            assert all(np.abs(original - picture).mean() > 2 for picture in shown)


def read_map(path: Path) -> dict[str, dict[str, str]]:
    """Rows of a private map by photo."""
    with path.open(newline="", encoding="utf-8", errors="surrogateescape") as file:
        return {row["original"]: row for row in csv.DictReader(file)}


def snapshot(folder: Path) -> dict[str, tuple[int, int]]:
    """Every entry below a folder with its time and size: a run must change none of them."""
    entries = sorted(folder.rglob("*"))
    return {
        os.fspath(p.relative_to(folder)): (p.lstat().st_mtime_ns, p.lstat().st_size)
        for p in entries
    }
