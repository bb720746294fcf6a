from __future__ import annotations

from pathlib import Path

import pytest
from tests.training.conftest import collection

from kssgan.cli import main
from kssgan.training.prepared import save_prepared


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("train") / "cartoons.safetensors"
    save_prepared(path, collection())
    return path


@pytest.mark.parametrize("k", ["2", "1000"])
def test_groups_are_for_presets_that_learn_them(
    k: str,
    file: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def grouped(*_: object, **__: object) -> None:
        raise AssertionError("people were grouped")

    monkeypatch.setattr("kssgan.preparation.gallery.fixed_groups", grouped)
    command = ["train", str(file), "--out", str(tmp_path / "run"), "--groups", k]
    assert main([*command, "--preset", "smoke"]) == 2
    assert "preset smoke serves any groups; use paper or stargan" in capsys.readouterr().err
    assert not (tmp_path / "run").exists()


def test_set_changes_no_preset_and_no_number_into_infinity(
    file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for option, word in (("preset=paper", "give --preset"), ("rate=inf", "rate is inf")):
        assert main(["train", str(file), "--out", str(tmp_path / "run"), "--set", option]) == 2
        assert word in capsys.readouterr().err
    assert not (tmp_path / "run").exists()
