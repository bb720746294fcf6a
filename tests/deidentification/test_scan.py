"""Every file in PHOTOS is a photo or ignored, once, in an order that follows from names alone."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from kssgan.deidentification.scan import scan
from kssgan.errors import UsageError

SUFFIXES = {".png", ".jpg"}


def _touch(root: Path, *names: str) -> None:
    for name in names:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()


def test_photos_and_ignored(tmp_path: Path) -> None:
    _touch(
        tmp_path, "b.png", "a/c.JPG", "a/notes.pdf", ".DS_Store", ".git/x.png", "a/.h.png", "x"
    )
    found = scan(tmp_path, SUFFIXES)
    assert found.photos == ("a/c.JPG", "b.png")
    assert found.ignored == 5
    assert found.found == 7


def test_odd_names_and_same_name_in_two_folders(tmp_path: Path) -> None:
    names = ["ann, b/1.png", 'q"uote/1.png', "new\nline.png", "çé 漢.png", "carriage\r.png"]
    _touch(tmp_path, *names)
    raw = os.fsencode(tmp_path) + b"/bad\xff.png"
    Path(os.fsdecode(raw)).touch()
    found = scan(tmp_path, SUFFIXES)
    assert set(found.photos) == {*names, os.fsdecode(b"bad\xff.png")}
    assert list(found.photos) == sorted(found.photos, key=os.fsencode)


def test_links_to_folders_are_followed_once_and_never_round(tmp_path: Path) -> None:
    root, other = tmp_path / "photos", tmp_path / "other"
    _touch(root, "real/1.png")
    _touch(other, "2.png")
    (root / "a_loop").symlink_to(root)
    (root / "a_up").symlink_to(tmp_path)
    (root / "a_same").symlink_to(root / "real")
    (root / "z_other").symlink_to(other)
    (root / "z_other_again").symlink_to(other)
    (other / "back").symlink_to(root)
    assert scan(root, SUFFIXES).photos == ("real/1.png", "z_other/2.png")


def test_links_to_files_dangling_links_and_pipes_are_listed(tmp_path: Path) -> None:
    _touch(tmp_path, "1.png")
    (tmp_path / "2.png").symlink_to(tmp_path / "1.png")
    (tmp_path / "3.png").symlink_to(tmp_path / "nothing")
    (tmp_path / "4.txt").symlink_to(tmp_path / "nothing")
    os.mkfifo(tmp_path / "5.png")
    found = scan(tmp_path, SUFFIXES)
    assert found.photos == ("1.png", "2.png", "3.png", "5.png")
    assert found.ignored == 1


def test_a_folder_that_cannot_be_listed_is_no_empty_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _touch(tmp_path, "1.png", "secret name/2.png")
    real = os.scandir

    def closed(path: str) -> object:
        if path.endswith("secret name"):
            raise PermissionError(13, "Permission denied", path)
        return real(path)

    monkeypatch.setattr(os, "scandir", closed)
    with pytest.raises(UsageError, match="1 folder") as caught:
        scan(tmp_path, SUFFIXES)
    assert "secret name" not in str(caught.value)
