"""Agreement with a known answer: a composite that a pair's teacher made, or S_g seen from afar."""

from __future__ import annotations

from torch import Tensor
from torch.nn import functional as F  # noqa: N812

from kssgan.losses.parts import Loss
from kssgan.models.haar import haar

__all__ = ["coarse_agreement", "reconstruction"]


def reconstruction(
    drawn: Tensor, wanted: Tensor, *, bands: float = 1.0, colour: float = 0.0
) -> Loss:
    """L1 between pictures and, weighted, between their fine Haar bands and between their colours.

    L1 alone is content with a blur; the bands make missing detail count by itself. Where a picture is too
    light or too dark all three channels err the same way and L1 says nothing of their differences, which are
    smaller: lips and cheeks come out in one colour. A colour is a channel less the mean of the three.

    Args:
        drawn: (B, 3, H, W) in [-1, 1].
        wanted: the same shape.
        bands: weight of the second part.
        colour: weight of the third.

    Returns:
        Parts "l1", "bands" and, with a weight, "colour", each a mean over all values.
    """
    away = drawn - wanted
    l1 = away.abs().mean()
    # The first C channels are the half-size picture, which L1 has counted already.
    fine = haar(away)[:, drawn.shape[1] :].abs().mean()
    total, parts = l1 + bands * fine, {"l1": l1, "bands": fine}
    if colour:
        parts["colour"] = (away - away.mean(1, keepdim=True)).abs().mean()
        total = total + colour * parts["colour"]
    return Loss(total, parts)


def coarse_agreement(drawn: Tensor, wanted: Tensor, where: Tensor, *, factor: int = 16) -> Loss:
    """L1 between pictures reduced by ``factor``, where it matters.

    Args:
        drawn: (B, 3, H, W) in [-1, 1].
        wanted: the same shape.
        where: (B, 1, H, W) weights in [0, 1], not all zero.
        factor: of the reduction; divides H and W.

    Returns:
        Part "coarse", a weighted mean.
    """
    weights = F.avg_pool2d(where, factor)
    apart = F.avg_pool2d(drawn - wanted, factor).abs().mean(1, keepdim=True)
    coarse = (apart * weights).sum() / weights.sum()
    return Loss(coarse, {"coarse": coarse})
