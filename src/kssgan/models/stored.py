"""A generator as a file: half-precision weights, codes, label scheme and shape in one safetensors file."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.torch import load as parse
from safetensors.torch import save as serialise

from kssgan.errors import WeightsError
from kssgan.models.codes import CodeTable
from kssgan.models.generator import Generator, GeneratorConfig
from kssgan.types import FloatArray

__all__ = ["FORMAT", "StoredGenerator", "read_generator", "write_generator"]

FORMAT = "kssgan-generator/2"

POINTS = 468  # of a shape


@dataclass(frozen=True)
class StoredGenerator:
    """Everything that drawing needs.

    Attributes:
        generator: in evaluation mode, float32.
        codes: of the donors.
        labels: attribute names with their categories, in the order of the one-hot label c.
        facts: where it came from: data, recipe, seed, steps.
        shapes: by attribute and category, (468, 2) float32 mean shape of training people of whom every
            category is known, pixels of a 256 px crop; empty where there are none.
    """

    generator: Generator
    codes: CodeTable
    labels: Mapping[str, Sequence[str]]
    facts: Mapping[str, Any]
    shapes: Mapping[str, Mapping[str, FloatArray]] = field(default_factory=dict)


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
    for attribute, by_category in stored.shapes.items():
        for category, shape in by_category.items():
            tensors[f"shapes.{attribute}.{category}"] = torch.from_numpy(
                np.ascontiguousarray(shape, np.float32)
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
        shapes: dict[str, dict[str, FloatArray]] = {}
        for name, value in sorted(tensors.items()):
            if name.startswith("shapes."):
                if value.shape != (POINTS, 2):
                    raise ValueError("a shape of another kind")
                _, attribute, category = name.split(".")
                shapes.setdefault(attribute, {})[category] = value.numpy()
    except (SafetensorError, RuntimeError, ValueError, KeyError, TypeError) as error:
        raise WeightsError(
            f"the generator's weights are damaged ({type(error).__name__}); copy or train them again"
        ) from None
    return StoredGenerator(
        generator.eval().requires_grad_(False), codes, labels, about["facts"], shapes
    )
