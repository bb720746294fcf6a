"""A file is there whole or not at all, and a disk that refuses is told without a path."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path

import pytest

from kssgan.errors import StorageError
from kssgan.files import in_one_step, reveal, storage, write_whole


@pytest.mark.parametrize("rivals", [False, True])
def test_a_file_that_fails_half_way_leaves_what_was_there(tmp_path: Path, rivals: bool) -> None:
    path = tmp_path / "table.csv"
    write_whole(path, "before", rivals=rivals)

    def fail() -> None:
        with in_one_step(path, rivals=rivals) as part:
            part.write_text("half")
            assert path.read_text() == "before"
            raise OSError(errno.ENOSPC, "full")

    with pytest.raises(OSError, match="full"):
        fail()
    assert path.read_text() == "before"
    assert list(tmp_path.iterdir()) == [path]


def test_a_text_is_utf_8_and_the_mode_is_the_one_asked_for(tmp_path: Path) -> None:
    path = tmp_path / "words"
    write_whole(path, "k \u2265 2\n", mode=0o600, flush=True)
    assert path.read_bytes() == "k \u2265 2\n".encode()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


@pytest.mark.parametrize("linked", [True, False])
def test_a_name_that_is_taken_is_not_overwritten(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, linked: bool
) -> None:
    def refuse(*_: object) -> None:
        raise OSError(errno.EPERM, "no hard links here")

    if not linked:
        monkeypatch.setattr(os, "link", refuse)
    hidden, path = tmp_path / ".hidden", tmp_path / "name"
    hidden.write_text("mine")
    path.write_text("theirs")
    with pytest.raises(FileExistsError):
        reveal(hidden, path)
    assert (hidden.read_text(), path.read_text()) == ("mine", "theirs")
    path.unlink()
    reveal(hidden, path)
    assert list(tmp_path.iterdir()) == [path]
    assert path.read_text() == "mine"


def test_storage_errors_quote_no_path(tmp_path: Path) -> None:
    def fail(number: int) -> None:
        with storage("the release could not be written"):
            raise OSError(number, os.strerror(number), "/data/Ann Miller.jpg")

    with pytest.raises(StorageError, match="disk is full; free some space") as caught:
        fail(errno.ENOSPC)
    assert "Ann" not in str(caught.value)
    assert caught.value.errno == errno.ENOSPC
    with pytest.raises(StorageError, match="Permission denied"):
        fail(errno.EACCES)
