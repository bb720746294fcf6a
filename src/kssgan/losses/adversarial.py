"""Hinge losses of critic and generator, and the R1 penalty that keeps the critic smooth."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812

from kssgan.losses.parts import Loss

__all__ = ["critic_hinge", "feature_matching", "generator_hinge", "r1"]


def critic_hinge(real: Tensor, fake: Tensor) -> Loss:
    """What the critic minimises: photographs above 1, drawings below -1 (Lim, Ye 2017).

    Args:
        real: scores of photographs, any shape.
        fake: scores of drawings.
    """
    on_real, on_fake = F.relu(1 - real).mean(), F.relu(1 + fake).mean()
    return Loss(on_real + on_fake, {"critic_real": on_real, "critic_fake": on_fake})


def generator_hinge(fake: Tensor) -> Loss:
    """What the generator minimises: its drawings' scores, turned round."""
    lifted = -fake.mean()
    return Loss(lifted, {"generator": lifted})


def feature_matching(seen: Sequence[Tensor], wanted: Sequence[Tensor]) -> Loss:
    """L1 between what a critic sees in a drawing and in its answer (Wang et al. 2018, pix2pixHD).

    Args:
        seen: features of the drawing, one tensor a scale.
        wanted: the same of what should have been drawn; no gradients flow there.
    """
    parts = [(a - b.detach()).abs().mean() for a, b in zip(seen, wanted, strict=True)]
    matching = torch.stack(parts).mean()
    return Loss(matching, {"matching": matching})


def r1(critic: Callable[[Tensor], Tensor], pictures: Tensor) -> Loss:
    """Squared gradient of the critic at photographs (Mescheder, Geiger, Nowozin 2018), halved.

    The gradient is that of the *mean* over a picture's patches: of their sum it silences a patch critic.

    Args:
        critic: pictures (B, ...) to scores (B, ...).
        pictures: photographs.
    """
    pictures = pictures.detach().float().requires_grad_()
    with torch.autocast(pictures.device.type, enabled=False):
        scores = critic(pictures).flatten(1).mean(1).sum()
        (slope,) = torch.autograd.grad(scores, pictures, create_graph=True)
    penalty = slope.square().flatten(1).sum(1).mean() / 2
    return Loss(penalty, {"r1": penalty})
