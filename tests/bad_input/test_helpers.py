"""The look at what is left behind sees what it must see."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from ._helpers import SURNAMES, assert_private

EPOCH = 315532800


def _bytes(photo: Path, picture: Path) -> None:
    shutil.copy(photo, picture)


def _pixels(photo: Path, picture: Path) -> None:
    with Image.open(photo) as image:
        image.resize((256, 256), 0).save(picture)


def _name(photo: Path, picture: Path) -> None:
    page = picture.parents[1] / "report.html"
    page.write_text(page.read_text() + SURNAMES[2])


def _file(photo: Path, picture: Path) -> None:
    (picture.parents[1] / "notes.txt").write_text("nothing")


def _time(photo: Path, picture: Path) -> None:
    shutil.copystat(photo, picture)


@pytest.mark.parametrize("leak", [_bytes, _pixels, _name, _file, _time])
def test_a_leak_is_seen(
    kssgan: Callable[..., Any], photos: Path, tmp_path: Path, leak: Callable[[Path, Path], None]
) -> None:
    out = tmp_path / "release"
    assert kssgan("deidentify", photos, "--out", out, "-k", 3).status == 0
    assert_private(out, photos)
    leak(next(photos.rglob("*.png")), next(out.rglob("*.png")))
    if leak is not _time:
        for path in (*out.rglob("*"), out):
            os.utime(path, (EPOCH, EPOCH))
    with pytest.raises(AssertionError):
        assert_private(out, photos)
