"""Files that are no usable photo: refused with a reason or ignored, counted, and never copied."""

from __future__ import annotations

import json
import os
import socket
import struct
import zlib
from collections.abc import Callable, Iterator
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from io import BytesIO, StringIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from kssgan.cli import main
from kssgan.deidentification import pipeline
from kssgan.surrogate import MeanSurrogate
from kssgan.testing.fakes import paint_photo, painted_pattern

from ._helpers import RealDecoder, assert_private, paint_people, read_map, snapshot

UNREADABLE, TOO_LARGE, NO_FACE = (
    "unreadable file",
    "too many pixels to decode safely",
    "no face found",
)


def _jpeg(person: int = 0, shot: int = 7) -> bytes:
    image = Image.fromarray(
        np.kron(painted_pattern(person, shot), np.ones((32, 32, 1), np.uint8))
    )
    image.save(file := BytesIO(), "JPEG", quality=90)
    return file.getvalue()


def _png_bomb(width: int, height: int) -> bytes:
    def chunk(kind: bytes, body: bytes) -> bytes:
        return (
            struct.pack(">I", len(body))
            + kind
            + body
            + struct.pack(">I", zlib.crc32(kind + body))
        )

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    rows = zlib.compress(bytes(100_000))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        chunk(*c) for c in ((b"IHDR", header), (b"IDAT", rows), (b"IEND", b""))
    )


def _gif_bomb(width: int, height: int) -> bytes:
    screen = struct.pack("<HHBBB", width, height, 0x80, 0, 0) + bytes(6)
    frame = b"," + struct.pack("<HHHHB", 0, 0, width, height, 0) + b"\x02\x02\x4c\x01\0"
    return b"GIF89a" + screen + frame + b";"


def _small(size: int) -> bytes:
    Image.new("RGB", (size, size), "red").save(file := BytesIO(), "PNG")
    return file.getvalue()


BYTES: dict[str, tuple[bytes, str]] = {
    "truncated.jpg": (_jpeg()[:900], UNREADABLE),
    "truncated in its header.jpg": (_jpeg()[:15], UNREADABLE),
    "truncated.png": (_small(300)[:80], UNREADABLE),
    "zero bytes.jpg": (b"", UNREADABLE),
    "zeros.jpg": (bytes(5000), UNREADABLE),
    "text.jpg": (b"Dear diary", UNREADABLE),
    "page.png": (b"<!doctype html><title>404</title>", UNREADABLE),
    "paper.jpeg": (b"%PDF-1.4\n%\xe2\xe3\xcf\xd3\n", UNREADABLE),
    "script.jpg": (b"%!PS-Adobe-3.0 EPSF-3.0\n(x) run\n", UNREADABLE),
    "drawing.png": (b"<svg xmlns='http://www.w3.org/2000/svg'/>", UNREADABLE),
    "one pixel.png": (_small(1), NO_FACE),
    "bomb.png": (_png_bomb(20_000, 20_000), TOO_LARGE),
    "bomb.gif": (_gif_bomb(20_000, 20_000), TOO_LARGE),
    "bomb.jpg": (_png_bomb(2**31 - 1, 2**31 - 1), TOO_LARGE),
}
IGNORED = (
    ".DS_Store",
    "._Bildnis.jpg",
    ".hidden/secret.png",
    "Befund.pdf",
    "Thumbs.db",
    "photo.jpg.txt",
    "raw.nef",
    "no ending",
)


@dataclass
class Outcome:
    status: int
    folder: Path
    rows: dict[str, dict[str, str]]
    certificate: dict[str, Any]
    unchanged: bool
    printed: str


@pytest.fixture(scope="module")
def outcome(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Outcome]:
    """One run on a folder in which everything that can be wrong with a file is wrong."""
    folder = tmp_path_factory.mktemp("files")
    photos = paint_people(folder / "photos")
    for name, (data, _) in BYTES.items():
        (photos / name).write_bytes(data)
    for name in IGNORED:
        (photos / name).parent.mkdir(exist_ok=True)
        (photos / name).write_bytes(_jpeg(1))
    frames = [
        Image.fromarray(np.kron(painted_pattern(p), np.ones((8, 8, 1), np.uint8)))
        for p in (2, 77)
    ]
    frames[0].save(photos / "moving.gif", save_all=True, append_images=frames[1:], duration=40)
    os.mkfifo(photos / "pipe.jpg")
    (photos / "zero.jpg").symlink_to("/dev/zero")
    (photos / "loop a.jpg").symlink_to("loop b.jpg")
    (photos / "loop b.jpg").symlink_to("loop a.jpg")
    (photos / "nowhere.png").symlink_to("not there.png")
    (photos / "Tyrrell" / "round").symlink_to(photos)
    (photos / "self").symlink_to("self")
    (photos / "folder.jpg").mkdir()
    (photos / "same").mkdir()
    paint_photo(photos / "same" / "Bildnis Lindqvist 0.png", 3, 1)
    (photos / "link to Lindqvist.png").symlink_to(
        photos / "Lindqvist" / "Bildnis Lindqvist 0.png"
    )
    with socket.socket(socket.AF_UNIX) as listener:
        here = Path.cwd()
        os.chdir(photos)  # a socket's path must be short
        listener.bind("socket.png")
        os.chdir(here)
        before = snapshot(photos)
        out, err = StringIO(), StringIO()
        with pytest.MonkeyPatch.context() as patch, redirect_stdout(out), redirect_stderr(err):
            patch.setattr(pipeline, "_standard_analyser", RealDecoder)
            patch.setattr(pipeline, "_method", lambda *asked: MeanSurrogate())
            patch.setenv("XDG_CACHE_HOME", str(folder / "home"))
            options = ["--out", folder / "release", "--map", folder / "map.csv", "-k", 3]
            status = main(["deidentify", *map(str, [photos, *options])])
        yield Outcome(
            status,
            folder,
            read_map(folder / "map.csv"),
            json.loads((folder / "release" / "certificate.json").read_text()),
            snapshot(photos) == before,
            out.getvalue() + err.getvalue(),
        )


