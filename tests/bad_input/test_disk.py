"""A disk that refuses at any step: an error in words, and RELEASE complete or absent."""

from __future__ import annotations

import errno
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ._helpers import SURNAMES, assert_private, snapshot

STEPS = ("open", "write", "mkdir", "fchmod", "utime", "fsync", "link", "rename", "chmod")


class Disk:
    """Counts the calls of one system function; from the ``fails``-th on they all fail."""

    def __init__(self, patch: pytest.MonkeyPatch, step: str, folder: Path, fails: int) -> None:
        self.calls = 0
        real = getattr(os, step)

        def call(*args: Any, **rest: Any) -> Any:
            # Only what this run writes: the interpreter opens files of its own.
            named = isinstance(args[0], str | os.PathLike)
            if named and not os.fspath(args[0]).startswith(str(folder)):
                return real(*args, **rest)
            self.calls += 1
            if self.calls > fails:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), f"/{SURNAMES[0]}.png")
            return real(*args, **rest)

        patch.setattr(os, step, call)


@pytest.mark.parametrize("step", STEPS)
def test_full_at_any_step(
    kssgan: Callable[..., Any], photos: Path, tmp_path: Path, step: str
) -> None:
    def run(name: str, fails: int) -> tuple[Any, int]:
        with pytest.MonkeyPatch.context() as patch:
            disk = Disk(patch, step, tmp_path, fails)
            said = kssgan(
                *("deidentify", photos, "--out", tmp_path / name),
                *("--map", tmp_path / f"{name}.csv", "-k", 3, "--subjects", "folder"),
            )
        return said, disk.calls

    said, calls = run("whole", 10**9)
    assert said.status == 0
    assert calls > 0
    there = set(snapshot(tmp_path))
    for number, part in enumerate((0.0, 0.35, 0.7, 0.999)):
        name = f"release{number}"
        said, _ = run(name, int(part * calls))
        assert not any(surname in said.err for surname in SURNAMES)
        left = {n for n in set(snapshot(tmp_path)) - there if not n.startswith("home")}
        if said.status == 0:
            # What is only tidied up may fail: the release is out.
            assert json.loads((tmp_path / name / "certificate.json").read_text())["holds"]
            names = {name, f"{name}.csv", f"{name}.report.html"}
            assert {n for n in left if not n.startswith(f"{name}/")} == names
        else:
            assert said.status == 1
            assert "disk is full" in said.err
            assert "free some space" in said.err
            assert not left
        assert_private(tmp_path / name, photos)
        there |= left
    said, _ = run("again", 10**9)
    assert said.status == 0
    assert_private(tmp_path / "again", photos)


def test_a_full_disk_fails_the_json_too(
    kssgan: Callable[..., Any], photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Disk(monkeypatch, "write", tmp_path, fails=7)
    said = kssgan("deidentify", photos, "--out", tmp_path / "release", "-k", 3, "--json")
    assert said.status == 1
    assert json.loads(said.out)["exit_status"] == 1
    assert not (tmp_path / "release").exists()
