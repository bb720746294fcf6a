"""Bad input: a plain message, the right exit status, and nothing left behind."""

from __future__ import annotations

import errno
import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from kssgan.deidentification import Release
from kssgan.errors import (
    BadOutput,
    BadTable,
    KssganError,
    OutputExists,
    PromiseError,
    StorageError,
    TooFewPeople,
    UsageError,
    WeightsError,
)
from kssgan.faces.thresholds import LOOK_ALIKE
from kssgan.testing.fakes import PaintedAnalyser, PaintedLabels, paint_photo

Run = Callable[..., Release]
Left = Callable[[], set[str]]


def _fails(run: Run, error: type[KssganError], said: str, **changes: object) -> KssganError:
    with pytest.raises(error, match=said) as caught:
        run(**changes)
    for secret in ("Name", "Family", "portrait"):
        assert secret not in str(caught.value)
    return caught.value


class Blind(PaintedAnalyser):
    """Fails the test if any photo is looked at."""

    def analyse(self, photos):  # type: ignore[no-untyped-def]
        raise AssertionError("work was done before the arguments were checked")


@pytest.mark.parametrize("k", [1, 0, -3, True, 2.5, "5"])
def test_k_is_a_whole_number_from_two(run: Run, left: Left, k: object) -> None:
    assert _fails(run, UsageError, "at least 2", k=k, analyser=Blind()).exit_status == 2
    assert not left()


def test_k_of_two_must_be_allowed(run: Run, left: Left) -> None:
    error = _fails(run, UsageError, "morph.*--allow-small-k", k=2, analyser=Blind())
    assert error.exit_status == 2
    assert not left()
    assert run(k=2, allow_small_k=True).certificate["k_measured"] == 2


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"seed": -1}, "seed"),
        ({"seed": 1.5}, "seed"),
        ({"grouping": "k-means"}, "grouping"),
        ({"within": "gender"}, "within"),
        ({"within": ("expression",)}, "within"),
        ({"set_labels": {"expression": "happy"}}, "expression"),
        ({"set_labels": "expression"}, "set_labels"),
        ({"set_labels": {"expression": None}}, "set_labels"),
        ({"subjects": None}, "subjects=None came; a path"),
        ({"subjects": 3}, "subjects=3 came; a path"),
        ({"ledger": 3}, "ledger=3 came; a path"),
        ({"within": 3}, "within=3 came; a sequence"),
        ({"auto_labels": None}, "auto_labels=None came; a sequence"),
    ],
)
def test_other_arguments(run: Run, left: Left, changes: dict[str, object], said: str) -> None:
    _fails(run, UsageError, said, analyser=Blind(), **changes)
    assert not left()


