"""A critic that judges what the frozen landmark network sees."""

from __future__ import annotations

import copy
from dataclasses import replace

import pytest
import torch
from torch.nn import functional as F  # noqa: N812

from kssgan.errors import UsageError
from kssgan.losses.adversarial import critic_hinge
from kssgan.training.config import PRESETS, TrainingConfig, resolve
from kssgan.training.feature_critic import FeatureCritic
from kssgan.training.networks import Networks, rate_factor

SMOKE = PRESETS["smoke"]
assert isinstance(SMOKE, TrainingConfig)


@pytest.fixture
def critic() -> FeatureCritic:
    torch.manual_seed(0)
    found = FeatureCritic(16)
    found.get_used_to(pictures(16))
    return found


def pictures(count: int, seed: int = 0) -> torch.Tensor:
    """Sharp shapes on a ground."""
    source = torch.Generator().manual_seed(seed)
    coarse = torch.rand(count, 3, 8, 8, generator=source)
    return F.interpolate(coarse, (64, 64)) * 2 - 1


def soft(sharp: torch.Tensor) -> torch.Tensor:
    """As a drawer that has learnt L1 draws."""
    return F.avg_pool2d(F.pad(sharp, (2,) * 4, "reflect"), 5, 1)


def test_four_scales_on_one_grid(critic: FeatureCritic) -> None:
    scores, seen = critic.look(pictures(3))
    assert scores.shape == (3, 4, 4, 4)
    assert [tuple(x.shape[1:]) for x in seen] == [
        (16, 32, 32),
        (32, 16, 16),
        (64, 8, 8),
        (128, 4, 4),
    ]
    critic.eval()  # no further step of the power iteration
    pair = torch.cat([pictures(3, 1), pictures(3)], 1)
    torch.testing.assert_close(critic(pair), critic(pictures(3)))


def test_features_are_measured_by_what_is_usual(critic: FeatureCritic) -> None:
    for seen in critic.look(pictures(16))[1]:
        assert seen.mean((0, 2, 3)).abs().max() < 1e-3
        spread = seen.std((0, 2, 3))
        assert spread.max() < 1.01
        assert spread.median() > 0.9


def test_only_the_judges_learn(critic: FeatureCritic) -> None:
    critic.requires_grad_(False)
    assert not any(p.requires_grad for p in critic.parameters())
    critic.requires_grad_(True)
    learn = {name.split(".")[0] for name, p in critic.named_parameters() if p.requires_grad}
    assert learn == {"judges"}


def test_sixty_steps_tell_soft_from_sharp(critic: FeatureCritic) -> None:
    optimiser = torch.optim.Adam(
        [p for p in critic.parameters() if p.requires_grad], lr=3e-3, betas=(0.0, 0.99)
    )
    for step in range(60):
        real, fake = pictures(8, step), soft(pictures(8, 1000 + step))
        loss = critic_hinge(critic(real), critic(fake)).total
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    with torch.no_grad():
        real, fake = (
            critic(x).flatten(1).mean(1) for x in (pictures(16, 5000), soft(pictures(16, 6000)))
        )
    assert (real[:, None] > fake[None]).float().mean() > 0.95


def test_a_drawer_feels_it(critic: FeatureCritic) -> None:
    drawn = soft(pictures(2)).requires_grad_()
    critic.requires_grad_(False)
    (slope,) = torch.autograd.grad(critic(drawn).mean(), drawn)
    assert slope.abs().sum() > 0
    assert all(p.grad is None for p in critic.parameters())


def test_its_state_comes_back(critic: FeatureCritic) -> None:
    torch.manual_seed(1)
    other = FeatureCritic(16).eval()
    other.load_state_dict(copy.deepcopy(critic.state_dict()))
    critic.eval()
    torch.testing.assert_close(other(pictures(2)), critic(pictures(2)))


def test_a_configuration_names_its_critic() -> None:
    networks = Networks(
        replace(SMOKE, critic="features", feature_width=8),
        donors=3,
        labels=2,
        device=torch.device("cpu"),
    )
    assert isinstance(networks.critic, FeatureCritic)
    with pytest.raises(UsageError, match="critic 'eyes'; choose one of bands, features"):
        resolve("small", changes={"critic": "eyes"})


def test_rates_begin_anew_where_the_critic_comes_in() -> None:
    """Before it, the schedule is that of a run without it: such a run can be gone on with."""
    config = replace(SMOKE, steps=320, refine_from=1.0, critic_from=0.9375, anew=0.3, warmup=10)
    alone = replace(config, steps=300, critic_from=1.0, anew=0.0)
    first = [rate_factor(step, config) for step in range(300)]
    assert first == [rate_factor(step, alone) for step in range(300)]
    assert first[-1] < 0.03
    second = [rate_factor(step, config) for step in range(300, 320)]
    assert second[0] == pytest.approx(0.03, abs=1e-3)
    assert max(second) < 0.3
    assert second[-1] < 0.02
    plain = replace(config, anew=0.0)
    falling = [rate_factor(step, plain) for step in range(10, 320)]
    assert falling == sorted(falling, reverse=True)
