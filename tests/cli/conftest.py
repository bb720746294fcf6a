"""Photos that need no network: the command line runs on painted people."""

from __future__ import annotations

from pathlib import Path

import pytest

from kssgan.testing.fakes import PaintedAnalyser, paint_photo


@pytest.fixture(autouse=True)
def painted(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Put the fake where the shipped networks are looked up, and the cache where it is seen."""
    analyser = "kssgan.faces.analyse.StandardAnalyser"
    monkeypatch.setattr(analyser, lambda **_: PaintedAnalyser())
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """Seven people, two photos each."""
    folder = tmp_path / "photos"
    for person in range(7):
        for shot in range(2):
            paint_photo(folder / f"p{person}" / f"secret-{shot}.png", person, shot)
    return folder
