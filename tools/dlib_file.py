"""Read a dlib deep network file (dlib/dnn serialisation), without dlib.

A network is a chain of nested wrappers. Their version numbers come first, from the loss inwards to the
input; then the fields of each layer follow in the order in which data flows. Version 2 marks a computing
layer, 1 a tag or skip without fields, 3 the layer that touches the input.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

__all__ = ["Layer", "read_dlib"]

_TAG, _LAYER, _INPUT = 1, 2, 3


@dataclass(frozen=True, slots=True)
class Layer:
    """One layer in data-flow order.

    Attributes:
        kind: dlib's own name with its version, for example ``"con_4"``.
        numbers: integers and floats as they come in the file.
        parameters: all its weights in one run, float32; empty where it has none.
    """

    kind: str
    numbers: tuple[float, ...] = ()
    parameters: npt.NDArray[np.float32] = field(default_factory=lambda: np.empty(0, np.float32))


class _Reader:
    def __init__(self, data: bytes) -> None:
        self.data = data
        self.at = 0

    def take(self, count: int) -> bytes:
        if self.at + count > len(self.data):
            raise ValueError("the file ends inside a field; it is truncated")
        self.at += count
        return self.data[self.at - count : self.at]

    def integer(self) -> int:
        control = self.take(1)[0]
        count = control & 0x0F
        if not 1 <= count <= 8:
            raise ValueError(f"an integer of {count} bytes at {self.at}; is this a dlib file?")
        magnitude = int.from_bytes(self.take(count), "little")
        return -magnitude if control & 0x80 else magnitude

    def integers(self, count: int) -> tuple[int, ...]:
        return tuple(self.integer() for _ in range(count))

    def floating(self) -> float:
        mantissa, exponent = self.integers(2)
        return float(mantissa) * 2.0**exponent

    def floats(self, count: int) -> tuple[float, ...]:
        return tuple(self.floating() for _ in range(count))

    def boolean(self) -> bool:
        return self.take(1) == b"1"

    def string(self) -> str:
        return self.take(self.integer()).decode("ascii")

    def tensor(self) -> npt.NDArray[np.float32]:
        version, *shape = self.integers(5)
        if version != 2:
            raise ValueError(f"tensor of version {version}; only 2 is known")
        count = int(np.prod(shape))
        return np.frombuffer(self.take(4 * count), "<f4").copy()

    def alias(self) -> tuple[int, ...]:
        return self.integers(5)[1:]


def _details(read: _Reader) -> Layer:
    kind = read.string()
    if kind in ("relu_", "add_prev_"):
        return Layer(kind)
    if kind == "con_4":
        parameters = read.tensor()
        numbers = read.integers(7)  # filters, rows, columns, strides, paddings
        read.alias(), read.alias(), read.floats(4)
        return Layer(kind, numbers, parameters)
    if kind == "affine_":
        parameters = read.tensor()
        read.alias(), read.alias()
        return Layer(kind, read.integers(1), parameters)
    if kind in ("max_pool_2", "avg_pool_2"):
        return Layer(kind, read.integers(6))
    if kind == "fc_2":
        numbers = read.integers(2)  # outputs, inputs
        parameters = read.tensor()
        read.alias(), read.alias(), read.integer(), read.floats(4)
        return Layer(kind, numbers, parameters)
    raise ValueError(f"layer {kind!r} is not known to this reader")


def _bookkeeping(read: _Reader) -> None:
    for _ in range(3):
        read.boolean()
    for _ in range(3):
        read.tensor()


def read_dlib(data: bytes) -> tuple[Layer, ...]:
    """Parse a network with a metric loss on a fixed-size RGB input.

    Args:
        data: the whole file.

    Returns:
        The input layer (kind ``input_rgb_image_sized``), then all computing layers in data-flow order.

    Raises:
        ValueError: another kind of file, truncated, or with bytes left over.
    """
    read = _Reader(data)
    read.integer()
    loss = read.string()
    if loss != "loss_metric_2":
        raise ValueError(f"the loss is {loss!r}; 'loss_metric_2' was wanted")
    read.floats(2)
    wrappers: list[int] = []
    while not wrappers or wrappers[-1] != _INPUT:
        wrappers.append(read.integer())
        if wrappers[-1] not in (_TAG, _LAYER, _INPUT):
            raise ValueError(f"wrapper version {wrappers[-1]} is not known")
    kind = read.string()
    layers = [Layer(kind, (*read.floats(3), *read.integers(2)))]
    for version in reversed(wrappers):
        if version == _TAG:
            continue
        layers.append(_details(read))
        _bookkeeping(read)
        if version == _INPUT:
            read.integer()
    if read.at != len(data):
        raise ValueError(f"{len(data) - read.at} bytes are left over after the last layer")
    return tuple(layers)
