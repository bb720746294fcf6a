"""Adversarial losses of the first GAN (Eq. 4 as it is printed), the generator's not saturating."""

from __future__ import annotations

from torch import Tensor
from torch.nn import functional as F  # noqa: N812

from kssgan.losses.parts import Loss, precise

__all__ = ["critic_vanilla", "generator_vanilla"]


def critic_vanilla(real: Tensor, fake: Tensor) -> Loss:
    """-L_adv, which the critic minimises: -log D(x) - log(1 - D(G)), D being the sigmoid of a score.

    Args:
        real: scores of photographs, any shape.
        fake: scores of drawings.
    """
    on_real, on_fake = F.softplus(-precise(real)).mean(), F.softplus(precise(fake)).mean()
    return Loss(on_real + on_fake, {"critic_real": on_real, "critic_fake": on_fake})


def generator_vanilla(fake: Tensor) -> Loss:
    """-log D(G), which pulls where log(1 - D(G)) is flat (Goodfellow et al. 2014)."""
    lifted = F.softplus(-precise(fake)).mean()
    return Loss(lifted, {"generator": lifted})
