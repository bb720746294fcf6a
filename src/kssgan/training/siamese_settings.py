"""Settings of the paper's training step (Algorithm 2)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from kssgan.training.options import Options

__all__ = ["Adversarial", "Reconstruction", "SiameseSettings"]

Adversarial = Literal["wasserstein", "vanilla"]
Reconstruction = Literal["siamese", "l1"]


@dataclass(frozen=True)
class SiameseSettings(Options):
    """Weights and rates; the defaults are the paper's, and StarGAN's where it names none.

    Attributes:
        adversarial: "wasserstein" (Algorithm 2) or "vanilla" (Eq. 4 as printed).
        reconstruction: "siamese" (Eq. 3) or "l1", StarGAN's, which needs no twin.
        n_critic: updates of the critic for each of the generator.
        lambda_gp: weight of the gradient penalty.
        lambda_cls: weight of the classification.
        lambda_rec: weight of L_rec on the cycle G(G(x, c), c'); at 0 the cycle is not drawn.
        lambda_released: weight of L_rec on what is released, G(x, c); "siamese" only.
        margin: similarity that is low enough (Eq. 3).
        twin_margin: distance that is far enough (Eq. 1).
        rate: of Adam, for every network.
        beta1: of Adam.
        beta2: of Adam.
    """

    adversarial: Adversarial = "wasserstein"
    reconstruction: Reconstruction = "siamese"
    n_critic: int = 5
    lambda_gp: float = 10.0
    lambda_cls: float = 1.0
    lambda_rec: float = 10.0
    lambda_released: float = 10.0
    margin: float = 0.5
    twin_margin: float = 1.0
    rate: float = 1e-4
    beta1: float = 0.5
    beta2: float = 0.999

    @property
    def betas(self) -> tuple[float, float]:
        """Both, as Adam takes them."""
        return self.beta1, self.beta2
