"""The real command line on painted people."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from kssgan.cli import main
from kssgan.deidentification import pipeline
from kssgan.surrogate import MeanSurrogate

from ._helpers import RealDecoder, Said, paint_people


@pytest.fixture
def real_networks() -> None:
    """Ask for the shipped networks instead of painted faces."""


@pytest.fixture(autouse=True)
def _at_home(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> None:
    if "real_networks" not in request.fixturenames:
        monkeypatch.setattr(pipeline, "_standard_analyser", RealDecoder)
        monkeypatch.setattr(pipeline, "_method", lambda *asked: MeanSurrogate())
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("HOME", str(tmp_path / "home"))


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    return paint_people(tmp_path / "photos")


@pytest.fixture
def kssgan(capfd: pytest.CaptureFixture[str]) -> Callable[..., Said]:
    """Run one command; nothing that it prints may be a surprise to a terminal."""

    def run(*args: object) -> Said:
        status = main([os.fspath(a) if isinstance(a, Path) else str(a) for a in args])
        shown = capfd.readouterr()
        everything = shown.out + shown.err
        assert all(c.isprintable() or c == "\n" for c in everything)
        assert "internal error" not in everything
        assert "Traceback" not in everything
        return Said(status, shown.out, shown.err)

    return run
