"""Nothing private outlives a run, nor the next one after a kill."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from kssgan.evaluation.private import private_folder


def test_it_goes_with_the_run_even_after_an_error(tmp_path: Path) -> None:
    def fail() -> None:
        with private_folder(tmp_path) as folder:
            (folder / "crops.npy").write_bytes(b"faces")
            assert stat.S_IMODE(folder.stat().st_mode) == 0o700
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    assert not list(tmp_path.iterdir())


def test_what_a_killed_run_left_goes_and_what_another_holds_stays(tmp_path: Path) -> None:
    (tmp_path / "evaluate-killed").mkdir()
    (tmp_path / "evaluate-killed" / "crops.npy").write_bytes(b"faces")
    (tmp_path / "entry").write_bytes(b"the cache's own")
    with private_folder(tmp_path) as one:
        assert not (tmp_path / "evaluate-killed").exists()
        with private_folder(tmp_path):
            assert one.exists()
    assert [p.name for p in tmp_path.iterdir()] == ["entry"]
