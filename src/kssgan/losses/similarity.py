"""How alike the Siamese twin finds two faces (Eq. 2), and that as a loss in place of StarGAN's L1 (Eq. 3)."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812

from kssgan.losses.parts import Loss, precise

__all__ = ["siamese_reconstruction", "similarity"]


def similarity(real: Tensor, drawn: Tensor) -> Tensor:
    """S = (1 + f_r . f_f) / 2 on features of length 1 (Eq. 2): 1 for the same, 0 for opposite ones.

    Always float32 (float64 if the features are), with autocast turned off.

    Args:
        real: (B, features) of photographs; brought to length 1 here if they are not.
        drawn: the same of drawings.

    Returns:
        (B,) in [0, 1].
    """
    with torch.autocast(real.device.type, enabled=False):
        f_r, f_f = F.normalize(precise(real), dim=1), F.normalize(precise(drawn), dim=1)
        return ((1 + (f_r * f_f).sum(1)) / 2).clamp(0, 1)


def siamese_reconstruction(real: Tensor, drawn: Tensor, *, margin: float = 0.5) -> Loss:
    """L_rec = mean of max(0, S - margin), which G minimises until the faces differ (Eq. 3).

    The paper keeps the place of StarGAN's reconstruction but asks for the opposite: faces that are *not*
    alike. Without the hinge G would go on to faces as unlike as can be, which are none.

    Args:
        real: (B, features) of the photographs x.
        drawn: (B, features) of G(x, c), or of the cycle G(G(x, c), c').
        margin: similarity that is low enough; 0.5 is that of features at right angles.

    Returns:
        Total and part "similarity", the mean of S itself.
    """
    alike = similarity(real, drawn)
    return Loss(F.relu(alike - margin).mean(), {"similarity": alike.mean()})
