"""How the Siamese twin learns from pairs of photographs (Eq. 1)."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812

from kssgan.losses.parts import Loss, precise

__all__ = ["contrastive"]


def contrastive(first: Tensor, second: Tensor, same: Tensor, *, margin: float = 1.0) -> Loss:
    """Pulls pairs of one person together, pushes others ``margin`` apart (Eq. 1).

    Half of d^2 for a pair of one person, half of max(0, margin - d)^2 for others, d being the distance of
    their features. The paper cites Koch's twin, which is taught by cross-entropy, but calls its loss
    contrastive: this is read as the margin form of Hadsell, Chopra, LeCun 2006. Always float32 or float64.

    Args:
        first: (P, features), of length 1, so that d is in [0, 2].
        second: the same of each pair's other picture.
        same: (P,) bool, whether a pair shows one person.
        margin: distance that is far enough.

    Returns:
        Parts "same" and "different", each its share of the mean over all pairs.
    """
    with torch.autocast(first.device.type, enabled=False):
        distance = torch.linalg.vector_norm(precise(first) - precise(second), dim=1)
        near = (distance.square() * same).mean() / 2
        far = (F.relu(margin - distance).square() * ~same).mean() / 2
    return Loss(near + far, {"same": near, "different": far})
