"""Write a tiny ONNX model without the onnx package: pictures flattened, then multiplied by a matrix.

Protobuf by hand: every field is a key (number and wire type) and then a varint, or a length and so many bytes
(onnx.proto3 has the numbers).
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from kssgan.types import FloatArray

__all__ = ["write_linear"]

_FLOAT = 1
_OPSET = 13
_IR = 8


def write_linear(path: Path, weights: FloatArray, shape: Sequence[int | None]) -> Path:
    """Write a model that gives ``flatten(picture) @ weights``.

    Args:
        path: where.
        weights: (V, D), V being the values of one picture.
        shape: of the input, pictures first; None where any size will do.

    Returns:
        ``path``.
    """
    values, width = weights.shape
    tensor = (
        _number(1, values)
        + _number(1, width)
        + _number(2, _FLOAT)
        + _text(8, "weights")
        + _bytes(9, np.ascontiguousarray(weights, "<f4").tobytes())
    )
    graph = (
        _bytes(1, _node("Flatten", ["picture"], "flat"))
        + _bytes(1, _node("MatMul", ["flat", "weights"], "vector"))
        + _text(2, "linear")
        + _bytes(5, tensor)
        + _bytes(11, _value("picture", shape))
        + _bytes(12, _value("vector", [shape[0], width]))
    )
    opset = _bytes(8, _number(2, _OPSET))
    path.write_bytes(_number(1, _IR) + _bytes(7, graph) + opset)
    return path


def _varint(value: int) -> bytes:
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*out, value])


def _number(field: int, value: int) -> bytes:
    return _varint(field << 3) + _varint(value)


def _bytes(field: int, content: bytes) -> bytes:
    return _varint(field << 3 | 2) + _varint(len(content)) + content


def _text(field: int, content: str) -> bytes:
    return _bytes(field, content.encode())


def _node(kind: str, inputs: Sequence[str], output: str) -> bytes:
    return b"".join(_text(1, name) for name in inputs) + _text(2, output) + _text(4, kind)


def _value(name: str, shape: Sequence[int | None]) -> bytes:
    sizes = b"".join(
        _bytes(1, _text(2, "any") if size is None else _number(1, size)) for size in shape
    )
    tensor = _number(1, _FLOAT) + _bytes(2, sizes)
    return _text(1, name) + _bytes(2, _bytes(1, tensor))
