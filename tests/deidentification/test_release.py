"""RELEASE appears complete or not at all, and what killed runs leave is told from what others own."""

from __future__ import annotations

import errno
import fcntl
import os
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from kssgan.deidentification import release as module
from kssgan.deidentification.release import (
    EPOCH,
    FILES,
    PartialRelease,
    random_name,
    sweep,
)
from kssgan.errors import OutputExists

MAP = b"original,subject,released,reason\n"


def _fill(partial: PartialRelease) -> None:
    partial.write(random_name(), b"pixels")
    for name in FILES:
        partial.write(name, b"text")


def _publish(out: Path, table: Path | None = None) -> None:
    with PartialRelease(out) as partial:
        _fill(partial)
        partial.seal()
        if table is not None:
            partial.write_private(table, [MAP[:5], MAP[5:]])
        partial.publish()


def _killed(out: Path, table: Path, *, at: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave what a run leaves that is killed just before ``at``."""

    def kill(self: object, *args: object) -> Iterator[None]:
        raise SystemExit

    with monkeypatch.context() as patched:
        patched.setattr(PartialRelease, "_discard", lambda self: os.close(self._handle))
        if at == "rename":
            real = Path.rename
            patched.setattr(
                Path, "rename", lambda self, to: kill(self) if to == out else real(self, to)
            )
        elif at == "reveal":
            patched.setattr(module._Private, "reveal", kill)
        else:
            patched.setattr(PartialRelease, "publish", kill)
        with pytest.raises(SystemExit):
            _publish(out, table)


def test_complete_and_private_before(tmp_path: Path) -> None:
    out, table = tmp_path / "r", tmp_path / "m.csv"
    with PartialRelease(out) as partial:
        _fill(partial)
        assert stat.S_IMODE(partial.folder.stat().st_mode) == 0o700
        partial.seal()
        partial.write_private(table, [MAP])
        assert not out.exists()
        assert not table.exists()
        partial.publish()
    assert {p.name for p in tmp_path.iterdir()} == {"r", "m.csv"}
    assert table.read_bytes() == MAP
    assert stat.S_IMODE(table.stat().st_mode) == 0o600
    assert {int(p.stat().st_mtime) for p in (out, *out.rglob("*"))} == {EPOCH}


@pytest.mark.parametrize("error", [KeyboardInterrupt, OSError, SystemExit])
def test_nothing_is_left_of_a_failed_run(tmp_path: Path, error: type[BaseException]) -> None:
    def fail() -> None:
        with PartialRelease(tmp_path / "r") as partial:
            _fill(partial)
            partial.write_private(tmp_path / "m.csv", [MAP])
            raise error

    with pytest.raises(error):
        fail()
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("at", ["hidden name", "reveal 1", "reveal 2", "flush", "out"])
def test_an_interrupt_at_every_step_of_publishing(
    tmp_path: Path, at: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    out, table, page = tmp_path / "r", tmp_path / "m.csv", tmp_path / "m.report.html"
    real_rename, real_link = Path.rename, os.link
    links: list[object] = []

    def rename(self: Path, to: Path) -> Path:
        if at == ("out" if to == out else "hidden name"):
            raise KeyboardInterrupt
        return real_rename(self, to)

    def link(one: Path, to: Path) -> None:
        real_link(one, to)
        links.append(to)
        if at == f"reveal {len(links)}":
            raise KeyboardInterrupt

    def flush(folder: Path) -> None:
        if at == "flush":
            raise KeyboardInterrupt

    monkeypatch.setattr(Path, "rename", rename)
    monkeypatch.setattr(os, "link", link)
    monkeypatch.setattr(module, "_flush_folder", flush)

    def publish() -> None:
        with PartialRelease(out) as partial:
            _fill(partial)
            partial.seal()
            partial.write_private(table, [MAP])
            partial.write_private(page, [b"page"])
            partial.publish()

    with pytest.raises(KeyboardInterrupt):
        publish()
    assert not list(tmp_path.iterdir())


def test_an_interrupt_after_the_last_step_keeps_release_and_map(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out, table = tmp_path / "r", tmp_path / "m.csv"
    real = Path.rename

    def late(self: Path, to: Path) -> None:
        real(self, to)
        if to == out:
            raise KeyboardInterrupt

    monkeypatch.setattr(Path, "rename", late)
    with pytest.raises(KeyboardInterrupt):
        _publish(out, table)
    assert {p.name for p in tmp_path.iterdir()} == {"r", "m.csv"}


@pytest.mark.parametrize("taken", ["r", "m.csv", "file"])
def test_a_name_taken_meanwhile_is_not_overwritten(tmp_path: Path, taken: str) -> None:
    out, table = tmp_path / "r", tmp_path / "m.csv"

    def publish() -> None:
        with PartialRelease(out) as partial:
            _fill(partial)
            partial.seal()
            partial.write_private(table, [MAP])
            if taken == "r":
                out.mkdir()
            else:
                (table if taken == "m.csv" else out).write_text("somebody's")
            partial.publish()

    with pytest.raises(OutputExists):
        publish()
    (kept,) = tmp_path.iterdir()
    assert kept.is_dir() or kept.read_text() == "somebody's"


def test_disks_without_hard_links(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr(os, "link", refuse)
    _publish(tmp_path / "r", tmp_path / "m.csv")
    assert {p.name for p in tmp_path.iterdir()} == {"r", "m.csv"}


@pytest.mark.parametrize("at", ["publish", "reveal", "rename"])
def test_what_a_killed_run_left_is_removed_by_the_next(
    tmp_path: Path, at: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    out, table = tmp_path / "r", tmp_path / "m.csv"
    _killed(out, table, at=at, monkeypatch=monkeypatch)
    assert not out.exists()
    assert table.exists() == (at == "rename")
    assert len(list(tmp_path.iterdir())) == 2
    assert sweep(out, [table]) == 1
    assert not list(tmp_path.iterdir())


def test_remains_in_a_folder_with_setgid_are_swept_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As in folders that a group shares, where new folders have it as well."""
    out, table = tmp_path / "r", tmp_path / "m.csv"
    _killed(out, table, at="publish", monkeypatch=monkeypatch)
    (left,) = [path for path in tmp_path.iterdir() if path.is_dir()]
    left.chmod(0o2700)
    if not left.stat().st_mode & stat.S_ISGID:
        pytest.skip("this file system knows no setgid")
    assert sweep(out, [table]) == 1
    assert not list(tmp_path.iterdir())


def test_a_map_is_kept_unless_a_dead_run_proves_it_an_orphan(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out, table = tmp_path / "r", tmp_path / "m.csv"
    # Of a release that appeared and was moved away.
    _publish(out, table)
    out.rename(tmp_path / "handed over")
    assert sweep(out, [table]) == 0
    assert table.read_bytes() == MAP
    # Another map than the dead run's.
    table.unlink()
    _killed(out, table, at="rename", monkeypatch=monkeypatch)
    table.write_text("another")
    assert sweep(out, [table]) == 1
    assert table.read_text() == "another"


def test_a_release_that_is_there_stops_the_sweep(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out, table = tmp_path / "r", tmp_path / "m.csv"
    _killed(out, table, at="rename", monkeypatch=monkeypatch)
    out.mkdir()
    assert sweep(out, [table]) == 0
    assert table.exists()


def test_what_is_not_provably_ours_stays(tmp_path: Path) -> None:
    out = tmp_path / "r"
    name = ".r.partial-" + "0" * 16

    def folder(name: str, mode: int = 0o700) -> Path:
        path = tmp_path / name
        path.mkdir(mode=mode)
        path.chmod(mode)
        return path

    (folder(name) / "thesis.doc").write_text("mine")
    folder(".r.partial-short")
    folder(".other.partial-" + "0" * 16)
    folder(".r.partial-" + "1" * 16, 0o770)
    (tmp_path / (".r.partial-" + "2" * 16)).symlink_to(folder("elsewhere"))
    (tmp_path / (".r.partial-" + "3" * 16)).write_text("a file")
    before = sorted(tmp_path.rglob("*"))
    assert sweep(out, []) == 0
    assert sorted(tmp_path.rglob("*")) == before


def test_a_living_run_is_left_alone(tmp_path: Path) -> None:
    with PartialRelease(tmp_path / "r") as partial:
        _fill(partial)
        assert sweep(tmp_path / "r", []) == 0
        partial.seal()
        partial.publish()
    assert (tmp_path / "r").is_dir()


def test_a_disk_that_cannot_lock_is_left_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / (".r.partial-" + "0" * 16)).mkdir(mode=0o700)

    def refuse(*_: object) -> None:
        raise OSError(errno.EBADF, "Bad file descriptor")

    monkeypatch.setattr(fcntl, "flock", refuse)
    assert sweep(tmp_path / "r", []) == 0
    assert list(tmp_path.iterdir())
    _publish(tmp_path / "r")


def test_names_come_from_the_operating_system() -> None:
    names = {random_name() for _ in range(1000)}
    assert len(names) == 1000
    assert all(len(name) == len("images/") + 32 + len(".png") for name in names)
