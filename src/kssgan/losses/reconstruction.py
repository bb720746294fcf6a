"""Agreement with a known answer: a composite that a pair's teacher made, or S_g seen from afar."""

from __future__ import annotations

from torch import Tensor
from torch.nn import functional as F  # noqa: N812

from kssgan.losses.parts import Loss
from kssgan.models.haar import haar

__all__ = ["coarse_agreement", "reconstruction"]


def reconstruction(drawn: Tensor, wanted: Tensor, *, bands: float = 1.0) -> Loss:
    """L1 between pictures and, weighted, between their fine Haar bands.

    L1 alone is content with a blur; the bands make missing detail count by itself.

    Args:
        drawn: (B, 3, H, W) in [-1, 1].
        wanted: the same shape.
        bands: weight of the second part.

    Returns:
        Parts "l1" and "bands", each a mean over all values.
    """
    l1 = (drawn - wanted).abs().mean()
    # The first C channels are the half-size picture, which L1 has counted already.
    fine = haar(drawn - wanted)[:, drawn.shape[1] :].abs().mean()
    return Loss(l1 + bands * fine, {"l1": l1, "bands": fine})


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
