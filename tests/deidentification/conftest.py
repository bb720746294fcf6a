"""A small collection of painted people, and a run on it."""

from __future__ import annotations

import csv
import hashlib
import os
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from kssgan.deidentification import Release, deidentify
from kssgan.surrogate import MeanSurrogate
from kssgan.testing.fakes import PaintedAnalyser, paint_photo


@pytest.fixture(autouse=True)
def _private_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No test may read or write the developer's own cache."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("HOME", str(tmp_path / "home"))


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """Nine people, each in a folder of their own, with one to three photos."""
    folder = tmp_path / "photos"
    for person in range(9):
        for shot in range(1 + person % 3):
            paint_photo(folder / f"Name{person} Family" / f"portrait {shot}.png", person, shot)
    return folder


@pytest.fixture
def run(tmp_path: Path, photos: Path) -> Callable[..., Release]:
    """``deidentify`` with the fakes, k=3 and a map, unless told otherwise."""

    def go(**changes: Any) -> Release:
        asked: dict[str, Any] = {
            "photos": photos,
            "out": tmp_path / "release",
            "k": 3,
            "subjects": "folder",
            "map_path": tmp_path / "map.csv",
            "method": MeanSurrogate(),
            "analyser": PaintedAnalyser(),
        }
        asked.update(changes)
        return deidentify(asked.pop("photos"), **asked)

    return go


def tree(folder: Path) -> dict[str, bytes]:
    """Every file below a folder with its bytes."""
    return {
        os.path.relpath(path, folder): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and not path.is_symlink()
    }


@pytest.fixture
def left(tmp_path: Path) -> Callable[[], set[str]]:
    """What lies beside the photos: a failed run must leave nothing there."""
    return lambda: {path.name for path in tmp_path.iterdir()} - {"photos", "home"}


def map_rows(path: Path) -> list[dict[str, str]]:
    """Rows of a private map."""
    with path.open(newline="", encoding="utf-8", errors="surrogateescape") as file:
        return list(csv.DictReader(file))


def manifest_of(release: Path) -> dict[str, dict[str, str]]:
    """The manifest's rows by file, in its order."""
    rows = csv.DictReader((release / "manifest.csv").read_text().splitlines())
    return {row["file"]: row for row in rows}


def pictures_of(release: Path) -> dict[str, list[str]]:
    """Files of each distinct picture, by its digest."""
    found: dict[str, list[str]] = defaultdict(list)
    for path in sorted((release / "images").iterdir()):
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
        found[digest].append(f"images/{path.name}")
    return found


def people_behind(release: Release) -> dict[str, list[set[str]]]:
    """Per distinct picture, the subjects of each of its files."""
    subjects: dict[str, set[str]] = defaultdict(set)
    assert release.map_path is not None
    for row in map_rows(release.map_path):
        if row["released"]:
            subjects[row["released"]].add(row["subject"])
    return {
        digest: [subjects[file] for file in files]
        for digest, files in pictures_of(release.path).items()
    }
