"""Outputs that are there, cannot be written, or would lie where they must not: status 2, nothing done."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ._helpers import SURNAMES, RealDecoder, assert_private, read_map, snapshot


@pytest.fixture
def blind(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fails the test if any photo is looked at."""

    def analyse(*_: object) -> None:
        raise AssertionError("work was done before the outputs were checked")

    monkeypatch.setattr(RealDecoder, "analyse", analyse)


def _file(path: Path) -> None:
    path.write_text("mine")


def _folder(path: Path) -> None:
    path.mkdir()
    (path / "mine.txt").write_text("mine")


def _link(path: Path) -> None:
    path.symlink_to("nowhere")


def _empty(path: Path) -> None:
    path.mkdir()


@pytest.mark.usefixtures("blind")
@pytest.mark.parametrize("make", [_file, _folder, _link, _empty])
@pytest.mark.parametrize("name", ["release", "map.csv", "map.report.html"])
def test_what_is_there_is_never_overwritten(
    kssgan: Callable[..., Any],
    photos: Path,
    tmp_path: Path,
    name: str,
    make: Callable[[Path], None],
) -> None:
    make(tmp_path / name)
    before = snapshot(tmp_path)
    said = kssgan(
        "deidentify", photos, "--out", tmp_path / "release", "--map", tmp_path / "map.csv"
    )
    assert said.status == 2
    assert "already there" in said.err
    assert snapshot(tmp_path) == before


@pytest.mark.usefixtures("blind")
@pytest.mark.parametrize(
    ("out", "table", "cache", "says"),
    [
        ("photos/release", "map.csv", None, "inside PHOTOS"),
        (f"photos/{SURNAMES[0]}/release", "map.csv", None, "inside PHOTOS"),
        ("link/release", "map.csv", None, "inside PHOTOS"),
        ("photos", "map.csv", None, "inside"),
        (".", "map.csv", None, "no name"),
        ("release", "release", None, "RELEASE"),
        ("release", "release/map.csv", None, "does not exist"),
        ("release", "map.csv", "release", "inside RELEASE"),
        ("release", "map.csv", "release/cache", "inside RELEASE"),
        ("nowhere/release", "map.csv", None, "does not exist"),
        ("release", "nowhere/map.csv", None, "does not exist"),
        ("r" * 250, "map.csv", None, "too long"),
    ],
)
def test_places_that_would_leak_or_cannot_be(
    kssgan: Callable[..., Any],
    photos: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    out: str,
    table: str,
    cache: str | None,
    says: str,
) -> None:
    (tmp_path / "link").symlink_to(photos)
    monkeypatch.chdir(tmp_path)
    before = snapshot(tmp_path)
    more = ["--cache", cache] if cache else []
    said = kssgan("deidentify", "photos", "--out", out, "--map", table, *more)
    assert said.status == 2
    assert says in said.err
    assert not any(name in said.err for name in SURNAMES)
    assert snapshot(tmp_path) == before


@pytest.mark.usefixtures("blind")
def test_the_cli_says_when_a_folder_cannot_be_written(
    kssgan: Callable[..., Any], photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Root may write everywhere, so the answer of the system is changed.
    real = os.access
    monkeypatch.setattr(os, "access", lambda p, mode: real(p, mode) and not mode & os.W_OK)
    said = kssgan(
        "deidentify", photos, "--out", tmp_path / "release", "--map", tmp_path / "m.csv"
    )
    assert said.status == 2
    assert "cannot be written" in said.err
    assert {p.name for p in tmp_path.iterdir()} == {"photos"}


PLAIN_USER = """
import sys
from kssgan.cli import main
from kssgan.deidentification import pipeline
from kssgan.surrogate import MeanSurrogate
from kssgan.testing.fakes import PaintedAnalyser

pipeline._standard_analyser = PaintedAnalyser
pipeline._method = lambda *asked: MeanSurrogate()
for line in sys.stdin:
    print("status", main(["deidentify", *line.rstrip("\\n").split("\\t")]), flush=True)
"""


def test_permissions_as_the_system_enforces_them(photos: Path, tmp_path: Path) -> None:
    """Without the powers of root: a closed photo, a closed folder, an output that cannot be written."""
    command = [sys.executable, "-c", PLAIN_USER]
    if os.geteuid() == 0:
        if shutil.which("setpriv") is None:
            pytest.skip(
                "root may read and write everything, and setpriv is not here to take that away"
            )
        without = "-dac_override,-dac_read_search"
        command = ["setpriv", f"--bounding-set={without}", f"--inh-caps={without}", *command]
    closed = photos / SURNAMES[1] / f"Bildnis {SURNAMES[1]} 1.png"
    closed.chmod(0)
    (tmp_path / "read only").mkdir(mode=0o555)
    (tmp_path / "more").mkdir()
    (tmp_path / "more" / "closed").mkdir(mode=0)

    def line(folder: Path, out: Path) -> str:
        table = tmp_path / f"{out.name}.csv"
        return "\t".join(map(str, [folder, "--out", out, "--map", table, "-k", 3]))

    lines = [
        line(photos, tmp_path / "release"),
        line(photos, tmp_path / "read only" / "release2"),
        line(tmp_path / "more", tmp_path / "release3"),
        line(tmp_path / "more" / "closed", tmp_path / "release4"),
    ]
    done = subprocess.run(
        command,
        input="\n".join(lines),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    (tmp_path / "more" / "closed").chmod(0o700)
    if "setpriv" in done.stderr:
        pytest.skip(f"powers cannot be dropped here: {done.stderr.strip()}")
    found = [
        int(text.split()[1]) for text in done.stdout.splitlines() if text.startswith("status")
    ]
    assert found == [3, 2, 2, 2], done.stderr
    row = read_map(tmp_path / "release.csv")[closed.relative_to(photos).as_posix()]
    assert (row["reason"], row["released"]) == ("permission denied", "")
    closed.chmod(0o600)
    assert_private(tmp_path / "release", photos)
    for says in ("cannot be written", "cannot be listed", "PHOTOS cannot be listed"):
        assert says in done.stderr
    left = {p.name for p in tmp_path.iterdir()} - {"photos", "home", "read only", "more"}
    assert left == {"release", "release.csv", "release.report.html"}
    assert not list((tmp_path / "read only").iterdir())
