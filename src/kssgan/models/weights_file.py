"""What all our files of weights have in common: tensors by name, and one entry that says what they are."""

from __future__ import annotations

import json
import math
import zlib
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from safetensors.torch import save as serialise
from torch import Tensor, nn

__all__ = [
    "about",
    "half_weights",
    "load_weights",
    "packed",
    "to_bytes",
    "under",
    "unpacked",
]

_WORTH_IT = 2**16  # bytes from which a tensor is packed
_PACKED_TYPES = {"int8": torch.int8, "uint8": torch.uint8}


def about(data: bytes) -> dict[str, Any] | None:
    """Our entry in a file of weights, read from its head alone.

    Returns:
        Plain values; empty where the file has no such entry, None where it is no safetensors file.
    """
    try:
        length = int.from_bytes(data[:8], "little")
        head = json.loads(data[8 : 8 + length])
        found = json.loads(head.get("__metadata__", {}).get("kssgan", "{}"))
    except (ValueError, AttributeError, RecursionError):
        return None
    return found if isinstance(found, dict) else {}


def to_bytes(tensors: dict[str, Tensor], said: Mapping[str, Any]) -> bytes:
    """A whole file; equal content gives equal bytes.

    Args:
        tensors: by name.
        said: our entry, plain values.
    """
    # One entry: the order of several would differ from run to run.
    return serialise(tensors, {"kssgan": json.dumps(said, sort_keys=True)})


def packed(tensors: Mapping[str, Tensor]) -> tuple[dict[str, Tensor], dict[str, list[Any]]]:
    """Large tensors of 8 bits without loss in fewer bytes; layers of pictures shrink to a third.

    Returns:
        All tensors, those that shrank as (N,) uint8 of a zlib stream, and of these by name type and shape.
    """
    names = {kind: name for name, kind in _PACKED_TYPES.items()}
    found, kinds = dict(tensors), {}
    for name, value in tensors.items():
        if value.dtype not in names or value.numel() < _WORTH_IT:
            continue
        stream = zlib.compress(value.contiguous().numpy().tobytes(), 9)
        if len(stream) < value.numel():
            found[name] = torch.from_numpy(np.frombuffer(stream, np.uint8).copy())
            kinds[name] = [names[value.dtype], list(value.shape)]
    return found, kinds


def unpacked(
    tensors: Mapping[str, Tensor], kinds: Mapping[str, Sequence[Any]]
) -> dict[str, Tensor]:
    """Inverse of :func:`packed`.

    Raises:
        ValueError: a stream is damaged, or longer or shorter than its shape says.
        KeyError: a tensor is missing.
    """
    found = dict(tensors)
    for name, (kind, shape) in kinds.items():
        size = math.prod(int(side) for side in shape)
        inflater = zlib.decompressobj()
        try:
            # One byte more than is wanted tells a longer stream, and no stream fills the memory.
            content = inflater.decompress(found[name].numpy().tobytes(), size + 1)
        except zlib.error:
            raise ValueError("a packed tensor is damaged") from None
        if len(content) != size or not inflater.eof:
            raise ValueError(
                f"a packed tensor of {len(content)} bytes came, {size} were wanted"
            )
        flat = torch.frombuffer(bytearray(content), dtype=_PACKED_TYPES[kind])
        found[name] = flat.reshape([int(side) for side in shape])
    return found


def half_weights(module: nn.Module, name: str) -> dict[str, Tensor]:
    """All weights of a network in half precision, as ``name.weight``."""
    return {
        f"{name}.{key}": value.detach().cpu().half().contiguous()
        for key, value in module.state_dict().items()
    }


def load_weights(module: nn.Module, tensors: Mapping[str, Tensor], name: str) -> None:
    """Give a network its weights, in its own precision; the inverse of :func:`half_weights`.

    Raises:
        RuntimeError: they are those of another network.
    """
    module.load_state_dict(under(tensors, f"{name}."))


def under(tensors: Mapping[str, Tensor], prefix: str) -> dict[str, Tensor]:
    """Tensors whose names begin with a prefix, by the rest of their names, in the order of these."""
    return {
        name.removeprefix(prefix): value
        for name, value in sorted(tensors.items())
        if name.startswith(prefix)
    }
