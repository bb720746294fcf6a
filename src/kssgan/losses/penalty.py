"""Gradient penalty of WGAN-GP (Gulrajani et al. 2017), always in float32: in float16 it overflows."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from kssgan.losses.parts import Loss, precise

__all__ = ["between", "gradient_penalty", "slope_penalty"]


def between(real: Tensor, fake: Tensor, share: Tensor) -> Tensor:
    """x^ = eps x + (1 - eps) x~, without gradients.

    Args:
        real: (B, ...) photographs x.
        fake: (B, ...) drawings x~.
        share: (B,) eps in [0, 1], one for each pair.
    """
    eps = share.to(real).view(-1, *[1] * (real.ndim - 1))
    return torch.lerp(fake.detach().to(real), real.detach(), eps)


def slope_penalty(slope: Tensor) -> Loss:
    """Mean of (|gradient| - 1)^2 over pictures.

    Args:
        slope: (B, ...) gradient of each picture's score by that picture, differentiable by the weights.
    """
    with torch.autocast(slope.device.type, enabled=False):
        length = torch.linalg.vector_norm(precise(slope).flatten(1), dim=1)
        penalty = (length - 1).square().mean()
    return Loss(penalty, {"penalty": penalty})


def gradient_penalty(critic: Callable[[Tensor], Tensor], pictures: Tensor) -> Loss:
    """The penalty of any critic, by differentiating twice.

    A :class:`StarCritic` has the same from its ``slope``, in one pass less.

    Args:
        critic: pictures (B, ...) to scores (B,).
        pictures: x^ (:func:`between`).
    """
    with torch.autocast(pictures.device.type, enabled=False):
        pictures = precise(pictures.detach()).requires_grad_()
        (slope,) = torch.autograd.grad(critic(pictures).sum(), pictures, create_graph=True)
    return slope_penalty(slope)
