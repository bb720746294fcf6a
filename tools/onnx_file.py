"""Read the part of an ONNX file that a convolutional network needs, without the onnx package.

ONNX is protobuf: a message is a run of (field number, wire type) keys, each followed by a varint, four
or eight bytes, or a length and that many bytes. Only the fields used here are named (onnx.proto3).
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

__all__ = ["Graph", "Node", "read_onnx"]

_FLOAT_TENSOR, _INT64_TENSOR = 1, 7


@dataclass(frozen=True, slots=True)
class Node:
    """One operator of the graph.

    Attributes:
        kind: operator name, for example ``"Conv"``.
        inputs: names of the arrays read.
        outputs: names of the arrays made.
        attributes: numbers and lists by name; strings as bytes.
    """

    kind: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    attributes: dict[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Graph:
    """Nodes in the order they run, and the constant arrays by name."""

    nodes: tuple[Node, ...]
    constants: dict[str, npt.NDArray[np.generic]]


def _varint(data: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
        shift += 7


def _fields(data: bytes) -> Iterator[tuple[int, int | bytes]]:
    at = 0
    while at < len(data):
        key, at = _varint(data, at)
        wire = key & 7
        if wire == 0:
            number, at = _varint(data, at)
            yield key >> 3, number
            continue
        if wire == 2:
            length, at = _varint(data, at)
        elif wire in (1, 5):
            length = 8 if wire == 1 else 4
        else:
            raise ValueError(f"wire type {wire} is not used by ONNX; is this an ONNX file?")
        if at + length > len(data):
            raise ValueError("the file ends inside a field; it is truncated")
        yield key >> 3, data[at : at + length]
        at += length


def _signed(number: int) -> int:
    return number - (1 << 64) if number >= 1 << 63 else number


def _integers(value: int | bytes) -> list[int]:
    """A repeated integer field comes one by one or packed."""
    if isinstance(value, int):
        return [_signed(value)]
    found, at = [], 0
    while at < len(value):
        number, at = _varint(value, at)
        found.append(_signed(number))
    return found


def _floats(value: int | bytes) -> list[float]:
    assert isinstance(value, bytes)
    return list(struct.unpack(f"<{len(value) // 4}f", value))


def _bytes(value: int | bytes) -> bytes:
    assert isinstance(value, bytes)
    return value


def _tensor(data: bytes) -> tuple[str, npt.NDArray[np.generic]]:
    shape: list[int] = []
    name, kind, raw = "", 0, None
    floats: list[float] = []
    integers: list[int] = []
    for number, value in _fields(data):
        if number == 1:
            shape += _integers(value)
        elif number == 2:
            kind = _integers(value)[0]
        elif number == 4:
            floats += _floats(value)
        elif number == 7:
            integers += _integers(value)
        elif number == 8:
            name = _bytes(value).decode()
        elif number == 9:
            raw = _bytes(value)
    array: npt.NDArray[np.generic]
    if kind == _FLOAT_TENSOR:
        array = np.frombuffer(raw, "<f4") if raw is not None else np.asarray(floats, "<f4")
    elif kind == _INT64_TENSOR:
        array = np.frombuffer(raw, "<i8") if raw is not None else np.asarray(integers, "<i8")
    else:
        raise ValueError(f"tensor {name!r} has data type {kind}; only float and int64 are read")
    return name, array.reshape(shape)


def _attribute(data: bytes) -> tuple[str, object]:
    name = ""
    single: object = None
    many: list[object] = []
    for number, value in _fields(data):
        if number == 1:
            name = _bytes(value).decode()
        elif number == 2:
            single = _floats(value)[0]
        elif number == 3:
            single = _integers(value)[0]
        elif number == 4:
            single = _bytes(value)
        elif number == 5:
            single = _tensor(_bytes(value))[1]
        elif number == 7:
            many += _floats(value)
        elif number == 8:
            many += _integers(value)
    return name, many if many else single


def _node(data: bytes) -> Node:
    inputs, outputs, kind = [], [], ""
    attributes: dict[str, object] = {}
    for number, value in _fields(data):
        if number == 1:
            inputs.append(_bytes(value).decode())
        elif number == 2:
            outputs.append(_bytes(value).decode())
        elif number == 4:
            kind = _bytes(value).decode()
        elif number == 5:
            name, content = _attribute(_bytes(value))
            attributes[name] = content
    return Node(kind, tuple(inputs), tuple(outputs), attributes)


def read_onnx(data: bytes) -> Graph:
    """Parse the graph of an ONNX model.

    Args:
        data: the whole file.

    Raises:
        ValueError: not an ONNX file, truncated, or with tensors of other types than float and int64.
    """
    nodes: list[Node] = []
    constants: dict[str, npt.NDArray[np.generic]] = {}
    for number, value in _fields(data):
        if number != 7:  # ModelProto.graph
            continue
        for inner, content in _fields(_bytes(value)):
            if inner == 1:
                nodes.append(_node(_bytes(content)))
            elif inner == 5:
                name, array = _tensor(_bytes(content))
                constants[name] = array
    if not nodes:
        raise ValueError("no graph found; is this an ONNX file?")
    return Graph(tuple(nodes), constants)
