"""The demo: what a newcomer runs first."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from kssgan.cli import main


def test_pairs_are_refused_before_anything_is_written(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for wrong in ("2", "five"):
        with pytest.raises(SystemExit) as stopped:
            main(["demo", "-k", wrong, "--out", str(tmp_path / "demo")])
        assert stopped.value.code == 2
        assert "a number from 3 up was wanted" in capsys.readouterr().err
    assert not (tmp_path / "demo").exists()


def test_a_folder_that_is_no_demo_is_left_alone(tmp_path: Path) -> None:
    mine = tmp_path / "mine" / "thesis.txt"
    mine.parent.mkdir()
    mine.write_text("years of work")
    assert main(["demo", "--out", str(mine.parent)]) == 2
    assert mine.read_text() == "years of work"


def test_it_releases_synthetic_people_and_audits_them(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "demo"
    assert main(["demo", "--people", "6", "-k", "3", "--out", str(out)]) == 0
    about = json.loads((out / "release" / "certificate.json").read_text())
    assert about["holds"]
    assert about["k_measured"] >= 3
    found = json.loads((out / "private" / "audit.json").read_text())
    assert found["holds"] is True
    said = capsys.readouterr().out
    assert "$ kssgan deidentify" in said
    assert "$ kssgan audit" in said
    for page in ("release/report.html", "private/map.report.html", "private/audit.html"):
        assert (out / page).is_file()
        assert str(out / page) in said
    (out / "release" / "certificate.json").write_text("{}")  # an earlier demo is replaced
    assert main(["demo", "--people", "6", "-k", "3", "--out", str(out)]) == 0
    assert json.loads((out / "release" / "certificate.json").read_text())["holds"]
