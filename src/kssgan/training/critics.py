"""What a critic says of drawings, and how it learns; the same for the drawer's and the refiner's."""

from __future__ import annotations

import torch
from torch import Tensor

from kssgan.losses.adversarial import critic_hinge, feature_matching, generator_hinge, r1
from kssgan.losses.parts import Loss
from kssgan.models.critic import Critic
from kssgan.training.augment import augment
from kssgan.training.config import TrainingConfig, Turn
from kssgan.training.feature_critic import FeatureCritic
from kssgan.training.networks import Networks
from kssgan.training.precision import Precision

__all__ = ["judge", "teach_critic", "weight_at"]


def weight_at(turn: Turn, begin: float, full: float, config: TrainingConfig) -> float:
    """Weight of a critic at a step: none before ``begin`` (share of the turn), then rising to ``full``."""
    first, ramp = begin * turn.steps, config.critic_ramp * turn.steps
    if full <= 0 or turn.done < first:
        return 0.0
    return full * min(1.0, (turn.done + 1 - first) / max(ramp, 1))


def judge(
    critic: Critic | FeatureCritic,
    drawn: Tensor,
    label: Tensor | None,
    source: torch.Generator,
    precision: Precision,
    *,
    truth: Tensor | None = None,
) -> Loss:
    """A critic's opinion, for who draws; the critic learns nothing.

    Args:
        critic: judges.
        drawn: (B, channels, H, W) as :class:`Critic` wants it; gradients flow back.
        label: (B, labels) or None.
        source: of chance.
        precision: of the arithmetic.
        truth: the same with what should have been drawn, where it is known.

    Returns:
        Total and part "generator", the hinge; with ``truth`` also a part "matching", not in the total.
    """
    both = drawn if truth is None else torch.cat([drawn, truth], 1)
    shown = augment(both.float(), source).chunk(1 if truth is None else 2, 1)
    critic.requires_grad_(False)
    with precision.autocast():
        score, seen = critic.look(shown[0], label)
    found = generator_hinge(score.float())
    if truth is not None:
        with torch.no_grad(), precision.autocast():
            wanted = critic.look(shown[1], label)[1]
        found = Loss(found.total, found.parts | feature_matching(seen, wanted).parts)
    critic.requires_grad_(True)
    return found


def teach_critic(
    networks: Networks,
    name: str,
    real: Tensor,
    drawn: Tensor,
    label: Tensor | None,
    drawn_label: Tensor | None,
    config: TrainingConfig,
    source: torch.Generator,
    precision: Precision,
    step: int,
) -> dict[str, Tensor]:
    """One step of a critic.

    Args:
        networks: has the critic and its optimiser.
        name: of both.
        real: (B, channels, H, W) photographs or what is taken for them.
        drawn: (D, channels, H, W) drawings without gradients.
        label: (B, labels) or None, of the real ones.
        drawn_label: (D, labels) or None.
        config: weight and rhythm of the penalty.
        source: of chance.
        precision: of the arithmetic.
        step: number of the step.

    Returns:
        Unweighted parts, with the critic's name in front.
    """
    critic = networks.critics[name]
    real = augment(real, source)
    fakes = augment(drawn, source)
    with precision.autocast():
        on_real = critic(real, label).float()
        on_fake = critic(fakes, drawn_label).float()
    loss = critic_hinge(on_real, on_fake)
    total, parts = loss.total, dict(loss.parts)
    weight = config.r1 if name == "critic" else config.refine_r1
    if weight and step % config.r1_every == 0:
        penalty = r1(lambda pictures: critic(pictures, label), real)
        # Asked seldom, so it weighs more when it is.
        total = total + weight * config.r1_every * penalty.total
        parts |= penalty.parts
    norm = precision.minimise(total, networks.optimisers[name], name, clip=10 * config.clip)
    parts["norm"] = norm
    return {f"{name}.{part}": value for part, value in parts.items()}
