"""One update of the paper's critic (Algorithm 2, lines 2 to 9; Eq. 7)."""

from __future__ import annotations

import torch
from torch import Tensor

from kssgan.losses.classification import classification
from kssgan.losses.objectives import critic_objective
from kssgan.losses.penalty import between, slope_penalty
from kssgan.losses.vanilla import critic_vanilla
from kssgan.losses.wasserstein import critic_wasserstein
from kssgan.models.star_critic import Judgement
from kssgan.training.precision import Precision
from kssgan.training.siamese_batch import SiameseBatch
from kssgan.training.siamese_networks import SiameseNetworks
from kssgan.training.siamese_settings import SiameseSettings

__all__ = ["critic_step"]

_LOSSES = {"wasserstein": critic_wasserstein, "vanilla": critic_vanilla}


def critic_step(
    networks: SiameseNetworks,
    batch: SiameseBatch,
    drawn: Tensor,
    settings: SiameseSettings,
    precision: Precision,
    source: torch.Generator,
) -> dict[str, Tensor]:
    """Improve the critic by one batch.

    Args:
        networks: whose critic is changed.
        batch: photographs with their labels.
        drawn: (B, 3, H, W) in [-1, 1], x~ = G(source, c); no gradients flow there.
        settings: weights.
        precision: of the arithmetic.
        source: of chance: eps of the penalty.

    Returns:
        Unweighted parts of Eq. 7, and the gradient's norm.
    """
    critic = networks.critic
    real, drawn = batch.real, drawn.detach().to(batch.real)
    with precision.autocast():
        # Its weights, 180 MB of them, are read once for photographs and drawings.
        both = critic(torch.cat([real, drawn]))
    on_real, on_drawn = _split(both, len(real))
    penalty = None
    if settings.lambda_gp:
        share = batch.share
        if share is None:
            share = torch.rand(len(real), generator=source, device=source.device)
        penalty = slope_penalty(critic.slope(between(real, drawn, share.to(real.device))))
    loss = critic_objective(
        _LOSSES[settings.adversarial](on_real.score, on_drawn.score),
        classification(on_real.attributes, batch.attributes, on_real.group, batch.groups),
        penalty,
        lambda_cls=settings.lambda_cls,
        lambda_gp=settings.lambda_gp,
    )
    norm = precision.minimise(loss.total, networks.optimisers["critic"], "critic", clip=None)
    return loss.parts | {"norm": norm}


def _split(both: Judgement, first: int) -> tuple[Judgement, Judgement]:
    def rows(which: slice) -> Judgement:
        group = None if both.group is None else both.group[which]
        return Judgement(both.score[which], tuple(a[which] for a in both.attributes), group)

    return rows(slice(first)), rows(slice(first, None))
