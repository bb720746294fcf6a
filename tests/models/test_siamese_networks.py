from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch import nn
from torch.nn import functional as F  # noqa: N812

from kssgan.models.halving import doubled, halved
from kssgan.models.siamese import SiameseConfig, SiameseTwin
from kssgan.models.star_critic import StarCritic, StarCriticConfig
from kssgan.models.star_generator import StarGenerator, StarGeneratorConfig

DRAWS = StarGeneratorConfig(conditions=4, width=4, blocks=1)
JUDGES = StarCriticConfig(size=32, width=4, depth=3, attributes=(2, 3), groups=4)


def count(module: nn.Module) -> int:
    return sum(p.numel() for p in module.parameters())


def test_sizes_are_those_of_stargan() -> None:
    """Choi et al. 2018 at 128 px with five attributes: 8.43 and 44.76 million weights."""
    assert count(StarGenerator(StarGeneratorConfig(conditions=5))) == 8_430_528
    assert (
        round(count(StarCritic(StarCriticConfig(size=128, attributes=(3, 2)))) / 1e6, 2)
        == 44.76
    )


def test_shapes_survive_a_checkpoint() -> None:
    twin = SiameseConfig(widths=(3, 5))
    for config in (DRAWS, JUDGES, twin):
        assert type(config).from_json(config.to_json()) == config


@pytest.mark.parametrize("size", [32, 48])
@pytest.mark.parametrize(
    "config",
    [DRAWS, replace(DRAWS, style=6, noise=True), replace(DRAWS, upsample="resize", steps=3)],
)
def test_a_drawing_is_a_picture(config: StarGeneratorConfig, size: int) -> None:
    generator = StarGenerator(config)
    style = torch.randn(2, config.style) if config.style else None
    found = generator(torch.rand(2, 3, size, size) * 2 - 1, torch.eye(4)[:2], style)
    assert found.shape == (2, 3, size, size)
    assert found.abs().max() <= 1


def test_condition_style_and_noise_matter() -> None:
    torch.manual_seed(0)
    generator = StarGenerator(replace(DRAWS, style=6, noise=True))
    source, c, z = torch.rand(2, 3, 32, 32) * 2 - 1, torch.eye(4)[:2], torch.randn(2, 6)
    with torch.no_grad():
        plain = generator(source, c, z)
        assert not torch.equal(generator(source, c.flip(0), z), plain)
        assert not torch.equal(generator(source, c, z + 1), plain)
        noise = torch.Generator().manual_seed(0)
        assert torch.equal(
            generator(source, c, z, noise=noise), plain
        )  # strength starts at zero
        for name, value in generator.named_parameters():
            if name.endswith("strength"):
                value.fill_(0.3)
        noisy = generator(source, c, z, noise=noise.manual_seed(1))
        assert not torch.equal(noisy, plain)
        assert torch.equal(generator(source, c, z, noise=noise.manual_seed(1)), noisy)


def test_a_missing_style_is_an_error() -> None:
    generator = StarGenerator(replace(DRAWS, style=6))
    with pytest.raises(ValueError, match="style"):
        generator(torch.zeros(1, 3, 32, 32), torch.zeros(1, 4))


def test_heads_of_the_critic() -> None:
    critic = StarCritic(JUDGES)
    found = critic(torch.rand(3, 3, 32, 32) * 2 - 1)
    assert found.score.shape == (3,)
    assert [a.shape for a in found.attributes] == [(3, 2), (3, 3)]
    assert found.group is not None
    assert found.group.shape == (3, 4)
    assert StarCritic(replace(JUDGES, groups=0))(torch.zeros(1, 3, 32, 32)).group is None
    bare = StarCritic(replace(JUDGES, groups=0, attributes=()))(torch.zeros(1, 3, 32, 32))
    assert bare.attributes == ()
    with pytest.raises(ValueError, match="multiple of 8"):
        StarCritic(replace(JUDGES, size=36))


def test_slope_is_the_gradient_and_has_the_same_gradient() -> None:
    torch.manual_seed(0)
    critic = StarCritic(JUDGES).double()
    pictures = torch.rand(3, 3, 32, 32, dtype=torch.float64) * 2 - 1
    pictures.requires_grad_()
    (plain,) = torch.autograd.grad(critic(pictures).score.sum(), pictures, create_graph=True)
    found = critic.slope(pictures)
    torch.testing.assert_close(found, plain)
    weights = [
        p for name, p in critic.named_parameters() if "weight" in name and "tell" not in name
    ]
    direction = torch.randn_like(plain)
    first = torch.autograd.grad((found * direction).sum(), weights)
    second = torch.autograd.grad((plain * direction).sum(), weights)
    for a, b in zip(first, second, strict=True):
        torch.testing.assert_close(a, b)


def test_slope_is_float32_under_autocast() -> None:
    critic = StarCritic(JUDGES)
    pictures = torch.rand(2, 3, 32, 32) * 2 - 1
    with torch.autocast("cpu", torch.bfloat16):
        found = critic.slope(pictures)
    assert torch.equal(found, critic.slope(pictures))


@pytest.mark.parametrize("size", [2, 8, 16])
def test_halving_and_doubling_are_convolutions(size: int) -> None:
    """By a matrix product (small) and by a convolution; values and gradients."""
    torch.manual_seed(0)
    x, y = (
        torch.randn(2, 3, size, size).double(),
        torch.randn(2, 5, size // 2, size // 2).double(),
    )
    weight, bias = torch.randn(5, 3, 4, 4).double().requires_grad_(), torch.randn(5).double()
    for found, wanted in (
        (halved(x, weight, bias), F.conv2d(x, weight, bias, stride=2, padding=1)),
        (doubled(y, weight), F.conv_transpose2d(y, weight, stride=2, padding=1)),
    ):
        torch.testing.assert_close(found, wanted)
        direction = torch.randn_like(wanted)
        slopes = [
            torch.autograd.grad((v * direction).sum(), weight)[0] for v in (found, wanted)
        ]
        torch.testing.assert_close(*slopes)


def test_the_twin_shares_its_weights_and_has_features_of_length_one() -> None:
    torch.manual_seed(0)
    twin = SiameseTwin(SiameseConfig(widths=(4, 6), features=5))
    pictures = torch.rand(4, 3, 32, 32) * 2 - 1
    found = twin(pictures)
    assert found.shape == (4, 5)
    torch.testing.assert_close(found.norm(dim=1), torch.ones(4))
    torch.testing.assert_close(twin(pictures[2:]), found[2:])
    with torch.autocast("cpu", torch.bfloat16):
        assert twin(pictures).dtype == torch.float32