@pytest.mark.timeout(120)
def test_the_rest_is_released_with_status_3(outcome: Outcome) -> None:
    assert outcome.status == 3
    assert outcome.unchanged
    assert_private(outcome.folder / "release", outcome.folder / "photos")
    assert outcome.certificate["holds"] is True
    assert outcome.certificate["subjects"] == 6
    for name in (*BYTES, *IGNORED, "Wintermantel"):
        assert name not in outcome.printed


@pytest.mark.parametrize("name", BYTES)
def test_a_file_that_is_no_photo_is_refused_for_its_reason(outcome: Outcome, name: str) -> None:
    row = outcome.rows[name]
    assert (row["reason"], row["released"]) == (BYTES[name][1], "")


@pytest.mark.parametrize(
    "name",
    ["pipe.jpg", "zero.jpg", "loop a.jpg", "loop b.jpg", "nowhere.png", "socket.png", "self"],
)
def test_what_is_no_file_is_refused_without_waiting(outcome: Outcome, name: str) -> None:
    if name == "self":
        assert name not in outcome.rows, "without an image ending it is ignored"
    else:
        assert outcome.rows[name]["reason"] == UNREADABLE


@pytest.mark.parametrize("name", IGNORED)
def test_hidden_files_and_other_endings_are_ignored(outcome: Outcome, name: str) -> None:
    assert name not in outcome.rows


def test_every_file_is_accounted_for(outcome: Outcome) -> None:
    photos = outcome.certificate["photos"]
    entries = [
        p for p in (outcome.folder / "photos").rglob("*") if p.is_symlink() or not p.is_dir()
    ]
    followed = {"round"}  # the only link to a folder
    assert photos["found"] == len([p for p in entries if p.name not in followed])
    assert photos["found"] == photos["ignored"] + photos["refused"] + photos["released"]
    assert photos["ignored"] == len(IGNORED) + 1  # and the link to itself
    assert photos["refused"] == sum(bool(row["reason"]) for row in outcome.rows.values())
    assert len(outcome.rows) == photos["refused"] + photos["released"]


def test_the_first_picture_of_an_animation_counts(outcome: Outcome) -> None:
    moving, person = (
        outcome.rows["moving.gif"],
        outcome.rows["Quastelmann/Bildnis Quastelmann 0.png"],
    )
    assert moving["subject"] == person["subject"]
    assert moving["released"] == person["released"] != ""


def test_same_name_in_two_folders_and_a_link_to_a_photo(outcome: Outcome) -> None:
    names = ("same/Bildnis Lindqvist 0.png", "Lindqvist/Bildnis Lindqvist 0.png")
    linked = outcome.rows["link to Lindqvist.png"]
    assert {outcome.rows[name]["released"] for name in names} == {linked["released"]}
    assert not any(name.startswith("Tyrrell/round/") for name in outcome.rows)


@pytest.mark.timeout(120)
def test_an_audit_of_such_a_folder_ends(outcome: Outcome) -> None:
    import kssgan

    report = kssgan.audit(
        outcome.folder / "release",
        originals=outcome.folder / "photos",
        map_path=outcome.folder / "map.csv",
        analyser=RealDecoder(),
    )
    assert report.holds, report.table()
    assert report.counts["photos_refused"] == outcome.certificate["photos"]["refused"]


@pytest.mark.timeout(300)
@pytest.mark.usefixtures("real_networks")
def test_the_shipped_networks_refuse_the_same_files(tmp_path: Path) -> None:
    from kssgan.faces.analyse import StandardAnalyser
    from kssgan.types import Refused

    wanted = {name: reason for name, (_, reason) in BYTES.items()}
    for name, (data, _) in BYTES.items():
        (tmp_path / name).write_bytes(data)
    os.mkfifo(tmp_path / "pipe.jpg")
    flat = [Image.new("L", (40, 40), grey) for grey in (90, 9)]
    flat[0].save(tmp_path / "moving.gif", save_all=True, append_images=flat[1:])
    wanted |= {"pipe.jpg": UNREADABLE, "moving.gif": NO_FACE}
    results = StandardAnalyser().analyse(tmp_path / name for name in wanted)
    found = [str(r.reason) if isinstance(r, Refused) else "a face" for r in results]
    assert dict(zip(wanted, found, strict=True)) == wanted


def test_a_folder_of_nothing_but_junk(kssgan: Callable[..., Any], tmp_path: Path) -> None:
    folder = tmp_path / "photos"
    folder.mkdir()
    for name, (data, _) in BYTES.items():
        (folder / name).write_bytes(data)
    said = kssgan(
        "deidentify", folder, "--out", tmp_path / "release", "--map", tmp_path / "m.csv"
    )
    assert said.status == 4
    assert "0 people" in said.err
    assert f"{len(BYTES)} refused" in said.err
    assert {p.name for p in tmp_path.iterdir()} <= {"photos", "home"}
