"""How the refiner learns: photographs made small and soft, to be guessed back; then drawings as well."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812

from kssgan.losses.reconstruction import reconstruction
from kssgan.losses.texture import texture_agreement
from kssgan.models.haar import softened
from kssgan.training.config import TrainingConfig
from kssgan.training.critics import judge, teach_critic, weight_at
from kssgan.training.data import Photos
from kssgan.training.networks import Networks
from kssgan.training.precision import Precision

__all__ = ["Drawings", "Pieces", "pieces", "refine_step", "wants_drawings"]

_GRAIN = 0.015  # strongest noise, of [-1, 1]
_FINE = 0.3  # weight of agreement pixel by pixel; at half size it is 1


@dataclass(frozen=True)
class Pieces:
    """Squares of photographs for one step.

    Attributes:
        photograph: (B, 3, crop, crop) in [-1, 1].
        soft: (B, 3, crop / 2, crop / 2) the same, made smaller, blurred and grained by chance.
    """

    photograph: Tensor
    soft: Tensor


@dataclass(frozen=True)
class Drawings:
    """What a drawer made.

    Attributes:
        own: (B, 3, size / 2, size / 2) in [-1, 1], heads of donors.
        wanted: (B, 3, size, size) the composites that they should have been.
        fresh: (D, 3, size / 2, size / 2) heads of fresh codes; nobody knows what they should have been.
    """

    own: Tensor
    wanted: Tensor
    fresh: Tensor


def wants_drawings(config: TrainingConfig, step: int) -> bool:
    """Whether the refiner learns from drawings at a step."""
    turn = config.turn(step)
    return turn.refining and turn.done >= config.refine_drawings_from * turn.steps


def pieces(photos: Photos, config: TrainingConfig, step: int) -> Pieces:
    """Squares of sharp photographs to train on: a function of the seed and the step alone."""
    rng = np.random.default_rng([config.seed, 7, step])
    rows = rng.choice(photos.sharp, config.crops, replace=config.crops > len(photos.sharp))
    whole = photos.crops(rows) * 2 - 1
    mirrored = torch.from_numpy(rng.random(len(rows)) < 0.5).to(whole.device)
    whole = torch.where(mirrored[:, None, None, None], whole.flip(3), whole)
    (photograph,) = _cut([whole], [1], config.crop, rng)
    small = F.avg_pool2d(photograph, 2)

    def chance() -> Tensor:
        return torch.from_numpy(rng.random((len(rows), 1, 1, 1), np.float32)).to(small)

    once, twice = softened(small), softened(softened(small))
    grain = torch.from_numpy(rng.standard_normal(small.shape, np.float32)).to(small)
    small = small.lerp(once, chance()).lerp(twice, chance() ** 2) + _GRAIN * chance() * grain
    return Pieces(photograph, small.clamp(-1, 1))


def refine_step(
    networks: Networks,
    photographs: Pieces,
    drawings: Drawings | None,
    config: TrainingConfig,
    precision: Precision,
    source: torch.Generator,
    step: int,
) -> dict[str, Tensor]:
    """Improve the refiner by one batch of photographs, and by drawings where there are some.

    A photograph is known to the pixel. Of a lesson's drawing it is known how much fine detail the composite
    has at which place, not where a strand lies; of fresh heads, what the drawing shows. All are judged.

    Args:
        networks: changed in place.
        photographs: squares.
        drawings: of the averaged drawer, or None.
        config: weights of the terms.
        precision: of the arithmetic.
        source: of chance.
        step: number of the step.

    Returns:
        Unweighted parts, "refine." in front.
    """
    turn = config.turn(step)
    weight = weight_at(turn, config.refine_critic_from, config.refine_adversarial, config)
    refiner, critic = networks.generator.refiner, networks.refine_critic
    noise = source if weight else None
    with precision.autocast():
        refined = refiner(photographs.soft, noise=noise).float()
    truth = photographs.photograph
    half = (F.avg_pool2d(refined - truth, 2)).abs().mean()
    pixels = reconstruction(refined, truth, bands=config.bands)
    texture = texture_agreement(refined, truth).total
    total = half + _FINE * pixels.total + config.texture * texture
    parts = pixels.parts | {"half": half, "texture": texture}
    shown = [refined]
    if drawings is not None:
        rng = np.random.default_rng([config.seed, 8, step])
        own, wanted = _cut([drawings.own, drawings.wanted], [2, 1], config.crop, rng)
        (fresh,) = _cut([drawings.fresh], [2], config.crop, rng)
        small = torch.cat([own, fresh])
        with precision.autocast():
            done = refiner(small, noise=noise).float()
        like = texture_agreement(done[: len(own)], wanted).total
        kept = (F.avg_pool2d(done, 4) - F.avg_pool2d(small, 2)).abs().mean()
        total = total + kept + config.texture * like
        parts |= {"kept": kept, "drawn_texture": like}
        shown.append(done)
    if weight:
        said = judge(critic, refined, None, source, precision, truth=truth)
        total = total + weight * (said.total + config.matching * said.parts["matching"])
        parts |= said.parts
        for done in shown[1:]:
            free = judge(critic, done, None, source, precision).total
            total = total + weight * config.refine_drawings * free
            parts["drawings"] = free
    norm = precision.minimise(
        total, networks.optimisers["refiner"], "refiner", clip=config.clip
    )
    parts["norm"] = norm
    found = {f"refine.{name}": value for name, value in parts.items()}
    if weight:
        found |= teach_critic(
            networks,
            "refine_critic",
            truth,
            torch.cat(shown).detach(),
            None,
            None,
            config,
            source,
            precision,
            step,
        )
    return found


def _cut(
    sets: list[Tensor], scales: list[int], side: int, rng: np.random.Generator
) -> list[Tensor]:
    """The same square of each picture in each set, anywhere on an even place.

    Args:
        sets: (B, 3, H / scale, W / scale) each.
        scales: by how much the pictures of a set were reduced, 1 or 2.
        side: of the square, in pixels of the whole picture.
        rng: of the places.
    """
    if not len(sets[0]):
        return [
            s.new_empty(0, 3, side // by, side // by)
            for s, by in zip(sets, scales, strict=True)
        ]
    room = (sets[0].shape[-1] * scales[0] - side) // 2
    corners = (2 * rng.integers(0, room + 1, (len(sets[0]), 2))).tolist()
    return [
        torch.stack(
            [
                p[:, y // by : (y + side) // by, x // by : (x + side) // by]
                for p, (y, x) in zip(pictures, corners, strict=True)
            ]
        )
        for pictures, by in zip(sets, scales, strict=True)
    ]
