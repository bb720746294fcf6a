"""One step of training: the generator learns from exact examples, later from the critic too."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812

from kssgan.losses.adversarial import critic_hinge, generator_hinge, r1
from kssgan.losses.parts import Loss
from kssgan.losses.reconstruction import coarse_agreement, reconstruction
from kssgan.models.codes import PARTS
from kssgan.training.augment import augment
from kssgan.training.bank import Batch
from kssgan.training.config import TrainingConfig
from kssgan.training.networks import Networks
from kssgan.training.precision import Precision

__all__ = ["critic_weight", "train_step"]


def train_step(
    networks: Networks,
    batch: Batch,
    mates: Tensor,
    config: TrainingConfig,
    precision: Precision,
    step: int,
) -> dict[str, float]:
    """Improve the networks by one batch.

    Args:
        networks: changed in place.
        batch: examples.
        mates: (D, M) for each donor, donors like it whose codes may be mixed.
        config: weights of the terms.
        precision: of the arithmetic.
        step: number of the step; the only source of chance together with the seed.

    Returns:
        Unweighted parts of the losses and norms of the gradients.
    """
    source = torch.Generator(batch.surrogate.device)
    source.manual_seed((config.seed << 32) + step)
    rate = networks.set_rates(step)
    weight = critic_weight(step, config)
    label = _one_hot(batch.label, networks.generator.config.labels)
    with precision.autocast():
        noise = source if weight else None
        drawn = networks.generator(
            batch.surrogate, *networks.codes(batch.donor, batch.flipped), label, noise=noise
        )
    taught = reconstruction(drawn.float(), batch.picture, bands=config.bands)
    small = networks.codes.vector.square().mean()
    total, parts = taught.total + config.shrink * small, dict(taught.parts)
    if weight:
        with precision.autocast():
            mixed = networks.generator(
                batch.surrogate,
                *_fresh_codes(networks, mates[batch.donor], source),
                label,
                noise=source,
            )
        judged = _judge(networks, batch, drawn, mixed, label, config, source, precision)
        total, parts = total + weight * judged.total, parts | judged.parts
        kept = coarse_agreement(mixed.float(), batch.surrogate, batch.face)
        total, parts = total + config.mixed * config.coarse * kept.total, parts | kept.parts
    parts["norm"] = torch.tensor(
        precision.minimise(
            total, networks.optimisers["generator"], "generator", clip=config.clip
        )
    )
    if weight:
        pictures = torch.cat([drawn.detach(), mixed.detach()]).float()
        parts |= _teach_critic(
            networks, batch, pictures, label, config, source, precision, step
        )
    networks.follow(step)
    return {"rate": rate, **{name: float(value.detach()) for name, value in parts.items()}}


def critic_weight(step: int, config: TrainingConfig) -> float:
    """Weight of the critic at a step: nothing at first, then rising to ``config.adversarial``."""
    begin, ramp = config.critic_from * config.steps, config.critic_ramp * config.steps
    if config.adversarial <= 0 or step < begin:
        return 0.0
    return config.adversarial * min(1.0, (step + 1 - begin) / max(ramp, 1))


def _judge(
    networks: Networks,
    batch: Batch,
    drawn: Tensor,
    mixed: Tensor,
    label: Tensor | None,
    config: TrainingConfig,
    source: torch.Generator,
    precision: Precision,
) -> Loss:
    """What the critic says of drawings with a donor's code and of those with fresh ones."""
    networks.critic.requires_grad_(False)
    with precision.autocast():
        scores = [
            networks.critic(*augment(batch.surrogate, picture.float(), source), label).float()
            for picture in (drawn, mixed)
        ]
    networks.critic.requires_grad_(True)
    own, fresh = (generator_hinge(score) for score in scores)
    parts = {"generator": own.parts["generator"], "generator_mixed": fresh.parts["generator"]}
    return Loss(own.total + config.mixed * fresh.total, parts)


def _teach_critic(
    networks: Networks,
    batch: Batch,
    drawings: Tensor,
    label: Tensor | None,
    config: TrainingConfig,
    source: torch.Generator,
    precision: Precision,
    step: int,
) -> dict[str, Tensor]:
    real = augment(batch.surrogate, batch.picture, source)
    fakes = augment(torch.cat([batch.surrogate] * 2), drawings, source)
    twice = None if label is None else torch.cat([label] * 2)
    with precision.autocast():
        on_real = networks.critic(*real, label).float()
        on_fake = networks.critic(*fakes, twice).float()
    loss = critic_hinge(on_real, on_fake)
    total, parts = loss.total, dict(loss.parts)
    if step % config.r1_every == 0:
        penalty = r1(lambda x: networks.critic(*x.chunk(2, 1), label), torch.cat(real, 1))
        # Asked seldom, so it weighs more when it is.
        total, parts = (
            total + config.r1 * config.r1_every * penalty.total,
            parts | penalty.parts,
        )
    parts["norm_critic"] = torch.tensor(
        precision.minimise(
            total, networks.optimisers["critic"], "critic", clip=10 * config.clip
        )
    )
    return parts


def _fresh_codes(
    networks: Networks, mates: Tensor, source: torch.Generator
) -> tuple[Tensor, Tensor]:
    shape = (len(mates), PARTS)
    picked = torch.randint(mates.shape[1], shape, generator=source, device=mates.device)
    rows = mates.gather(1, picked)
    chance = torch.rand(shape, generator=source, device=mates.device)
    shares = -torch.log(chance.clamp(min=1e-6))  # normalised, these are Dirichlet(1, ..., 1)
    weights = 0.2 + (1 - 0.2 * PARTS) * shares / shares.sum(1, keepdim=True)
    return networks.codes.mixed(rows, weights)


def _one_hot(categories: Tensor, width: int) -> Tensor | None:
    """(B, width) float32, zeros where a category is -1; None where the generator draws no label."""
    if not width:
        return None
    return F.one_hot(categories.clamp(min=0), width).float() * (categories >= 0)[:, None]
