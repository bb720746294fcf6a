"""The two file readers of tools/ on files written here byte by byte, and the shipped index."""

from __future__ import annotations

import hashlib
import json
import struct
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from kssgan import weights

TOOLS = Path(__file__).parents[2] / "tools"
WEIGHTS = Path(weights.__file__).parent


@pytest.fixture
def tools(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.syspath_prepend(str(TOOLS))
    for name in ("dlib_file", "onnx_file", "convert_weights"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    import convert_weights
    import dlib_file
    import onnx_file

    return SimpleNamespace(dlib=dlib_file, onnx=onnx_file, convert=convert_weights)


def integer(value: int) -> bytes:
    magnitude = abs(value)
    body = magnitude.to_bytes(max(1, (magnitude.bit_length() + 7) // 8), "little")
    return bytes([len(body) | (0x80 if value < 0 else 0)]) + body


def integers(*values: int) -> bytes:
    return b"".join(map(integer, values))


def string(text: str) -> bytes:
    return integer(len(text)) + text.encode()


def tensor(values: list[float], *shape: int) -> bytes:
    return integers(2, *shape) + struct.pack(f"<{len(values)}f", *values)


EMPTY = tensor([], 0, 0, 0, 0)
AFTER = b"010" + 3 * EMPTY
ONE = integers(1, 0)  # the float 1 * 2**0


def dlib_network() -> bytes:
    """loss <- fc <- tag <- relu <- con <- input, as dlib would write it."""
    head = integer(1) + string("loss_metric_2") + integers(1, -2, 3, -1)
    wrappers = integers(2, 1, 2, 3)
    image = string("input_rgb_image_sized") + integers(1, 0, -5, 1, 3, -2) + integers(150, 150)
    con = (
        string("con_4")
        + tensor([1, 2, 3, 4, 5, 6, -7], 7, 1, 1, 1)
        + integers(1, 1, 2, 1, 1, 0, 0)
    )
    con += integers(1, 1, 3, 1, 2) + integers(1, 1, 1, 1, 1) + 4 * ONE
    fc = string("fc_2") + integers(2, 1) + tensor([0.5, 0.25], 1, 1, 1, 2)
    fc += integers(1, 1, 1, 1, 2) + integers(1, 0, 0, 0, 0) + integer(1) + 4 * ONE
    return (
        head
        + wrappers
        + image
        + con
        + AFTER
        + integer(1)
        + string("relu_")
        + AFTER
        + fc
        + AFTER
    )


def test_dlib_reader(tools: Any) -> None:
    layers = tools.dlib.read_dlib(dlib_network())
    assert [layer.kind for layer in layers] == [
        "input_rgb_image_sized",
        "con_4",
        "relu_",
        "fc_2",
    ]
    assert layers[0].numbers == (1.0, -10.0, 0.75, 150, 150)
    assert layers[1].numbers == (1, 1, 2, 1, 1, 0, 0)
    assert layers[1].parameters.tolist() == [1, 2, 3, 4, 5, 6, -7]
    assert layers[3].parameters.tolist() == [0.5, 0.25]


def test_dlib_reader_refuses(tools: Any) -> None:
    good = dlib_network()
    for bad in (good[:-1], good[: len(good) // 2], good + b"x", b"", b"<html>not found</html>"):
        with pytest.raises(ValueError, match=r"truncated|left over|dlib"):
            tools.dlib.read_dlib(bad)
    with pytest.raises(ValueError, match="loss"):
        tools.dlib.read_dlib(good.replace(b"loss_metric_2", b"loss_metric_9"))


def varint(value: int) -> bytes:
    value &= (1 << 64) - 1
    out = b""
    while value >= 0x80:
        out += bytes([value & 0x7F | 0x80])
        value >>= 7
    return out + bytes([value])


def number(key: int, value: int) -> bytes:
    return varint(key << 3) + varint(value)


def block(key: int, content: bytes) -> bytes:
    return varint(key << 3 | 2) + varint(len(content)) + content


def onnx_model() -> bytes:
    raw = struct.pack("<6f", *range(6))
    weight = number(1, 2) + number(1, 3) + number(2, 1) + block(8, b"w") + block(9, raw)
    shape = (
        block(1, varint(2)) + number(2, 7) + block(7, varint(5) + varint(-1)) + block(8, b"s")
    )
    alpha = block(1, b"alpha") + varint(2 << 3 | 5) + struct.pack("<f", 0.5)
    pads = block(1, b"pads") + block(8, varint(1) + varint(300))
    node = (
        block(1, b"x")
        + block(1, b"w")
        + block(2, b"y")
        + block(4, b"Conv")
        + block(5, alpha)
        + block(5, pads)
    )
    return number(1, 6) + block(7, block(1, node) + block(5, weight) + block(5, shape))


def test_onnx_reader(tools: Any) -> None:
    graph = tools.onnx.read_onnx(onnx_model())
    (node,) = graph.nodes
    assert (node.kind, node.inputs, node.outputs) == ("Conv", ("x", "w"), ("y",))
    assert node.attributes == {"alpha": 0.5, "pads": [1, 300]}
    np.testing.assert_array_equal(graph.constants["w"], np.arange(6.0).reshape(2, 3))
    assert graph.constants["s"].tolist() == [5, -1]


def test_onnx_reader_refuses(tools: Any) -> None:
    for bad in (onnx_model()[:-3], b"", b"<html>not found</html>"):
        with pytest.raises(ValueError, match=r"truncated|ONNX"):
            tools.onnx.read_onnx(bad)


def test_other_source_files_are_refused(tools: Any, tmp_path: Path) -> None:
    (tmp_path / "other.onnx").write_bytes(onnx_model())
    with pytest.raises(SystemExit, match="SHA-256"):
        tools.convert.read(tools.convert.DETECTOR, tmp_path / "other.onnx")


def test_entries_of_others_are_kept(tools: Any, tmp_path: Path) -> None:
    (tmp_path / "index.json").write_text('{"other": {"sha256": "00", "bytes": 1}}')
    (tmp_path / "PROVENANCE.md").write_text(
        "# Provenance of the shipped weights\n\n## other\n\n- Mine\n"
    )
    for _ in range(2):  # a second run changes nothing
        tools.convert.store({"a": np.ones((2, 3))}, tools.convert.DETECTOR, tmp_path)
        index = json.loads((tmp_path / "index.json").read_text())
        text = (tmp_path / "PROVENANCE.md").read_text()
        data = (tmp_path / "detector.safetensors").read_bytes()
        assert sorted(index) == ["detector", "other"]
        assert index["other"] == {"sha256": "00", "bytes": 1}
        assert index["detector"]["sha256"] == hashlib.sha256(data).hexdigest()
        assert index["detector"]["bytes"] == len(data)
        assert text.count("## detector") == text.count("## other") == text.count("- Mine") == 1


@pytest.mark.parametrize("name", ["detector", "recogniser"])
def test_shipped_entries(tools: Any, name: str) -> None:
    entry = json.loads((WEIGHTS / "index.json").read_text())[name]
    data = (WEIGHTS / f"{name}.safetensors").read_bytes()
    assert entry["sha256"] == hashlib.sha256(data).hexdigest()
    assert entry["bytes"] == len(data)
    assert entry["stored"] == "float16"
    text = (WEIGHTS / "PROVENANCE.md").read_text()
    source = tools.convert.RECOGNISER if name == "recogniser" else tools.convert.DETECTOR
    assert source.sha256 in text
    assert source.package in text
    assert entry["sha256"] in text
