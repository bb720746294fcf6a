"""The reconstruction loss that the paper replaces: StarGAN's L1 on the way there and back."""

from __future__ import annotations

from torch import Tensor

from kssgan.losses.parts import Loss, precise

__all__ = ["cycle"]


def cycle(original: Tensor, returned: Tensor) -> Loss:
    """Mean |x - G(G(x, c), c')| with c' what x showed (Choi et al. 2018).

    Args:
        original: (B, 3, H, W) in [-1, 1].
        returned: the same shape.
    """
    l1 = (precise(original) - precise(returned)).abs().mean()
    return Loss(l1, {"cycle": l1})
