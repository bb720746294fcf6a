"""A recogniser of the user's own, on tiny models that these tests write byte by byte."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

from kssgan.errors import UsageError
from kssgan.faces.align import HEAD_TEMPLATE, cut
from kssgan.faces.onnx_recogniser import ARCFACE_TEMPLATE, OnnxRecogniser, OnnxSettings
from kssgan.testing.onnx_model import write_linear

needs_runtime = pytest.mark.skipif(
    "onnxruntime" not in sys.modules
    and __import__("importlib.util").util.find_spec("onnxruntime") is None,
    reason="onnxruntime is not installed (extra onnx)",
)


def _crops(count: int = 3) -> np.ndarray:
    small = np.random.default_rng(4).integers(0, 256, (count, 16, 16, 3), dtype=np.uint8)
    return np.kron(small, np.ones((1, 16, 16, 1), np.uint8))


def _weights(size: int, dimensions: int = 5) -> np.ndarray:
    values = np.random.default_rng(1).normal(size=(3 * size * size, dimensions))
    return (values / size).astype(np.float32)


@needs_runtime
@pytest.mark.parametrize("first", [True, False])
@pytest.mark.parametrize("order", ["rgb", "bgr"])
def test_vectors_are_the_models_own_by_hand(tmp_path: Path, first: bool, order: str) -> None:
    size, weights = 24, _weights(24)
    shape = [None, 3, size, size] if first else [None, size, size, 3]
    path = write_linear(tmp_path / "m.onnx", weights, shape)
    crops = _crops(19)  # more than run at a time
    settings = OnnxSettings(path, size=size, order=order, mean=100.0, std=50.0)
    found = OnnxRecogniser(settings).embed_crops(crops)
    template = (ARCFACE_TEMPLATE + 0.5) * 24 / 112 - 0.5
    for row in (0, 18):
        chip = cut(crops[row], HEAD_TEMPLATE, template, size).astype(np.float32)
        chip = chip[..., ::-1] if order == "bgr" else chip
        shown = (chip - 100.0) / 50.0
        flat = (shown.transpose(2, 0, 1) if first else shown).ravel()
        raw = flat.astype(np.float64) @ weights
        assert found[row] == pytest.approx(raw / np.linalg.norm(raw), abs=1e-5)
    assert np.linalg.norm(found, axis=1) == pytest.approx(1.0, abs=1e-6)


@needs_runtime
def test_points_come_to_lie_on_arcfaces_places(tmp_path: Path) -> None:
    """Of a crop that is black but for its left eye, only that place of the input is bright."""
    crop = np.zeros((1, 256, 256, 3), np.uint8)
    x, y = HEAD_TEMPLATE[0].astype(int)
    crop[0, y - 2 : y + 3, x - 2 : x + 3] = 255
    # A model whose output is how much light falls on each 8 x 8 block of the 112 x 112 input.
    blocks = np.zeros((3, 112, 112, 196), np.float32)
    for row in range(112):
        for column in range(112):
            blocks[:, row, column, row // 8 * 14 + column // 8] = 1.0
    path = write_linear(tmp_path / "m.onnx", blocks.reshape(-1, 196), [1, 3, 112, 112])
    seen = OnnxRecogniser(OnnxSettings(path, mean=0.0)).embed_crops(crop)[0].reshape(14, 14)
    place = np.unravel_index(int(seen.argmax()), seen.shape)
    # (38.3, 51.7) lies in the seventh row and fifth column of blocks of eight.
    assert place == (6, 4)


@needs_runtime
def test_the_same_file_gives_the_same_bytes_whatever_stands_beside(tmp_path: Path) -> None:
    path = write_linear(tmp_path / "m.onnx", _weights(16), [4, 3, 16, 16])
    settings = OnnxSettings(path, size=16)
    crops = _crops(6)
    whole = OnnxRecogniser(settings).embed_crops(crops)
    assert whole.tobytes() == OnnxRecogniser(settings).embed_crops(crops).tobytes()
    one = OnnxRecogniser(settings).embed_crops(crops[4:5])
    assert one.tobytes() == whole[4:5].tobytes()
    assert OnnxRecogniser(settings).embed_crops(crops[:0]).shape == (0, 5)


@needs_runtime
def test_models_that_do_not_fit_are_told_what_was_wanted(tmp_path: Path) -> None:
    path = write_linear(tmp_path / "m.onnx", _weights(16), [None, 3, 16, 16])
    with pytest.raises(UsageError, match=r"shape .*16, 16.* 112, 112.*size="):
        OnnxRecogniser(OnnxSettings(path))
    narrow = write_linear(tmp_path / "n.onnx", _weights(16, 1), [None, 3, 16, 16])
    with pytest.raises(UsageError, match="D of 2 or more"):
        OnnxRecogniser(OnnxSettings(narrow, size=16))
    endless = np.full((3 * 16 * 16, 4), np.inf, np.float32)
    never = write_linear(tmp_path / "i.onnx", endless, [None, 3, 16, 16])
    with pytest.raises(UsageError, match="not finite"):
        OnnxRecogniser(OnnxSettings(never, size=16))
    (tmp_path / "no.onnx").write_bytes(b"no model")
    with pytest.raises(UsageError, match="onnxruntime can run"):
        OnnxRecogniser(OnnxSettings(tmp_path / "no.onnx"))
    with pytest.raises(UsageError, match="cannot be read"):
        OnnxRecogniser(OnnxSettings(tmp_path / "none.onnx"))
    with pytest.raises(ValueError, match="256, 256, 3"):
        OnnxRecogniser(OnnxSettings(path, size=16)).embed_crops(
            np.zeros((1, 8, 8, 3), np.uint8)
        )


def test_without_the_runtime_the_extra_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    (tmp_path / "m.onnx").write_bytes(b"")
    with pytest.raises(UsageError, match=r"kssgan\[onnx\]"):
        OnnxRecogniser(OnnxSettings(tmp_path / "m.onnx"))


def test_settings_of_the_command_line() -> None:
    path = Path("m.onnx")
    assert OnnxSettings.parse(path) == OnnxSettings(path, 112, "rgb", 127.5, 127.5, "arcface")
    told = OnnxSettings.parse(path, "size=160, order=BGR,mean=0,std=255,template=dlib")
    assert told == OnnxSettings(path, 160, "bgr", 0.0, 255.0, "dlib")
    assert "160 x 160" in told.said
    assert "dlib" in told.said
    for text, why in (
        ("size=1e9", "number"),
        ("size=4", "from 16"),
        ("order=hsv", "rgb or bgr"),
        ("std=0", "above 0"),
        ("std=nan", "finite"),
        ("template=mine", "arcface"),
        ("colour=rgb", "were wanted"),
        ("size", "were wanted"),
    ):
        with pytest.raises(UsageError, match=why):
            OnnxSettings.parse(path, text)


def test_the_digest_tells_models_and_settings_apart(tmp_path: Path) -> None:
    for name, data in (("a", b"1"), ("b", b"2"), ("c", b"1")):
        (tmp_path / name).write_bytes(data)
    one, two, three = (OnnxSettings(tmp_path / name).digest() for name in "abc")
    assert one == three != two
    assert OnnxSettings(tmp_path / "a", order="bgr").digest() != one
    with pytest.raises(UsageError, match="cannot be read"):
        OnnxSettings(tmp_path / "none").digest()
