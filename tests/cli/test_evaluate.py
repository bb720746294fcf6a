"""The evaluate verb: what it prints, what it refuses."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from kssgan.cli import main


def test_a_small_comparison(
    photos: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "results"
    asked = ["evaluate", str(photos), "--out", str(out), "--subjects", "folder", "--jobs", "1"]
    asked += ["--k", "2,3", "--seeds", "1"]
    assert main([*asked, "--methods", "k-same-pixel,kss-gan"]) == 0
    told = capsys.readouterr().out
    assert "kss-gan" in told
    assert "secret-" not in told
    assert "Keep secret" in told
    sheet = out / "private" / "figure6.png"
    assert stat.S_IMODE(sheet.stat().st_mode) == 0o600
    assert stat.S_IMODE(sheet.parent.stat().st_mode) == 0o700
    every = out / "private" / "figure8-k3.png"  # of 2 and 3, nearest to 3 and to 30
    assert stat.S_IMODE(every.stat().st_mode) == 0o600
    assert "it shows all surrogates" in told
    assert len((out / "results.csv").read_text().splitlines()) == 5
    assert not list((tmp_path / "cache").rglob("*.npy"))
    assert main([*asked, "--methods", "k-same-pixel"]) == 0
    assert "2 cells were finished" in capsys.readouterr().out


def test_usage(photos: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    asked = ["evaluate", str(photos), "--out", str(tmp_path / "results")]
    assert main([*asked, "--methods", "k-same-nett"]) == 2
    assert "k-same-nett" in capsys.readouterr().err
    assert main([*asked, "--methods", "blur", "--k", "a"]) == 2
    assert main([*asked, "--methods", "blur", "--k", "1"]) == 2
    assert main(["evaluate", str(tmp_path / "nowhere"), *asked[2:], "--methods", "blur"]) == 2
    assert main([*asked, "--methods", "blur", "--recognizer-input", "size=112"]) == 2
    assert "--recognizer" in capsys.readouterr().err
    blur = [*asked, "--methods", "blur", "--recognizer", str(tmp_path / "none.onnx")]
    assert main(blur) == 2
    assert "none.onnx" not in capsys.readouterr().err
    assert main([*blur, "--recognizer-input", "colour=rgb"]) == 2
    assert not (tmp_path / "results").exists()
