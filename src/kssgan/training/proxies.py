"""Learning the network of k-Same-Net: who and which expression in, that person's head crop out."""

from __future__ import annotations

import math
from collections.abc import Callable
from copy import deepcopy
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812

from kssgan.errors import UsageError
from kssgan.losses.parts import Loss
from kssgan.losses.texture import texture_agreement
from kssgan.models.proxy_network import ProxyConfig, ProxyNetwork
from kssgan.models.stored_proxies import StoredProxies
from kssgan.training.data import Photos
from kssgan.training.prepared import Prepared
from kssgan.types import CROP_SIZE, FloatArray, IntArray

__all__ = ["Lessons", "ProxyRecipe", "choose_proxies", "proxy_loss", "train_proxies"]

_FACE = ((0.5, 0.6), (0.28, 0.36))  # centre and radii in a head crop, as shares of its side
_BANDS = 3  # of the Laplacian pyramid
_WARM = 50  # steps until a rate is reached


@dataclass(frozen=True)
class ProxyRecipe:
    """How a network is learnt.

    Attributes:
        most: proxies of each gender at most.
        rough_steps: on rough pictures, a quarter of the size.
        steps: on whole pictures, afterwards.
        batch: photos of a step.
        rate: of Adam, at its highest.
        noise: added to a code, as a share of the codes' spread, so that faces between codes are faces.
        bands: weight of the pyramid's bands beside the L1 of the picture.
        texture: weight of the agreement in texture.
        face: how much more the face counts than what lies around it.
        seed: of weights, order and noise.
    """

    most: int = 120
    rough_steps: int = 1300
    steps: int = 1500
    batch: int = 8
    rate: float = 1.5e-3
    noise: float = 0.1
    bands: float = 1.0
    texture: float = 0.5
    face: float = 2.0
    seed: int = 0


@dataclass(frozen=True)
class Lessons:
    """Photos of proxies. L photos of P people.

    Attributes:
        pictures: (L, 3, 256, 256) uint8.
        proxy: (L,) 0..P-1.
        label: (L,) category of the expression; -1 where it is not known.
        embeddings: (P, D) float32, unit mean of each proxy's photos.
        genders: P categories, "" where it is not known.
        labels: categories of the expression.
    """

    pictures: Tensor
    proxy: IntArray
    label: IntArray
    embeddings: FloatArray
    genders: tuple[str, ...]
    labels: tuple[str, ...]


def choose_proxies(data: Prepared, *, most: int = 120, seed: int = 0) -> Lessons:
    """Who becomes a proxy: training people with a frontal, sharp photo.

    Of each gender those with more photos first (they show several expressions), then by the seed. People who
    are held out are never among them.

    Args:
        data: the collection.
        most: proxies of each gender at most.
        seed: who of those with equally many photos.

    Raises:
        UsageError: fewer than three photos are fit, or expressions are no part of the collection.
    """
    if "expression" not in data.scheme:
        raise UsageError("the collection knows no expressions; prepare it with --labels")
    photos = Photos(data, torch.device("cpu"))
    genders, expression = photos.category("gender"), photos.category("expression")
    rows_of: dict[int, list[int]] = {}
    for row in photos.donors.tolist():
        rows_of.setdefault(int(data.subject[row]), []).append(row)
    by_gender: dict[int, list[int]] = {}
    order = np.random.default_rng([seed, 5]).permutation(data.subjects).tolist()
    for subject in sorted(rows_of, key=lambda s: (-len(rows_of[s]), order[s])):
        by_gender.setdefault(int(genders[rows_of[subject][0]]), []).append(subject)
    chosen = sorted(s for subjects in by_gender.values() for s in subjects[:most])
    rows = [row for subject in chosen for row in rows_of[subject]]
    means = np.stack(
        [data.embedding[rows_of[subject]].mean(0, dtype=np.float64) for subject in chosen]
    )
    means /= np.maximum(np.linalg.norm(means, axis=1, keepdims=True), 1e-12)
    told = (*data.scheme.get("gender", ()), "")  # -1, not known, is the last
    return Lessons(
        torch.from_numpy(np.stack([data.crop(row) for row in rows]))
        .permute(0, 3, 1, 2)
        .contiguous(),
        np.array([n for n, s in enumerate(chosen) for _ in rows_of[s]], np.int64),
        expression[rows],
        means.astype(np.float32),
        tuple(told[int(genders[rows_of[s][0]])] for s in chosen),
        data.scheme["expression"],
    )


