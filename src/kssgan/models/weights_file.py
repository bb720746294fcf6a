"""What all our files of weights have in common: tensors by name, and one entry that says what they are."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from safetensors.torch import save as serialise
from torch import Tensor, nn

__all__ = ["about", "half_weights", "load_weights", "to_bytes", "under"]


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
