from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from kssgan.cli import main


def test_prepare_tells_what_it_used_and_what_to_keep_secret(
    photos: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    names = sorted(p.relative_to(photos).as_posix() for p in photos.rglob("*.png"))
    mesh = np.random.default_rng(0).uniform(0, 256, (len(names), 468, 2))
    np.savez(tmp_path / "l.npz", files=np.array(names), mesh468=mesh.astype(np.float32))
    out = tmp_path / "p.safetensors"
    command = [
        "prepare",
        str(photos),
        "--subjects",
        "folder",
        "--landmarks",
        str(tmp_path / "l.npz"),
    ]
    assert main([*command, "--out", str(out)]) == 0
    said = capsys.readouterr().out
    assert "14 of 14 files used, 7 people" in said
    assert "Keep secret" in said
    assert "secret-" not in said
    assert main([*command, "--out", str(out)]) == 2
    assert main([*command, "--out", str(tmp_path / "q.safetensors"), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["photos"]["used"] == 14
    assert told["subjects"] == 7


def test_train_refuses_what_is_no_prepared_file(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "x.safetensors"
    file.write_bytes(b"nothing")
    assert main(["train", str(file), "--out", str(tmp_path / "run"), "--preset", "smoke"]) == 2
    assert "make it again with kssgan prepare" in capsys.readouterr().err
    assert not (tmp_path / "run").exists()


def test_train_dry_run_and_bad_options(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    missing = str(tmp_path / "none")
    assert main(["train", missing, "--out", "r", "--dry-run"]) == 2
    assert "no such prepared file" in capsys.readouterr().err
    assert main(["train", missing, "--out", "r", "--batch", "0"]) == 2
    assert "batch is 0" in capsys.readouterr().err
    assert main(["train", missing, "--out", "r", "--set", "bach=3"]) == 2
    assert "no option 'bach'" in capsys.readouterr().err
