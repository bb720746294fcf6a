from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from kssgan.errors import UsageError
from kssgan.models.siamese import SiameseConfig
from kssgan.models.star_critic import StarCriticConfig
from kssgan.models.star_generator import StarGenerator, StarGeneratorConfig
from kssgan.training.checkpoint import Checkpoint
from kssgan.training.gallery_config import GalleryConfig
from kssgan.training.precision import Precision, PrecisionName
from kssgan.training.replay import Replay
from kssgan.training.resuming import check_same
from kssgan.training.siamese_batch import SiameseBatch, TwinPairs
from kssgan.training.siamese_networks import SiameseNetworks
from kssgan.training.siamese_settings import SiameseSettings
from kssgan.training.siamese_step import siamese_step
from kssgan.training.tensors import numbers

CPU = torch.device("cpu")
SETTINGS = SiameseSettings(n_critic=2)
GPU = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")


def networks(device: torch.device, *, style: int = 0) -> SiameseNetworks:
    return SiameseNetworks(
        StarGeneratorConfig(5, width=8, blocks=2, style=style, noise=bool(style)),
        StarCriticConfig(size=32, width=8, depth=3, attributes=(3, 2)),
        SiameseConfig(widths=(4, 8), features=6),
        SETTINGS,
        seed=1,
        device=device,
    )


def given(
    number: int, device: torch.device, *, count: int = 4, style: int = 0
) -> tuple[list[SiameseBatch], TwinPairs]:
    source = torch.Generator().manual_seed(number)

    def pictures() -> torch.Tensor:
        return (torch.rand(count, 3, 32, 32, generator=source) * 2 - 1).to(device)

    def kinds() -> torch.Tensor:
        columns = [torch.randint(n, (count,), generator=source) for n in (3, 2)]
        return torch.stack(columns, 1).to(device)

    code = torch.zeros(count, 0, device=device)
    z = torch.randn(count, style, generator=source).to(device) if style else None
    batches = [
        SiameseBatch(pictures(), kinds(), pictures(), kinds(), code, style=z) for _ in range(2)
    ]
    same = torch.arange(count, device=device) % 2 == 0
    return batches, TwinPairs(pictures(), pictures(), same)


def trained(
    device: torch.device, precision: PrecisionName, *, record: bool, style: int = 0
) -> tuple[list[dict[str, float]], list[torch.Tensor]]:
    nets = networks(device, style=style)
    improve = Replay(nets, SETTINGS, Precision(precision, device), device, record=record)
    figures = [improve(*given(step, device, style=style), step) for step in range(8)]
    return figures, [p.detach().cpu() for m in nets.modules().values() for p in m.parameters()]


def test_on_a_cpu_it_is_the_step_itself() -> None:
    figures, weights = trained(CPU, "fp32", record=True)
    nets, precision = networks(CPU), Precision("fp32", CPU)
    for step in range(8):
        source = torch.Generator().manual_seed(step)
        parts = siamese_step(nets, *given(step, CPU), SETTINGS, precision, source)
        assert figures[step] == numbers(parts)
    theirs = [p for m in nets.modules().values() for p in m.parameters()]
    assert all(torch.equal(a, b) for a, b in zip(weights, theirs, strict=True))


@pytest.mark.gpu
@GPU
@pytest.mark.parametrize("style", [0, 4])
def test_replayed_steps_are_the_steps_as_written(style: int) -> None:
    """Other batches, other seeds: what was recorded must not be what was shown when recording."""
    device = torch.device("cuda")
    one, mine = trained(device, "fp32", record=True, style=style)
    two, theirs = trained(device, "fp32", record=False, style=style)
    # A step's figures tell of the weights that all steps before it left. Those differ by Adam's whole rate
    # where a gradient is nothing but rounding, which no GPU repeats.
    for a, b in zip(one, two, strict=True):
        assert a == pytest.approx(b, rel=3e-2, abs=3e-3)
    assert len({figures["generator.generator"] for figures in one}) == len(one)
    assert all(p.isfinite().all() for p in (*mine, *theirs))


@pytest.mark.gpu
@GPU
def test_a_replayed_step_has_the_chance_of_its_own_seed() -> None:
    device = torch.device("cuda")
    nets = networks(device, style=4)
    for name, value in nets.generator.named_parameters():
        if name.endswith("strength"):  # of the noise; it begins at 0
            torch.nn.init.ones_(value)
    for optimiser in nets.optimisers.values():
        optimiser.param_groups[0]["lr"] = 0.0
    improve = Replay(nets, SETTINGS, Precision("fp32", device), device)
    seen = given(0, device, style=4)
    for _ in range(4):
        improve(*seen, 0)
    one, same, other = (improve(*seen, seed) for seed in (5, 5, 6))
    assert one == pytest.approx(same, rel=1e-3, abs=1e-5)
    assert abs(one["generator.generator"] - other["generator.generator"]) > 1e-4


@pytest.mark.gpu
@GPU
def test_a_batch_of_another_size_is_run_as_written() -> None:
    device = torch.device("cuda")
    nets = networks(device)
    improve = Replay(nets, SETTINGS, Precision("fp32", device), device)
    for step in range(6):
        improve(*given(step, device), step)
    before = [p.detach().clone() for p in nets.generator.parameters()]
    improve(*given(6, device, count=6), 6)
    assert not all(
        torch.equal(a, b) for a, b in zip(before, nets.generator.parameters(), strict=True)
    )


@pytest.mark.gpu
@GPU
def test_overflows_are_skipped_and_counted_while_replaying() -> None:
    device = torch.device("cuda")
    nets, precision = networks(device), Precision("fp16", device)
    improve = Replay(nets, SETTINGS, precision, device)
    for step in range(8):
        improve(*given(step, device), step)
    assert all(p.isfinite().all() for m in nets.modules().values() for p in m.parameters())
    batches, pairs = given(8, device)
    huge = [batch._replace(real=batch.real * 1e30) for batch in batches]
    before = precision.skipped
    weights = [p.detach().clone() for p in nets.critic.parameters()]
    improve(huge, pairs, 8)
    assert precision.skipped > before
    assert all(
        torch.equal(a, b) for a, b in zip(weights, nets.critic.parameters(), strict=True)
    )


@pytest.mark.parametrize("style", [0, 5])
def test_recomputed_activations_give_the_same_gradients(style: int) -> None:
    torch.manual_seed(0)
    generator = StarGenerator(StarGeneratorConfig(5, width=4, blocks=2, style=style))
    pictures, code = torch.rand(2, 3, 16, 16), torch.eye(5)[:2]
    z = torch.randn(2, style) if style else None
    found = []
    for recompute in (False, True):
        generator.zero_grad(set_to_none=True)
        drawn = generator(pictures, code, z, recompute=recompute)
        torch.autograd.backward(drawn.square().sum())
        found.append((drawn.detach(), [p.grad for p in generator.parameters()]))
    assert torch.equal(found[0][0], found[1][0])
    for a, b in zip(found[0][1], found[1][1], strict=True):
        assert (a is None) == (b is None)
        assert a is None or torch.equal(a, b)


def test_how_steps_are_launched_may_change_when_going_on() -> None:
    config = GalleryConfig()
    begun = config.to_json()
    del begun["replay"]  # a run of a version that knew none
    start = Checkpoint(3, begun, "digest", {}, {})
    for replay in (True, False):
        check_same(start, replace(config, replay=replay), "digest", "content")
    with pytest.raises(UsageError, match="another rate"):
        check_same(start, replace(config, rate=1.0), "digest", "content")
