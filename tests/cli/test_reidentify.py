"""The verb as the holder of the secret key meets it."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import pytest

from kssgan.cli import main


def _run(*args: object) -> int:
    return main([str(a) for a in args])


@pytest.fixture
def sealed(photos: Path, tmp_path: Path) -> list[object]:
    """A release with an escrow; returns the arguments that open it."""
    assert _run("reidentify", "--new-key", tmp_path / "officer.key") == 0
    out, escrow = tmp_path / "release", tmp_path / "release.escrow"
    public = tmp_path / "officer.key.pub"
    asked = ("--subjects", "folder", "-k", 3, "--escrow", escrow, "--escrow-key", public)
    assert _run("deidentify", photos, "--out", out, *asked) == 0
    return ["reidentify", out, "--escrow", escrow, "--key", tmp_path / "officer.key"]


def test_originals_by_released_file(
    sealed: list[object], capsys: pytest.CaptureFixture[str]
) -> None:
    assert _run(*sealed) == 0
    shown = capsys.readouterr()
    rows = list(csv.DictReader(io.StringIO(shown.out)))
    assert {row["subject"] for row in rows} == {f"p{n}" for n in range(7)}
    assert len(rows) == 14
    assert shown.err.startswith("Keep secret")


def test_what_does_not_fit_gives_four(
    sealed: list[object], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    _run("reidentify", "--new-key", tmp_path / "other.key")
    capsys.readouterr()
    assert _run(*sealed[:-1], tmp_path / "other.key") == 4
    manifest = tmp_path / "release" / "manifest.csv"
    manifest.write_text(manifest.read_text() + "\n")
    assert _run(*sealed) == 4
    shown = capsys.readouterr()
    assert shown.out == ""
    assert "another key" in shown.err
    assert "another release" in shown.err
    assert "secret-" not in shown.err


@pytest.mark.parametrize("drop", [slice(1, 2), slice(2, 4), slice(4, 6)])
def test_all_three_are_needed(sealed: list[object], drop: slice) -> None:
    del sealed[drop]
    assert _run(*sealed) == 2


def test_what_is_secret_is_named(
    photos: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    _run("reidentify", "--new-key", tmp_path / "officer.key")
    give, keep = capsys.readouterr().out.splitlines()
    assert give.startswith("Give to the releasing machine")
    assert give.endswith("officer.key.pub")
    assert keep.startswith("Keep secret, away from that machine")
    out, escrow, public = tmp_path / "r", tmp_path / "r.escrow", tmp_path / "officer.key.pub"
    asked = ("--subjects", "folder", "-k", 3, "--escrow", escrow, "--escrow-key", public)
    assert _run("deidentify", photos, "--out", out, *asked) == 0
    said = capsys.readouterr().out
    assert "pseudonymised, not anonymous" in said
    assert str(escrow) in said.splitlines()[-1]


def test_a_new_key_comes_alone(sealed: list[object], tmp_path: Path) -> None:
    assert _run(*sealed, "--new-key", tmp_path / "x") == 2
    assert _run("reidentify", "--new-key", tmp_path / "officer.key") == 2
