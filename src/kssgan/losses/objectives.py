"""The sums that critic and generator minimise (Eq. 7 and 8)."""

from __future__ import annotations

from kssgan.losses.parts import Loss

__all__ = ["critic_objective", "generator_objective"]


def critic_objective(
    adversarial: Loss,
    classified: Loss,
    penalty: Loss | None = None,
    *,
    lambda_cls: float,
    lambda_gp: float = 0.0,
) -> Loss:
    """L_D = -L_adv + lambda_cls L_cls^r (+ lambda_gp GP) (Eq. 7).

    Args:
        adversarial: -L_adv, as :func:`critic_wasserstein` and :func:`critic_vanilla` return it.
        classified: L_cls^r, of photographs.
        penalty: GP, or None.
        lambda_cls: weight of the second term.
        lambda_gp: weight of the third.
    """
    total = adversarial.total + lambda_cls * classified.total
    parts = adversarial.parts | classified.parts
    if penalty is not None:
        total, parts = total + lambda_gp * penalty.total, parts | penalty.parts
    return Loss(total, parts)


def generator_objective(
    adversarial: Loss,
    classified: Loss,
    *reconstructions: tuple[float, Loss],
    lambda_cls: float,
) -> Loss:
    """L_G = L_adv + lambda_cls L_cls^f + lambda_rec L_rec (Eq. 8).

    Args:
        adversarial: the generator's share of L_adv.
        classified: L_cls^f, of drawings.
        reconstructions: lambda_rec and L_rec, once for each picture of which L_rec is asked.
        lambda_cls: weight of the second term.
    """
    total = adversarial.total + lambda_cls * classified.total
    parts = adversarial.parts | classified.parts
    for weight, reconstruction in reconstructions:
        total, parts = total + weight * reconstruction.total, parts | reconstruction.parts
    return Loss(total, parts)
