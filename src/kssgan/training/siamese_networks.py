"""G, D and the Siamese twin of the paper, with their optimisers."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import nn

from kssgan.models.siamese import SiameseConfig, SiameseTwin
from kssgan.models.star_critic import StarCritic, StarCriticConfig
from kssgan.models.star_generator import StarGenerator, StarGeneratorConfig
from kssgan.training.siamese_settings import SiameseSettings

__all__ = ["SiameseNetworks", "frozen"]


class SiameseNetworks:
    """The networks of a run.

    Args:
        generator: shape of G.
        critic: shape of D.
        twin: shape of the twin; None for the ``stargan`` baseline.
        settings: rates.
        seed: of the first weights.
        device: where.

    Attributes:
        generator: G.
        critic: D.
        twin: or None.
        optimisers: Adam, by the network's name: "generator", "critic" and "twin".
    """

    def __init__(
        self,
        generator: StarGeneratorConfig,
        critic: StarCriticConfig,
        twin: SiameseConfig | None,
        settings: SiameseSettings,
        *,
        seed: int = 0,
        device: torch.device | None = None,
    ) -> None:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            self.generator = StarGenerator(generator).to(device)
            self.critic = StarCritic(critic).to(device)
            self.twin = None if twin is None else SiameseTwin(twin).to(device)
        self.optimisers = {
            # One pass over all weights: the critic's 45 million else take a fifth of its update.
            name: torch.optim.Adam(
                module.parameters(), lr=settings.rate, betas=settings.betas, fused=True
            )
            for name, module in self.modules().items()
        }

    def modules(self) -> dict[str, nn.Module]:
        """Every network by name."""
        found: dict[str, nn.Module] = {"generator": self.generator, "critic": self.critic}
        return found if self.twin is None else found | {"twin": self.twin}


@contextmanager
def frozen(*modules: nn.Module | None) -> Iterator[None]:
    """Inside, the weights of ``modules`` get no gradients; gradients still flow through."""
    present = [module for module in modules if module is not None]
    try:
        for module in present:
            module.requires_grad_(False)
        yield
    finally:
        for module in present:
            module.requires_grad_(True)
