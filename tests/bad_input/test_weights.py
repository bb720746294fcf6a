"""Shipped weights that are missing or damaged: said in words before any photo is read."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from kssgan import weights

from ._helpers import SURNAMES

pytestmark = pytest.mark.usefixtures("real_networks")


@pytest.fixture
def shipped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A copy of the package data that a test may damage."""
    real = Path(str(weights.__file__)).parent
    folder = tmp_path / "home" / "weights"
    folder.mkdir(parents=True)
    for path in (real / "index.json", *real.glob("*.safetensors")):
        (folder / path.name).symlink_to(path)
    monkeypatch.setattr(weights, "resources", SimpleNamespace(files=lambda _: folder))
    weights._index.cache_clear()
    yield folder
    weights._index.cache_clear()


def _change(path: Path, change: Callable[[bytes], bytes]) -> None:
    data = path.read_bytes()
    path.unlink()
    path.write_bytes(change(data))


def _flipped(data: bytes) -> bytes:
    middle = len(data) // 2
    return data[:middle] + bytes([data[middle] ^ 4]) + data[middle + 1 :]


DAMAGE: dict[str, Callable[[Path], None]] = {
    "missing": Path.unlink,
    "empty": lambda path: _change(path, lambda _: b""),
    "cut short": lambda path: _change(path, lambda data: data[: len(data) // 2]),
    "one bit": lambda path: _change(path, _flipped),
    "longer": lambda path: _change(path, lambda data: data + b"\0"),
    "a web page": lambda path: _change(path, lambda _: b"<html>404 not found</html>"),
    "another's": lambda path: _change(
        path,
        lambda _: path.with_name(
            "detector.safetensors" if path.stem == "recogniser" else "recogniser.safetensors"
        ).read_bytes(),
    ),
}


def _run(kssgan: Callable[..., Any], photos: Path, folder: Path) -> str:
    options = ["--out", folder / "release", "--map", folder / "map.csv", "-k", 3]
    said = kssgan("deidentify", photos, *options)
    assert said.status == 1
    assert "reinstall kssgan" in said.err
    assert not any(name in said.err for name in SURNAMES)
    assert {p.name for p in folder.iterdir()} == {"photos", "home"}
    assert {p.name for p in (folder / "home").iterdir()} == {"weights"}, "no face was kept"
    return str(said.err)


@pytest.mark.parametrize("damage", DAMAGE)
@pytest.mark.parametrize("name", ["detector", "recogniser"])
def test_weights(
    kssgan: Callable[..., Any],
    photos: Path,
    tmp_path: Path,
    shipped: Path,
    name: str,
    damage: str,
) -> None:
    DAMAGE[damage](shipped / f"{name}.safetensors")
    err = _run(kssgan, photos, tmp_path)
    assert repr(name) in err
    assert ("missing" in err) == (damage == "missing")
    # `kssgan info` finds the same.
    told = kssgan("info", "--json")
    assert told.status == 1
    intact = {key: value["intact"] for key, value in json.loads(told.out)["weights"].items()}
    assert [key for key, good in intact.items() if not good] == [name]


@pytest.mark.parametrize("text", [None, "", "{", "<html>"])
def test_their_list(
    kssgan: Callable[..., Any], photos: Path, tmp_path: Path, shipped: Path, text: str | None
) -> None:
    (shipped / "index.json").unlink()
    if text is not None:
        (shipped / "index.json").write_text(text)
    assert "index.json" in _run(kssgan, photos, tmp_path)
