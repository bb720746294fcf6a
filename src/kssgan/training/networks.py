"""Everything that a run learns, and its averages and optimisers."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from kssgan.models.codes import Codes
from kssgan.models.critic import Critic, CriticConfig
from kssgan.models.generator import Generator, GeneratorConfig
from kssgan.models.stored import StoredGenerator
from kssgan.training.config import TrainingConfig
from kssgan.training.feature_critic import FeatureCritic
from kssgan.training.tensors import packed, unpack

__all__ = ["Networks", "parameters"]


class Networks:
    """The networks of a run.

    Args:
        config: of the run.
        donors: rows of the code table.
        labels: width of the one-hot label.
        device: where.

    Attributes:
        learner: generator and codes, as they are trained.
        average: the same, averaged over steps; what is exported.
        critic: of the drawer, as it is trained.
        refine_critic: of the refiner, as it is trained.
        optimisers: "drawer" (with the codes), "refiner" and one for each critic, by its name.
    """

    def __init__(
        self, config: TrainingConfig, *, donors: int, labels: int, device: torch.device
    ) -> None:
        shape = GeneratorConfig(
            size=config.size,
            widths=config.widths,
            labels=labels,
            style=config.style,
            layout=config.layout,
            coarse=config.refine_coarse,
            fine=config.refine_fine,
            blocks=config.refine_blocks,
        )
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(config.seed)
            self.learner = _learner(shape, donors).to(device)
            self.critic = _critic(config, labels).to(device)
            self.refine_critic = Critic(CriticConfig(config.critic_widths, channels=3)).to(
                device
            )
            self.average = _learner(shape, donors).to(device)
        self.average.load_state_dict(self.learner.state_dict())
        self.average.requires_grad_(False)
        self._config = config
        fused = device.type == "cuda"
        learners = {
            "drawer": [
                {"params": list(self.generator.drawer.parameters()), "lr": config.rate},
                {"params": list(self.codes.parameters()), "lr": config.rate_codes},
            ],
            "refiner": [
                {"params": list(self.generator.refiner.parameters()), "lr": config.refine_rate}
            ],
        }
        self.optimisers = {
            name: torch.optim.Adam(groups, betas=(0.9, 0.99), fused=fused)
            for name, groups in learners.items()
        } | {
            name: torch.optim.Adam(
                _learned(critic),
                lr=config.rate_critic,
                betas=(0.0, 0.99),
                fused=fused,
            )
            for name, critic in self.critics.items()
        }
        self._rates = {
            name: [group["lr"] for group in optimiser.param_groups]
            for name, optimiser in self.optimisers.items()
        }

    @property
    def critics(self) -> dict[str, Critic | FeatureCritic]:
        """Both critics by name."""
        return {"critic": self.critic, "refine_critic": self.refine_critic}

    @property
    def generator(self) -> Generator:
        """G as it is trained."""
        found = self.learner["generator"]
        assert isinstance(found, Generator)
        return found

    @property
    def codes(self) -> Codes:
        """Codes as they are trained."""
        found = self.learner["codes"]
        assert isinstance(found, Codes)
        return found

    @property
    def average_generator(self) -> Generator:
        """G as it is exported."""
        found = self.average["generator"]
        assert isinstance(found, Generator)
        return found

    @property
    def average_codes(self) -> Codes:
        """Codes as they are exported."""
        found = self.average["codes"]
        assert isinstance(found, Codes)
        return found

    def set_rates(self, step: int) -> float:
        """Learning rates of a step; returns the factor."""
        factor = rate_factor(step, self._config)
        for name, optimiser in self.optimisers.items():
            for group, rate in zip(optimiser.param_groups, self._rates[name], strict=True):
                # A critic keeps its rate: it starts late and must follow a generator that settles.
                group["lr"] = rate * (1.0 if name.endswith("critic") else factor)
        return factor

    @torch.no_grad()
    def follow(self, step: int) -> None:
        """Move the averages towards what was learnt in a step."""
        _, turn = self._config.schedule(step)
        # Early averages would remember the start for too long.
        decay = min(self._config.ema, (1 + turn.done) / (10 + turn.done))
        if turn.refining:
            mine: list[Tensor] = list(self.average_generator.refiner.parameters())
            theirs: list[Tensor] = list(self.generator.refiner.parameters())
        else:
            mine = [
                *self.average_generator.drawer.parameters(),
                *self.average_codes.parameters(),
            ]
            theirs = [*self.generator.drawer.parameters(), *self.codes.parameters()]
        torch._foreach_lerp_(mine, theirs, 1 - decay)

    @torch.no_grad()
    def start_from(
        self, stored: StoredGenerator, places: Sequence[int | None] = ()
    ) -> list[str]:
        """Take over weights of another generator where they fit; returns the names of those that do not.

        Args:
            stored: the other.
            places: for each of its codes the row of the same donor here, None where there is none. Left out,
                no code is taken over: their donors are other people.
        """
        known = {
            f"generator.{name}": value for name, value in stored.generator.state_dict().items()
        }
        pairs = [(mine, row) for row, mine in enumerate(places) if mine is not None]
        for name in ("vector", "layout"):
            theirs = torch.from_numpy(getattr(stored.codes, name))
            mine = getattr(self.codes, name).detach().clone()
            if pairs and theirs.shape[1:] == mine.shape[1:]:
                here, there = (list(rows) for rows in zip(*pairs, strict=True))
                mine[here] = theirs[there].to(mine)
                known[f"codes.{name}"] = mine
        left = []
        for name, value in self.learner.state_dict().items():
            if name in known and known[name].shape == value.shape:
                value.copy_(known[name])
            else:
                left.append(name)
        self.average.load_state_dict(self.learner.state_dict())
        return left

    def state(self) -> dict[str, Tensor]:
        """Every tensor of weights, averages and optimisers, by name."""
        return packed(self._modules(), self.optimisers)

    def restore(self, tensors: dict[str, Tensor]) -> None:
        """Inverse of :meth:`state`.

        Raises:
            KeyError, RuntimeError, ValueError: tensors of other networks.
        """
        unpack(tensors, self._modules(), self.optimisers)

    def _modules(self) -> dict[str, nn.Module]:
        return {
            "learner": self.learner,
            "average": self.average,
            **self.critics,
        }


def rate_factor(step: int, config: TrainingConfig) -> float:
    """Factor on the learning rates of a turn: a rise, then a cosine down to a fiftieth."""
    whole, turn = config.schedule(step)
    rise = min(1.0, (turn.done + 1) / max(config.warmup, 1))
    fall = 0.5 * (1 + math.cos(math.pi * min(turn.done / turn.steps, 1.0)))
    return whole * rise * (0.02 + 0.98 * fall)


def parameters(module: nn.Module) -> int:
    """Number of learned values; what is frozen does not count."""
    return sum(p.numel() for p in _learned(module))


def _learned(module: nn.Module) -> list[nn.Parameter]:
    return [p for p in module.parameters() if p.requires_grad]


def _critic(config: TrainingConfig, labels: int) -> Critic | FeatureCritic:
    if config.critic == "features":
        return FeatureCritic(config.feature_width)
    return Critic(CriticConfig(config.critic_widths, labels=labels))


def _learner(shape: GeneratorConfig, donors: int) -> nn.ModuleDict:
    return nn.ModuleDict({"generator": Generator(shape), "codes": Codes(donors, shape)})
