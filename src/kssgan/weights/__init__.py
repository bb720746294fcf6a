"""Shipped weights: package data with a checksum each, read as numpy arrays (never pickle).

``index.json`` lists every file with its SHA-256; ``PROVENANCE.md`` says where each came from, under which
licence and from what training data. A file that is missing, longer, shorter or altered is refused, so that
a truncated download or a web page saved as weights can never run.
"""

from __future__ import annotations

import hashlib
import json
from functools import cache
from importlib import resources
from typing import Any

import numpy as np
import numpy.typing as npt
from safetensors.numpy import load as _parse

from kssgan.errors import WeightsError

__all__ = ["digest", "load", "names", "read"]


@cache
def _index() -> dict[str, dict[str, Any]]:
    try:
        text = resources.files(__name__).joinpath("index.json").read_text("utf-8")
        index: dict[str, dict[str, Any]] = json.loads(text)
        if not isinstance(index, dict):
            raise ValueError("no table")
    except (OSError, ValueError) as error:
        raise WeightsError(
            "the list of shipped weights (kssgan/weights/index.json) is missing or damaged; reinstall kssgan"
        ) from error
    return index


def names() -> tuple[str, ...]:
    """Names of the shipped weights, sorted."""
    return tuple(sorted(_index()))


def digest(name: str) -> str:
    """SHA-256 (hex) that the file of ``name`` must have.

    Raises:
        WeightsError: no such weights.
    """
    try:
        return str(_index()[name]["sha256"])
    except KeyError:
        raise WeightsError(
            f"no weights named {name!r}; this version ships {', '.join(names())}"
        ) from None


def load(name: str) -> dict[str, npt.NDArray[np.generic]]:
    """Read one set of weights and verify its checksum.

    Args:
        name: one of :func:`names`.

    Returns:
        Arrays by name, in the type they are stored in (mostly float16).

    Raises:
        WeightsError: unknown name, file missing, or its bytes are not those that were shipped.
    """
    return _parse(read(name))


def read(name: str) -> bytes:
    """The bytes of one safetensors file, verified; arguments and errors as of :func:`load`."""
    wanted = digest(name)
    path = resources.files(__name__).joinpath(f"{name}.safetensors")
    try:
        data = path.read_bytes()
    except OSError as error:
        raise WeightsError(
            f"weights {name!r} are missing from this installation; reinstall kssgan"
        ) from error
    came = hashlib.sha256(data).hexdigest()
    if came != wanted:
        raise WeightsError(
            f"weights {name!r} are damaged: SHA-256 {came[:12]}... came, {wanted[:12]}... was wanted; "
            f"reinstall kssgan"
        )
    return data