def test_photos_that_are_no_folder(run: Run, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for wrong in ("nowhere", "file"):
        _fails(run, UsageError, "PHOTOS is not a folder", photos=tmp_path / wrong)


@pytest.mark.parametrize("content", [[], ["notes.pdf", ".hidden.png", "._1.jpg"]])
def test_no_photos(run: Run, left: Left, tmp_path: Path, content: list[str]) -> None:
    folder = tmp_path / "photos" / "empty"
    folder.mkdir()
    for name in content:
        (folder / name).touch()
    error = _fails(run, TooFewPeople, f"0 photos .{len(content)} other", photos=folder)
    assert error.exit_status == 4
    assert not left()


def test_fewer_people_than_k(run: Run, left: Left, photos: Path) -> None:
    paint_photo(photos / "Name9" / "1.png", kind="no_face")
    for subjects in ("folder", "auto"):
        error = _fails(run, TooFewPeople, "1 refused: 1 no face found", k=10, subjects=subjects)
        assert (error.have, error.need, error.exit_status) == (9, 10, 4)  # type: ignore[attr-defined]
    assert not left()


def test_no_usable_photo_at_all(run: Run, left: Left, tmp_path: Path) -> None:
    folder = tmp_path / "photos" / "flat"
    for i in range(5):
        paint_photo(folder / f"{i}" / "1.png", kind="no_face")
    for subjects in ("folder", "auto", "file"):
        error = _fails(run, TooFewPeople, "5 no face found", photos=folder, subjects=subjects)
        assert error.have == 0  # type: ignore[attr-defined]
    assert not left()


@pytest.mark.parametrize("how", ["folder", "auto"])
def test_look_alikes_do_not_fill_a_group(
    run: Run, left: Left, tmp_path: Path, how: str
) -> None:
    folder = tmp_path / "photos" / "alike"
    for person in range(4):
        paint_photo(folder / f"{person}" / "1.png", person)
    paint_photo(folder / "shadow" / "1.png", 99, like=0, away=0.75 * LOOK_ALIKE)
    assert (
        _fails(run, TooFewPeople, "told apart", photos=folder, k=5, subjects=how).exit_status
        == 4
    )
    assert not left()


@pytest.mark.parametrize("name", ["release", "map.csv", "map.report.html"])
@pytest.mark.parametrize("kind", ["file", "folder", "dangling link"])
def test_nothing_is_overwritten(
    run: Run, left: Left, tmp_path: Path, name: str, kind: str
) -> None:
    path = tmp_path / name
    {
        "file": lambda: path.write_text("mine"),
        "folder": path.mkdir,
        "dangling link": lambda: path.symlink_to("nowhere"),
    }[kind]()
    error = _fails(run, OutputExists, "already there", analyser=Blind())
    assert error.exit_status == 2
    assert left() == {name}


def test_the_list_of_refused_is_not_overwritten(run: Run, tmp_path: Path) -> None:
    (tmp_path / "release.refused.csv").write_text("mine")
    _fails(run, OutputExists, "refused", map_path=None, analyser=Blind())


def test_outputs_that_would_lie_in_each_other(run: Run, photos: Path, tmp_path: Path) -> None:
    link = tmp_path / "link"
    link.symlink_to(photos)
    wrong = [
        ({"out": photos / "release"}, "inside PHOTOS"),
        ({"out": photos / "Name0 Family" / "release"}, "inside PHOTOS"),
        ({"out": link / "release"}, "inside PHOTOS"),
        ({"photos": link, "out": photos / "release"}, "inside PHOTOS"),
        ({"out": tmp_path / "nowhere" / "release"}, "does not exist"),
        ({"map_path": tmp_path / "nowhere" / "map.csv"}, "does not exist"),
        ({"map_path": tmp_path / "release"}, "inside RELEASE"),
        ({"cache": tmp_path / "release"}, "inside RELEASE"),
        ({"cache": tmp_path / "release" / "cache"}, "inside RELEASE"),
        ({"cache": tmp_path / "c", "out": tmp_path / "release" / ".."}, "no name"),
        ({"cache": photos / "Name0 Family" / "portrait 0.png"}, "is a file"),
        ({"out": tmp_path / ("r" * 250)}, "too long"),
    ]
    for changes, said in wrong:
        error = _fails(run, BadOutput, said, analyser=Blind(), **changes)
        assert error.exit_status == 2
    home = tmp_path / "kept"
    home.mkdir()
    _fails(run, BadOutput, "inside the cache", cache=home, out=home / "release")
    _fails(run, BadOutput, "inside the cache", cache=home, map_path=home / "map.csv")


def test_release_inside_photos_by_way_of_a_link(
    run: Run, photos: Path, tmp_path: Path, left: Left
) -> None:
    (tmp_path / "out").mkdir()
    (photos / "more").symlink_to(tmp_path / "out")
    _fails(run, BadOutput, "symbolic link", out=tmp_path / "out" / "release", analyser=Blind())
    assert left() == {"out"}


def test_a_folder_that_cannot_be_written(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = os.access
    monkeypatch.setattr(os, "access", lambda p, mode: real(p, mode) and not mode & os.W_OK)
    _fails(run, BadOutput, "cannot be written", analyser=Blind())


def test_tables_are_read_before_any_photo(run: Run, left: Left, tmp_path: Path) -> None:
    table = tmp_path / "photos" / "table.csv"
    for text in ("", "file\n", "who,what\n1,2\n", "file,subject\nelsewhere.png,1\n"):
        table.write_text(text)
        _fails(run, BadTable, "table", subjects=str(table), analyser=Blind())
        _fails(run, BadTable, "table", labels=table, analyser=Blind())
    assert not left()


def test_a_photo_that_changes_while_it_is_looked_at_stops_the_run(
    run: Run, left: Left, photos: Path
) -> None:
    """Else the cache would hold somebody else's face for its digest."""

    class Meddling(PaintedAnalyser):
        def _one(self, path: Path) -> Any:
            other = min(photos.rglob("*.png"))
            if path == other:
                paint_photo(path, 99)
            return super()._one(path)

    _fails(run, KssganError, "changed or vanished", analyser=Meddling())
    assert not left()


def test_a_photo_that_changes_meanwhile_stops_the_run(
    run: Run, left: Left, photos: Path
) -> None:
    class Meddling(PaintedLabels):
        def surrogate(self, members):  # type: ignore[no-untyped-def]
            for path in (photos.parent / "home").rglob("*"):
                if path.is_file():
                    path.unlink()
            for path in photos.rglob("*.png"):
                path.write_bytes(b"changed")
            return super().surrogate(members)

    _fails(run, KssganError, "changed or vanished", method=Meddling())
    assert not left()


def test_a_surrogate_that_is_a_members_photo_is_never_released(run: Run, left: Left) -> None:
    class Chooser(PaintedLabels):
        def surrogate(self, members):  # type: ignore[no-untyped-def]
            faces = [list(own) for own in members]
            return (faces[0][0].crop / 255).astype("float32")

    assert _fails(run, PromiseError, "own photo", method=Chooser()).exit_status == 4
    assert not left()


def test_a_report_that_names_a_photo_is_never_released(run: Run, left: Left) -> None:
    class Talkative:
        def public(self, certificate: object, pictures: object) -> str:
            return "<p>portrait 0.png</p>"

        def private(self, *_: object) -> None:
            pass

    _fails(run, PromiseError, "report.html names a picture", reports=Talkative())
    assert not left()


def test_damaged_weights_leave_nothing(run: Run, left: Left) -> None:
    class Broken(PaintedAnalyser):
        def analyse(self, photos):  # type: ignore[no-untyped-def]
            raise WeightsError("damaged")

    _fails(run, WeightsError, "damaged", analyser=Broken())
    assert not left()


def _full_after(written: int, monkeypatch: pytest.MonkeyPatch, number: int) -> None:
    real, count = os.write, [0]

    def write(handle: int, data: bytes) -> int:
        count[0] += 1
        if count[0] > written:
            raise OSError(number, os.strerror(number), "/somewhere/Name0 Family.png")
        return real(handle, data)

    monkeypatch.setattr(os, "write", write)


# 9 pictures, manifest, certificate, report, map: 13 writes in all.
@pytest.mark.parametrize("written", [0, 4, 8, 9, 10, 11, 12])
def test_disk_full_at_any_file(
    run: Run, left: Left, written: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    _full_after(written, monkeypatch, errno.ENOSPC if written % 2 else errno.EDQUOT)
    error = _fails(run, StorageError, "could not be written: the disk is full")
    assert error.exit_status == 1
    assert not left()


def test_the_run_after_a_full_disk(
    run: Run, left: Left, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patched:
        _full_after(6, patched, errno.EIO)
        _fails(run, StorageError, "could not be written")
    assert run().certificate["holds"]
    assert left() == {"release", "map.csv"}


def test_disk_full_of_faces(run: Run, left: Left, monkeypatch: pytest.MonkeyPatch) -> None:
    from kssgan.deidentification.cache import Cache

    def full(self: Cache, *_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device", str(self.folder))

    monkeypatch.setattr(Cache, "put", full)
    _fails(run, StorageError, "cache could not be written: the disk is full")
    assert not left()


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A real file system of 256 KiB."""
    disk = tmp_path / "photos" / "disk"
    disk.mkdir(parents=True)
    options = ["-t", "tmpfs", "-o", "size=256k", "tmpfs", str(disk)]
    if os.geteuid() or subprocess.run(["mount", *options], capture_output=True).returncode:
        pytest.skip("a small tmpfs cannot be mounted here")
    yield disk
    subprocess.run(["umount", str(disk)], check=True)


@pytest.mark.parametrize("where", ["out", "cache"])
def test_a_disk_that_really_is_full(run: Run, small_disk: Path, where: str) -> None:
    (small_disk / "filler").write_bytes(bytes(238_000))
    folder = small_disk.parent.parent / "more photos"
    for person in range(9):
        paint_photo(folder / f"{person}" / "1.png", person)
    target = {"out": small_disk / "release"} if where == "out" else {"cache": small_disk / "c"}
    _fails(run, StorageError, "disk is full", photos=folder, **target)
    assert {p.name for p in small_disk.iterdir()} <= {"filler", "c"}
    assert not list(small_disk.rglob("*release*"))


@pytest.mark.parametrize("stage", ["faces", "surrogates", "files"])
@pytest.mark.parametrize("after", [0, 2])
def test_an_interrupt_leaves_nothing_but_the_cache(
    run: Run, left: Left, stage: str, after: int
) -> None:
    class Bar:
        def __init__(self, name: str) -> None:
            self.name = name

        def __enter__(self) -> Callable[[int], None]:
            steps = [0]

            def step(n: int) -> None:
                steps[0] += n
                if self.name == stage and steps[0] > after:
                    raise KeyboardInterrupt

            return step

        def __exit__(self, *_: object) -> None:
            pass

    with pytest.raises(KeyboardInterrupt):
        run(progress=lambda name, *, total=None: Bar(name))
    assert not left()
    # What was seen is not looked at again.
    analyser = PaintedAnalyser()
    assert run(analyser=analyser).certificate["holds"]
    assert analyser.looked_at < 18


def test_outputs_that_would_meet(run: Run, tmp_path: Path) -> None:
    """Told before any work."""
    _fails(
        run,
        BadOutput,
        "name of the private report",
        out=tmp_path / "x.report.html",
        map_path=tmp_path / "x.csv",
        analyser=Blind(),
    )
    (tmp_path / "link.ledger").symlink_to("nowhere.ledger")
    ledger = tmp_path / "link.ledger"
    _fails(run, BadOutput, "a link to a file that is not", ledger=ledger, analyser=Blind())
    assert not (tmp_path / "nowhere.ledger").exists()


def test_no_folder_is_not_the_current_one(
    run: Run, photos: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(photos)
    _fails(run, UsageError, "PHOTOS is not a folder", photos="", analyser=Blind())


@pytest.mark.parametrize("absolute", [False, True])
def test_a_table_that_goes_through_a_link(
    run: Run, photos: Path, tmp_path: Path, absolute: bool
) -> None:
    """PHOTOS is a link, and subjects and labels name its photos by it."""
    home = tmp_path / "study"
    home.mkdir()
    (home / "photos").symlink_to(photos)
    start = f"{home}/photos" if absolute else "photos"
    names = sorted(path.relative_to(photos).as_posix() for path in photos.rglob("*.png"))
    table = home / "people.csv"
    lines = [f"{start}/{name},{name.split('/')[0]},sad" for name in names]
    table.write_text("\n".join(["file,subject,expression", *lines]) + "\n")
    release = run(photos=home / "photos", subjects=table, labels=table, method=PaintedLabels())
    assert release.certificate["photos"]["released"] == len(names)
    assert release.certificate["labels"]["expression"]["user"] == len(names)
