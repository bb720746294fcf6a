"""The teacher's picture: a group's mean face on a donor's head, batched in torch at 256 px.

A lean form of :mod:`kssgan.surrogate.composite`: inside the face the tone at every place (above about 4 px)
becomes the mean's, finer detail stays the donor's; the same change is continued over the donor's other skin;
hair, clothes and background stay the donor's.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812

from kssgan.surrogate.shape import DARK
from kssgan.training.regions import COARSE, Regions, blur, step

__all__ = ["compose"]

_SCALES = (20.0, 8.0, 2.0)  # blurs of the tone, coarse pixels
_GLINT, _LINE = (
    0.12,
    0.20,
)  # how far fine detail may lie above or below its surroundings on skin
_LEAST = (0.175, 0.027, 0.027)  # spread of a skin's colours, at least


def compose(mean_01: Tensor, donors_01: Tensor, where: Regions) -> Tensor:
    """Compose one mean face with several donors.

    Args:
        mean_01: (3, 256, 256) the group's mean face in [0, 1].
        donors_01: (B, 3, 256, 256) donors warped to the same shape.
        where: masks of that shape.

    Returns:
        (B, 3, 256, 256) in [0, 1].
    """
    factor = donors_01.shape[-1] // COARSE
    mean = F.avg_pool2d(mean_01[None], factor)
    head = F.avg_pool2d(donors_01, factor)
    skin = _skin(head, where)
    hair = where.rim * where.upper * (1 - skin)
    face = where.inner * (1 - hair)
    gain = torch.zeros_like(head)
    for scale in _SCALES:
        fine = scale == _SCALES[-1]
        # Teeth and irises are the donor's: the mean's lie elsewhere and would show through.
        weights = face if fine else face * (1 - where.features)
        weights = weights + 1e-5 * where.oval
        ratio = _low(mean, weights, scale) - _low(head, weights, scale)
        known = step(blur(weights, scale) / 0.6)
        if fine:
            known = known * (1 - 0.7 * where.features)
        gain = gain + known * (ratio - gain)
    applied = torch.maximum(face, skin)
    total = face.sum((2, 3), keepdim=True) + 1e-6
    overall = (gain * face).sum((2, 3), keepdim=True) / total
    light = overall.mean(1, keepdim=True)
    exposure = (0.45 * light + 0.15 * (overall - light)).clamp(-0.25, 0.2)
    change = gain * applied + exposure * (1 - applied)
    change = _enlarged(change, donors_01)
    logs = torch.log(donors_01 + DARK)
    # An old donor's lines on a young mean: what is fine on skin is held back.
    smooth = torch.cat([_low(head, where.oval + 1e-5, 2.0).mean(1, keepdim=True), face], 1)
    smooth = _enlarged(smooth, logs)
    tamed = smooth[:, 1:] * (1 - _enlarged(where.features, logs))
    detail = logs.mean(1, keepdim=True) - smooth[:, :1]
    limit = torch.where(detail > 0, _GLINT, _LINE)
    calm = limit * torch.tanh(detail / limit)
    calm = calm * torch.exp(-0.7 * change.mean(1, keepdim=True).clamp(min=0))
    done = torch.exp(logs + change + tamed * (calm - detail)) - DARK
    return done.clamp(0, 1)


def _enlarged(image: Tensor, like: Tensor) -> Tensor:
    return F.interpolate(image, like.shape[-2:], mode="bilinear", align_corners=False)


def _low(image: Tensor, weights: Tensor, scale: float) -> Tensor:
    """Logarithm of the weighted blur; nothing from outside the weights bleeds in."""
    total = blur(weights, scale)
    return torch.log((blur(image * weights, scale) + 1e-6) / (total + 1e-6) + DARK)


def _skin(head: Tensor, where: Regions) -> Tensor:
    """Probability of skin from colours of this picture's own cheeks and surroundings, (B, 1, h, w)."""
    logs = torch.log(head + DARK)
    r, g, b = logs.unbind(1)
    colour = torch.stack([(r + g + b) / 3, r - g, g - b], 1)
    weights = where.patch.expand(len(head), -1, -1, -1)
    least = colour.new_tensor(_LEAST).view(1, 3, 1, 1)
    middle = spread = least
    for _ in range(3):  # glints, moles and shadows are dropped
        total = weights.sum((2, 3), keepdim=True) + 1e-6
        middle = (colour * weights).sum((2, 3), keepdim=True) / total
        spread = ((colour - middle).square() * weights).sum((2, 3), keepdim=True) / total
        spread = spread.sqrt().maximum(least)
        close = ((colour - middle).abs() < 2.5 * spread).all(1, keepdim=True)
        weights = where.patch * close
    away = colour - middle
    # Necks lie in shadow: darker is allowed more than lighter, and shadows are warmer.
    dark = away[:, :1]
    light = torch.where(dark < 0, dark / 0.55, dark / 0.40)
    ratios = away[:, 1:]
    warm = 0.12 * (-dark).clamp(0, 1.2)
    ratios = torch.where(ratios > 0, (ratios - warm).clamp(min=0), ratios)
    ratios = ratios / spread[:, 1:].clamp(min=0.045)
    distance = 0.5 * light.square() + 0.35 * ratios.square().sum(1, keepdim=True)
    like = torch.exp(-0.5 * (distance - 0.8).clamp(min=0))
    # Where everything around has the colour of skin (a beige wall), colour says little.
    common = (like * where.far).sum((2, 3), keepdim=True) / (where.far.sum() + 1e-6)
    prior = where.near.clamp(0.02, 0.98)
    density = prior * like / (prior * like + (1 - prior) * (0.25 + common) + 1e-6)
    return blur(density, 1.5)
