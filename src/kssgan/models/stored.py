"""A generator as a file: half-precision weights, codes, label scheme and shape in one safetensors file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.torch import load as parse
from torch import Tensor
from torch.nn import functional as F  # noqa: N812

from kssgan.errors import WeightsError
from kssgan.models.ageing import Ageing
from kssgan.models.codes import CodeTable
from kssgan.models.face_detail import FaceDetail
from kssgan.models.face_space import FaceSpace
from kssgan.models.generator import Generator, GeneratorConfig
from kssgan.models.head_detail import HeadDetail
from kssgan.models.weights_file import (
    about,
    half_weights,
    load_weights,
    packed,
    to_bytes,
    under,
    unpacked,
)
from kssgan.types import CROP_SIZE, FloatArray

__all__ = ["FORMAT", "PublicMean", "StoredGenerator", "read_generator", "write_generator"]

FORMAT = "kssgan-generator/4"

_READ = {FORMAT, "kssgan-generator/3"}  # 3: layers were not packed

POINTS = 468  # of a shape


@dataclass(frozen=True, eq=False)
class PublicMean:
    """Shape-normalised mean of many people whom no release protects.

    Attributes:
        image_01: (256, 256, 3) float32 in [0, 1].
        points: (468, 2) float32, pixels of ``image_01``.
        people: how many they are.
    """

    image_01: FloatArray
    points: FloatArray
    people: int


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
        public: by gender and category of the first label, "" where any will do: mean of training people, to
            which S_g of few people is drawn. Pictures are kept at half size.
        space: how faces of training people differ; None where they are too few.
        detail: fine detail of the donors' heads, in the order of ``codes``; None where none is lent.
        face: fine detail of faces; None where they were too few.
        ageing: how faces change with age; None where ages are not known.
        trained_on: (N, 128) float32, unit length: the shipped recogniser's embeddings of the photos trained
            on, to which no picture may be too near; None where they are not told, as in what is trained on
            an owner's people.
    """

    generator: Generator
    codes: CodeTable
    labels: Mapping[str, Sequence[str]]
    facts: Mapping[str, Any]
    shapes: Mapping[str, Mapping[str, FloatArray]] = field(default_factory=dict)
    public: Mapping[tuple[str, str], PublicMean] = field(default_factory=dict)
    space: FaceSpace | None = None
    detail: HeadDetail | None = None
    face: FaceDetail | None = None
    ageing: Ageing | None = None
    trained_on: FloatArray | None = None


def write_generator(stored: StoredGenerator) -> bytes:
    """Bytes for :func:`read_generator`; equal content gives equal bytes."""
    tensors = half_weights(stored.generator, "generator")
    for name in ("vector", "layout", "tone", "wall"):
        tensors[f"codes.{name}"] = torch.from_numpy(
            np.ascontiguousarray(getattr(stored.codes, name), np.float16)
        )
    for attribute, by_category in stored.shapes.items():
        for category, shape in by_category.items():
            tensors[f"shapes.{attribute}.{category}"] = torch.from_numpy(
                np.ascontiguousarray(shape, np.float32)
            )
    for (gender, category), mean in stored.public.items():
        planes = torch.from_numpy(np.ascontiguousarray(mean.image_01.transpose(2, 0, 1)))
        small = F.avg_pool2d(planes[None] * 255, 2)[0].round().to(torch.uint8)
        tensors[f"public.{gender}:{category}.image"] = small
        tensors[f"public.{gender}:{category}.points"] = torch.tensor(np.float32(mean.points))
    if stored.space is not None:
        tensors |= _space_tensors(stored.space)
    if stored.detail is not None:
        tensors |= stored.detail.tensors()
    if stored.face is not None:
        tensors |= stored.face.tensors()
    if stored.ageing is not None:
        tensors |= stored.ageing.tensors()
    if stored.trained_on is not None:
        tensors["trained_on"] = torch.from_numpy(np.ascontiguousarray(stored.trained_on)).half()
    tensors, kinds = packed(tensors)
    said = {
        "format": FORMAT,
        "packed": kinds,
        "config": stored.generator.config.to_json(),
        "labels": [[name, list(c)] for name, c in stored.labels.items()],
        "donors": [dict(a) for a in stored.codes.attributes],
        "public": {f"{g}:{c}": mean.people for (g, c), mean in sorted(stored.public.items())},
        "bands": [] if stored.ageing is None else list(stored.ageing.bands),
        "facts": dict(stored.facts),
    }
    return to_bytes(tensors, said)


