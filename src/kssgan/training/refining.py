"""How the refiner learns: photographs made small and soft, to be guessed back; later, drawings."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812

from kssgan.losses.reconstruction import reconstruction
from kssgan.training.config import TrainingConfig
from kssgan.training.critics import judge, teach_critic, weight_at
from kssgan.training.data import Photos
from kssgan.training.networks import Networks
from kssgan.training.precision import Precision

__all__ = ["Squares", "refine_step", "squares"]

_SIGMA = 1.3  # widest blur, pixels at half size
_GRAIN = 0.015  # strongest noise, of [-1, 1]


@dataclass(frozen=True)
class Squares:
    """Pieces of photographs for one step.

    Attributes:
        photograph: (B, 3, crop, crop) in [-1, 1].
        soft: (B, 3, crop / 2, crop / 2) the same, made smaller, blurred and grained by chance.
    """

    photograph: Tensor
    soft: Tensor


def squares(photos: Photos, config: TrainingConfig, step: int) -> Squares:
    """The pieces of a step: a function of the seed and the step alone."""
    rng = np.random.default_rng([config.seed, 7, step])
    rows = rng.choice(photos.sharp, config.crops, replace=config.crops > len(photos.sharp))
    whole = photos.crops(rows) * 2 - 1
    mirrored = torch.from_numpy(rng.random(len(rows)) < 0.5).to(whole.device)
    whole = torch.where(mirrored[:, None, None, None], whole.flip(3), whole)
    pieces = _cut(whole, config.crop, rng)
    small = F.avg_pool2d(pieces, 2)
    soft = torch.from_numpy(rng.random((len(rows), 1, 1, 1), np.float32)).to(small)
    grain = torch.from_numpy(rng.standard_normal(small.shape, np.float32)).to(small)
    strength = torch.from_numpy(rng.random((len(rows), 1, 1, 1), np.float32)).to(small)
    small = small.lerp(_blurred(small), soft) + _GRAIN * strength * grain
    return Squares(pieces, small.clamp(-1, 1))


def refine_step(
    networks: Networks,
    pieces: Squares,
    drawings: Tensor | None,
    config: TrainingConfig,
    precision: Precision,
    source: torch.Generator,
    step: int,
) -> dict[str, Tensor]:
    """Improve the refiner by one batch of pieces, and by drawings where there are some.

    Args:
        networks: changed in place.
        pieces: of photographs.
        drawings: (B, 3, size / 2, size / 2) without gradients, or None.
        config: weights of the terms.
        precision: of the arithmetic.
        source: of chance.
        step: number of the step.

    Returns:
        Unweighted parts, "refine." in front.
    """
    refiner = networks.generator.refiner
    weight = weight_at(step, config.refine_from, config.refine_adversarial, config)
    if drawings is not None:
        weight *= config.refine_late
    noise = source if weight else None
    with precision.autocast():
        refined = refiner(pieces.soft, noise=noise).float()
    taught = reconstruction(refined, pieces.photograph, bands=config.bands)
    total, parts = taught.total, dict(taught.parts)
    shown = [refined]
    if weight:
        critic = networks.refine_critic
        said = judge(critic, refined, None, source, precision, truth=pieces.photograph)
        total = total + weight * (said.total + config.matching * said.parts["matching"])
        parts |= said.parts
        if drawings is not None:
            rng = np.random.default_rng([config.seed, 8, step])
            small = _cut(drawings[: len(refined)], config.crop // 2, rng)
            with precision.autocast():
                photograph = refiner(small, noise=noise).float()
            # Drawings are soft: finer than this they are to change.
            kept = (F.avg_pool2d(photograph, 4) - F.avg_pool2d(small, 2)).abs().mean()
            said = judge(critic, photograph, None, source, precision)
            total = total + weight * said.total + kept
            parts |= {"kept": kept, "drawings": said.total}
            shown.append(photograph)
    norm = precision.minimise(
        total, networks.optimisers["refiner"], "refiner", clip=config.clip
    )
    parts["norm"] = torch.tensor(norm)
    found = {f"refine.{name}": value for name, value in parts.items()}
    if weight:
        found |= teach_critic(
            networks,
            "refine_critic",
            pieces.photograph,
            torch.cat(shown).detach(),
            None,
            None,
            config,
            source,
            precision,
            step,
        )
    return found


def _cut(pictures: Tensor, side: int, rng: np.random.Generator) -> Tensor:
    """A square of each picture, anywhere."""
    corners = rng.integers(0, pictures.shape[-1] - side + 1, (len(pictures), 2)).tolist()
    return torch.stack(
        [p[:, y : y + side, x : x + side] for p, (y, x) in zip(pictures, corners, strict=True)]
    )


def _blurred(pictures: Tensor) -> Tensor:
    """Gaussian blur of _SIGMA pixels, the border mirrored."""
    reach = int(3 * _SIGMA)
    along = torch.arange(-reach, reach + 1, device=pictures.device, dtype=pictures.dtype)
    kernel = torch.exp(-0.5 * (along / _SIGMA).square())
    kernel = (kernel / kernel.sum()).view(1, 1, 1, -1).expand(3, 1, 1, -1)
    pictures = F.pad(pictures, (reach,) * 4, "reflect")
    pictures = F.conv2d(pictures, kernel, groups=3)
    return F.conv2d(pictures, kernel.transpose(2, 3), groups=3)