def proxy_loss(
    drawn: Tensor,
    wanted: Tensor,
    *,
    bands: float = 1.0,
    texture: float = 0.5,
    face: float = 2.0,
) -> Loss:
    """L1 between pictures, between the bands of their Laplacian pyramids, and between their textures.

    The original has the first alone, squared, which is content with a blur.

    Args:
        drawn: (B, 3, H, H) in [-1, 1].
        wanted: the same shape.
        bands: weight of the pyramid; at the size of the picture, its half and its quarter.
        texture: weight of the texture; 0 where H is below 64.
        face: how much more a pixel counts in the middle of the face than far from it.

    Returns:
        Parts "l1", "bands" and, with a weight, "texture".
    """
    apart = drawn - wanted
    l1 = (apart.abs() * _face(apart, face)).mean()
    fine = apart.new_zeros(())
    for _ in range(_BANDS):
        small = F.avg_pool2d(apart, 2)
        again = F.interpolate(small, scale_factor=2.0, mode="bilinear", align_corners=False)
        fine = fine + ((apart - again).abs() * _face(apart, face)).mean()
        apart = small
    total = l1 + bands * fine
    parts = {"l1": l1, "bands": fine}
    if texture and drawn.shape[-1] >= 64:
        found = texture_agreement(drawn, wanted).total
        total, parts["texture"] = total + texture * found, found
    return Loss(total, parts)


def _face(like: Tensor, more: float) -> Tensor:
    """(H, H) weights, on average 1."""
    side = like.shape[-1]
    place = (torch.arange(side, dtype=like.dtype, device=like.device) + 0.5) / side
    (cx, cy), (rx, ry) = _FACE
    x, y = ((place - cx) / rx).square(), ((place - cy) / ry).square()
    weights = 1 + more * torch.exp(-(y[:, None] + x[None]))
    return weights / weights.mean()


