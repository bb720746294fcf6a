"""An ordinary installation, in another folder, is complete: code, weights, templates, typing marker."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "pip", "wheel", "--no-deps", "--no-build-isolation"]
    done = subprocess.run(
        [*command, "--disable-pip-version-check", "-q", "-w", str(folder), str(ROOT)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return next(folder.glob("kssgan-*.whl"))


def test_contents(wheel: Path) -> None:
    names = set(zipfile.ZipFile(wheel).namelist())
    package = ROOT / "src" / "kssgan"
    wanted = {
        p.relative_to(ROOT / "src").as_posix()
        for p in package.rglob("*")
        if p.is_file() and "__pycache__" not in p.parts
    }
    assert wanted <= names
    assert "kssgan/py.typed" in names
    assert any(n.endswith("LICENSE") for n in names)
    assert not any(n.startswith(("tests", "benchmarks", "tools")) for n in names)


def test_shipped_weights_stay_small(wheel: Path) -> None:
    sizes = [i.file_size for i in zipfile.ZipFile(wheel).infolist() if "weights/" in i.filename]
    assert sum(sizes) <= 40_000_000


def test_runs_from_another_folder(wheel: Path, tmp_path: Path) -> None:
    site = tmp_path / "site"
    zipfile.ZipFile(wheel).extractall(site)
    code = (
        "import kssgan, pathlib, sys; from kssgan.cli import main;"
        f"assert pathlib.Path(kssgan.__file__).is_relative_to({str(site)!r}), kssgan.__file__;"
        "sys.exit(main(['info']))"
    )
    env = {**os.environ, "PYTHONPATH": str(site)}
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=tmp_path,
        env=env,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "intact" in done.stdout
    assert "DAMAGED" not in done.stdout
