"""A generator as a file: half-precision weights, codes, label scheme and shape in one safetensors file."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.torch import load as parse
from safetensors.torch import save as serialise

from kssgan.errors import WeightsError
from kssgan.models.codes import CodeTable
from kssgan.models.generator import Generator, GeneratorConfig

__all__ = ["FORMAT", "StoredGenerator", "read_generator", "write_generator"]

FORMAT = "kssgan-generator/2"


@dataclass(frozen=True)
class StoredGenerator:
    """Everything that drawing needs.

    Attributes:
        generator: in evaluation mode, float32.
        codes: of the donors.
        labels: attribute names with their categories, in the order of the one-hot label c.
        facts: where it came from: data, recipe, seed, steps.
    """

    generator: Generator
    codes: CodeTable
    labels: Mapping[str, Sequence[str]]
    facts: Mapping[str, Any]


def write_generator(stored: StoredGenerator) -> bytes:
    """Bytes for :func:`read_generator`; equal content gives equal bytes."""
    tensors = {
        f"generator.{name}": value.detach().cpu().half().contiguous()
        for name, value in stored.generator.state_dict().items()
    }
    for name in ("vector", "layout", "tone"):
        tensors[f"codes.{name}"] = torch.from_numpy(
            np.ascontiguousarray(getattr(stored.codes, name), np.float16)
        )
    about = {
        "format": FORMAT,
        "config": stored.generator.config.to_json(),
        "labels": [[name, list(c)] for name, c in stored.labels.items()],
        "donors": [dict(a) for a in stored.codes.attributes],
        "facts": dict(stored.facts),
    }
    # One entry: the order of several would differ from run to run.
    return serialise(tensors, {"kssgan": json.dumps(about, sort_keys=True)})


def read_generator(data: bytes) -> StoredGenerator:
    """Read what :func:`write_generator` wrote.

    Raises:
        WeightsError: not a generator's file, of another version, or damaged.
    """
    try:
        length = int.from_bytes(data[:8], "little")
        head = json.loads(data[8 : 8 + length])
        about = json.loads(head.get("__metadata__", {}).get("kssgan", "{}"))
    except (ValueError, AttributeError, RecursionError):
        raise WeightsError(
            "these are no generator's weights; give a file that kssgan train wrote"
        ) from None
    if not isinstance(about, dict) or about.get("format") != FORMAT:
        raise WeightsError(f"weights of another kind or version came, {FORMAT} was wanted")
    try:
        tensors = {name: value.float() for name, value in parse(data).items()}
        generator = Generator(GeneratorConfig.from_json(about["config"]))
        generator.load_state_dict(
            {
                name.removeprefix("generator."): value
                for name, value in tensors.items()
                if name.startswith("generator.")
            }
        )
        codes = CodeTable(
            tensors["codes.vector"].numpy(),
            tensors["codes.layout"].numpy(),
            tensors["codes.tone"].numpy(),
            about["donors"],
        )
        if (
            len({len(codes.vector), len(codes.layout), len(codes.tone), len(codes.attributes)})
            > 1
        ):
            raise ValueError("codes and donors differ in number")
        labels = {name: tuple(c) for name, c in about["labels"]}
    except (SafetensorError, RuntimeError, ValueError, KeyError, TypeError) as error:
        raise WeightsError(
            f"the generator's weights are damaged ({type(error).__name__}); copy or train them again"
        ) from None
    return StoredGenerator(
        generator.eval().requires_grad_(False), codes, labels, about["facts"]
    )
