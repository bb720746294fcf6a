"""Adversarial losses of the Wasserstein GAN (Eq. 4 as Algorithm 2 has it)."""

from __future__ import annotations

from torch import Tensor

from kssgan.losses.parts import Loss, precise

__all__ = ["critic_wasserstein", "generator_wasserstein"]


def critic_wasserstein(real: Tensor, fake: Tensor) -> Loss:
    """-L_adv, which the critic minimises: mean D(G) - mean D(x) (Arjovsky, Chintala, Bottou 2017).

    Algorithm 2 prints ``D(x^) - D(x)`` with x^ of the penalty; what is judged is the drawing.

    Args:
        real: scores of photographs, any shape.
        fake: scores of drawings.

    Returns:
        Parts "critic_real" and "critic_fake", mean scores with the signs that they have in the total.
    """
    on_real, on_fake = -precise(real).mean(), precise(fake).mean()
    return Loss(on_real + on_fake, {"critic_real": on_real, "critic_fake": on_fake})


def generator_wasserstein(fake: Tensor) -> Loss:
    """What the generator minimises of L_adv: its drawings' scores, turned round."""
    lifted = -precise(fake).mean()
    return Loss(lifted, {"generator": lifted})
