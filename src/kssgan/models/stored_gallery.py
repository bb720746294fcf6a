"""A generator trained on one gallery, as a file: it draws the groups of that gallery and no others."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.torch import load as parse

from kssgan.errors import WeightsError
from kssgan.models.star_generator import StarGenerator, StarGeneratorConfig
from kssgan.models.weights_file import about, half_weights, load_weights, to_bytes
from kssgan.types import FloatArray, IntArray

__all__ = ["GALLERY_FORMAT", "StoredGallery", "is_gallery", "read_gallery", "write_gallery"]

GALLERY_FORMAT = "kssgan-gallery/1"


@dataclass(frozen=True)
class StoredGallery:
    """Everything that drawing a gallery's groups needs. As private as photographs: it has learnt their faces.

    Attributes:
        generator: in evaluation mode, float32.
        size: side of its pictures.
        z: length of z.
        k: people that each group has at least.
        labels: attribute names with their categories, in the order of c.
        embedding: (N, D) float32 of every photograph, unit length: who is in which group.
        group: (N,) int64 group of every photograph, 0..G-1.
        person: (N,) int64 subject of every photograph.
        strict: whether G was shown S_g.
        utility: whether G was shown photographs.
        facts: data, recipe, seed, steps.
    """

    generator: StarGenerator
    size: int
    z: int
    k: int
    labels: Mapping[str, Sequence[str]]
    embedding: FloatArray
    group: IntArray
    person: IntArray
    strict: bool
    utility: bool
    facts: Mapping[str, Any]

    @property
    def groups(self) -> int:
        """Number of groups."""
        return int(self.group.max()) + 1


def write_gallery(stored: StoredGallery) -> bytes:
    """Bytes for :func:`read_gallery`; equal content gives equal bytes."""
    tensors = half_weights(stored.generator, "generator")
    tensors["embedding"] = torch.from_numpy(
        np.ascontiguousarray(stored.embedding, np.float32)
    ).half()
    tensors["group"] = torch.from_numpy(np.ascontiguousarray(stored.group, np.int32))
    tensors["person"] = torch.from_numpy(np.ascontiguousarray(stored.person, np.int32))
    said = {
        "format": GALLERY_FORMAT,
        "config": stored.generator.config.to_json(),
        "size": stored.size,
        "z": stored.z,
        "k": stored.k,
        "labels": [[name, list(c)] for name, c in stored.labels.items()],
        "strict": stored.strict,
        "utility": stored.utility,
        "facts": dict(stored.facts),
    }
    return to_bytes(tensors, said)


def is_gallery(data: bytes) -> bool:
    """Whether bytes are what :func:`write_gallery` wrote, by their head alone."""
    return (about(data) or {}).get("format") == GALLERY_FORMAT


def read_gallery(data: bytes) -> StoredGallery:
    """Read what :func:`write_gallery` wrote.

    Raises:
        WeightsError: not a gallery's file, of another version, or damaged.
    """
    said = about(data) or {}
    if said.get("format") != GALLERY_FORMAT:
        raise WeightsError(
            f"weights of another kind or version came, {GALLERY_FORMAT} was wanted"
        )
    try:
        tensors = parse(data)
        generator = StarGenerator(StarGeneratorConfig.from_json(said["config"]))
        load_weights(generator, tensors, "generator")
        group, person = (tensors[name].long().numpy() for name in ("group", "person"))
        embedding = tensors["embedding"].float().numpy()
        if not len(embedding) == len(group) == len(person) or group.min() < 0:
            raise ValueError("photographs of different number")
        labels = {name: tuple(c) for name, c in said["labels"]}
        return StoredGallery(
            generator.eval().requires_grad_(False),
            int(said["size"]),
            int(said["z"]),
            int(said["k"]),
            labels,
            embedding,
            group,
            person,
            bool(said["strict"]),
            bool(said["utility"]),
            said["facts"],
        )
    except (SafetensorError, RuntimeError, ValueError, KeyError, TypeError) as error:
        raise WeightsError(
            f"the gallery's weights are damaged ({type(error).__name__}); copy or train them again"
        ) from None