def train_proxies(
    lessons: Lessons,
    recipe: ProxyRecipe,
    *,
    facts: dict[str, Any] | None = None,
    shape: dict[str, Any] | None = None,
    told: Callable[[int, dict[str, float]], None] | None = None,
) -> StoredProxies:
    """Learn the network, rough pictures first; the same bytes for the same arguments on one thread.

    Codes start where principal components put the proxies' pictures, so that like people start alike.
    Averaged weights of the second half of the steps on whole pictures are returned.

    Args:
        lessons: see :func:`choose_proxies`.
        recipe: see there.
        facts: to be stored beside those of the recipe.
        shape: of the network, other than the usual :class:`ProxyConfig`.
        told: called now and then with the step and the parts of the loss.

    Raises:
        UsageError: fewer than two proxies.
    """
    people = len(lessons.genders)
    if people < 2:
        raise UsageError(f"{people} proxies came, at least 2 are needed")
    torch.manual_seed(recipe.seed)
    network = ProxyNetwork(ProxyConfig(people, len(lessons.labels), **(shape or {})))
    size, rough = network.config.size, network.config.rough_size
    small = _reduced(lessons.pictures, rough)
    with torch.no_grad():
        network.codes.copy_(_components(small, lessons.proxy, network.config.code))
        bias = small.mean((0, 2, 3))
        network.rough_head.bias.copy_(bias)  # type: ignore[union-attr]
    network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    whole = _reduced(lessons.pictures, size)
    labels = _labels(lessons)
    rng = np.random.default_rng([recipe.seed, 6])
    average = deepcopy(network)
    for stage, (steps, pictures) in enumerate(
        ((recipe.rough_steps, small), (recipe.steps, whole))
    ):
        optimiser = torch.optim.Adam(network.parameters(), recipe.rate, (0.9, 0.99))
        rows = _order(len(lessons.proxy), steps * recipe.batch, rng)
        for step in range(steps):
            for group in optimiser.param_groups:
                group["lr"] = recipe.rate * _rate(step, steps)
            own = rows[step * recipe.batch : (step + 1) * recipe.batch]
            code = network.codes[lessons.proxy[own]]
            spread = network.codes.detach().std()
            code = code + recipe.noise * spread * torch.randn(code.shape)
            draw = network.decode if stage else network.rough
            loss = proxy_loss(
                draw(code, labels[own]),
                pictures[own],
                bands=recipe.bands,
                texture=recipe.texture,
                face=recipe.face,
            )
            optimiser.zero_grad()
            loss.total.backward()  # type: ignore[no-untyped-call]
            optimiser.step()
            if stage and step >= steps // 2:
                _average(average, network, 1 / (1 + step - steps // 2))
            elif stage:
                _average(average, network, 1.0)
            if told is not None and (step + 1) % 50 == 0:
                count = step + 1 + stage * recipe.rough_steps
                told(count, {name: float(part.detach()) for name, part in loss.parts.items()})
    return StoredProxies(
        average.eval().requires_grad_(False),
        lessons.embeddings,
        lessons.genders,
        lessons.labels,
        {**(facts or {}), "recipe": asdict(recipe), "photos": len(lessons.proxy)},
    )


def _reduced(pictures: Tensor, size: int) -> Tensor:
    """(L, 3, size, size) float32 in [-1, 1]."""
    factor = CROP_SIZE // size
    parts = [F.avg_pool2d(part.float(), factor) for part in torch.split(pictures, 64)]
    return torch.cat(parts) / 127.5 - 1


def _labels(lessons: Lessons) -> Tensor:
    """(L, labels) one-hot; equal shares where the expression is not known."""
    width = len(lessons.labels)
    known = torch.from_numpy(lessons.label)
    one_hot = F.one_hot(known.clamp(min=0), width).float()
    return torch.where(known[:, None] >= 0, one_hot, torch.full((1, width), 1 / width))


def _components(small: Tensor, proxy: IntArray, width: int) -> Tensor:
    """(P, width) coefficients of the proxies' mean pictures, damped, on average of square 1."""
    people = int(proxy.max()) + 1
    rows = small.flatten(1).double()
    means = torch.zeros(people, rows.shape[1], dtype=torch.float64)
    means.index_add_(0, torch.from_numpy(proxy), rows)
    means /= torch.from_numpy(np.bincount(proxy, minlength=people))[:, None]
    left, values, _ = torch.linalg.svd(means - means.mean(0), full_matrices=False)
    kept = min(width, people - 1)
    codes = torch.zeros(people, width, dtype=torch.float64)
    codes[:, :kept] = left[:, :kept] * values[:kept].sqrt()
    return (codes / codes.square().mean().sqrt().clamp(min=1e-12)).float()


def _order(count: int, wanted: int, rng: np.random.Generator) -> IntArray:
    """Every photo equally often, in random order."""
    rounds = [rng.permutation(count) for _ in range(math.ceil(wanted / count))]
    return np.concatenate(rounds).astype(np.int64)[:wanted]


def _rate(step: int, steps: int) -> float:
    return min(1.0, (step + 1) / _WARM) * (0.03 + 0.97 * math.cos(math.pi / 2 * step / steps))


def _average(average: ProxyNetwork, network: ProxyNetwork, share: float) -> None:
    with torch.no_grad():
        for mine, theirs in zip(average.parameters(), network.parameters(), strict=True):
            mine.lerp_(theirs, share)