def read_generator(data: bytes) -> StoredGenerator:
    """Read what :func:`write_generator` wrote.

    Raises:
        WeightsError: not a generator's file, of another version, or damaged.
    """
    said = about(data)
    if said is None:
        raise WeightsError(
            "these are no generator's weights; give a file that kssgan train wrote"
        )
    if said.get("format") not in _READ:
        raise WeightsError(f"weights of another kind or version came, {FORMAT} was wanted")
    try:
        parsed = unpacked(parse(data), said.get("packed", {}))
        detail, face = HeadDetail.of(parsed), FaceDetail.of(parsed)
        ageing = Ageing.of(parsed, said.get("bands", ()))
        tensors = {
            n: v.float()
            for n, v in parsed.items()
            if not n.startswith(("detail.", "face.", "ageing."))
        }
        generator = Generator(GeneratorConfig.from_json(said["config"]))
        load_weights(generator, tensors, "generator")
        codes = CodeTable(
            tensors["codes.vector"].numpy(),
            tensors["codes.layout"].numpy(),
            tensors["codes.tone"].numpy(),
            tensors["codes.wall"].numpy(),
            said["donors"],
        )
        parts = (codes.vector, codes.layout, codes.tone, codes.wall, codes.attributes)
        if len({len(part) for part in parts}) > 1:
            raise ValueError("codes and donors differ in number")
        if ageing is not None and "space.points" not in tensors:
            raise ValueError("ageing without the shape it lies in")
        if detail is not None and len(detail) != len(codes):
            raise ValueError("codes and details differ in number")
        labels = {name: tuple(c) for name, c in said["labels"]}
        shapes: dict[str, dict[str, FloatArray]] = {}
        for name, value in under(tensors, "shapes.").items():
            if value.shape != (POINTS, 2):
                raise ValueError("a shape of another kind")
            attribute, category = name.split(".")
            shapes.setdefault(attribute, {})[category] = value.numpy()
        public = {
            _pair(name): _public(tensors, name, int(people))
            for name, people in said.get("public", {}).items()
        }
        space = _space(tensors) if "space.points" in tensors else None
        trained_on = _embeddings(tensors)
    except (SafetensorError, RuntimeError, ValueError, KeyError, TypeError) as error:
        raise WeightsError(
            f"the generator's weights are damaged ({type(error).__name__}); copy or train them again"
        ) from None
    return StoredGenerator(
        generator.eval().requires_grad_(False),
        codes,
        labels,
        said["facts"],
        shapes,
        public,
        space,
        detail,
        face,
        ageing,
        trained_on,
    )


def _embeddings(tensors: Mapping[str, Tensor]) -> FloatArray | None:
    if "trained_on" not in tensors:
        return None
    rows = tensors["trained_on"]
    if rows.ndim != 2 or not len(rows) or not rows.isfinite().all():
        raise ValueError("embeddings of another kind")
    found: FloatArray = F.normalize(rows).numpy()
    return found


def _pair(name: str) -> tuple[str, str]:
    gender, category = name.split(":")
    return gender, category


def _public(tensors: Mapping[str, Tensor], name: str, people: int) -> PublicMean:
    image, points = tensors[f"public.{name}.image"], tensors[f"public.{name}.points"]
    if image.shape != (3, CROP_SIZE // 2, CROP_SIZE // 2) or points.shape != (POINTS, 2):
        raise ValueError("a public mean of another kind")
    large = F.interpolate(image[None], scale_factor=2.0, mode="bilinear", align_corners=False)
    picture = np.ascontiguousarray(large[0].permute(1, 2, 0).numpy()) / np.float32(255)
    return PublicMean(picture.astype(np.float32), points.numpy(), people)


def _space_tensors(space: FaceSpace) -> dict[str, Tensor]:
    """Directions of pictures in 8 bits each, with their own unit."""
    planes = torch.from_numpy(np.ascontiguousarray(space.pictures.transpose(0, 3, 1, 2)))
    unit = planes.abs().amax((1, 2, 3), keepdim=True).clamp(min=1e-12) / 127
    return {
        "space.points": torch.tensor(np.float32(space.points)),
        "space.pictures": (planes / unit).round().to(torch.int8),
        "space.unit": unit.flatten(),
        "space.shapes": torch.tensor(np.float32(space.shapes)),
        **{
            f"space.spread.{name}": torch.from_numpy(np.ascontiguousarray(factor, np.float32))
            for name, factor in space.spread.items()
        },
        **{
            f"space.kind.{name}": torch.from_numpy(np.ascontiguousarray(texture)).half()
            for name, texture in space.kinds.items()
        },
    }


def _space(tensors: Mapping[str, Tensor]) -> FaceSpace:
    pictures, shapes = tensors["space.pictures"], tensors["space.shapes"]
    side = CROP_SIZE // 2
    spread = {name: v.numpy() for name, v in under(tensors, "space.spread.").items()}
    kinds = {name: v.numpy() for name, v in under(tensors, "space.kind.").items()}
    directions = len(pictures) + len(shapes)
    if any(texture.shape != (side, side, 3) for texture in kinds.values()) or (
        pictures.shape[1:] != (3, side, side)
        or shapes.shape[1:] != (POINTS, 2)
        or tensors["space.points"].shape != (POINTS, 2)
        or any(factor.shape != (directions, directions) for factor in spread.values())
    ):
        raise ValueError("a face space of another kind")
    planes = pictures * tensors["space.unit"].view(-1, 1, 1, 1)
    return FaceSpace(
        tensors["space.points"].numpy(),
        np.ascontiguousarray(planes.permute(0, 2, 3, 1).numpy()),
        shapes.numpy(),
        spread,
        kinds,
    )
