from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812

from kssgan.losses.classification import classification
from kssgan.losses.penalty import between, gradient_penalty
from kssgan.losses.similarity import similarity
from kssgan.models.siamese import SiameseConfig
from kssgan.models.star_critic import StarCriticConfig
from kssgan.models.star_generator import StarGeneratorConfig
from kssgan.training.precision import Precision
from kssgan.training.siamese_batch import SiameseBatch, TwinPairs, conditions
from kssgan.training.siamese_critic import critic_step
from kssgan.training.siamese_networks import SiameseNetworks
from kssgan.training.siamese_settings import Adversarial, Reconstruction, SiameseSettings
from kssgan.training.siamese_step import generator_step, siamese_step, twin_step
from kssgan.training.tensors import numbers

SETTINGS = SiameseSettings()
ATTRIBUTES = (2, 3)
FP32 = Precision("fp32", torch.device("cpu"))


def networks(
    *, twin: bool = True, style: int = 0, rate: float = 1e-3, **changes: float
) -> SiameseNetworks:
    return SiameseNetworks(
        StarGeneratorConfig(
            conditions=2 + 5, width=4, blocks=1, style=style, noise=bool(style)
        ),
        StarCriticConfig(size=32, width=6, depth=3, attributes=ATTRIBUTES, groups=2),
        SiameseConfig(widths=(4, 8), features=6) if twin else None,
        replace(SETTINGS, rate=rate, **changes),  # type: ignore[arg-type]
        seed=1,
    )


def batch(seed: int = 0, *, style: int = 0, count: int = 4) -> SiameseBatch:
    source = torch.Generator().manual_seed(seed)

    def labels() -> Tensor:
        each = [torch.randint(n, (count,), generator=source) for n in ATTRIBUTES]
        return torch.stack(each, 1)

    groups = torch.arange(count) % 2
    real = torch.rand(count, 3, 32, 32, generator=source) * 2 - 1
    means = torch.stack([real[::2].mean(0), real[1::2].mean(0)])
    return SiameseBatch(
        real,
        labels(),
        means[groups],
        labels(),
        torch.eye(2)[groups],
        groups,
        torch.randn(count, style, generator=source) if style else None,
    )


def pairs() -> TwinPairs:
    seen = batch(7).real
    near = (seen + 0.05 * torch.randn(seen.shape, generator=source())).clamp(-1, 1)
    same = torch.tensor([True, False, True, False])
    return TwinPairs(seen, torch.where(same[:, None, None, None], near, seen.flip(0)), same)


def weights(networks: SiameseNetworks) -> dict[str, Tensor]:
    return {
        f"{name}.{key}": value.clone()
        for name, module in networks.modules().items()
        for key, value in module.state_dict().items()
    }


def moved(before: dict[str, Tensor], after: dict[str, Tensor]) -> set[str]:
    return {n.split(".")[0] for n in before if not torch.equal(before[n], after[n])}


def source(seed: int = 3) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def test_conditions_by_hand() -> None:
    found = conditions(torch.tensor([[0.5], [2.0]]), torch.tensor([[1, 2], [-1, 0]]), (2, 3))
    assert found.tolist() == [[0.5, 0, 1, 0, 0, 1], [2, 0, 0, 1, 0, 0]]


def test_settings_survive_a_checkpoint() -> None:
    assert SiameseSettings.from_json(SETTINGS.to_json()) == SETTINGS


def slopes(total: Tensor, network: nn.Module) -> list[Tensor]:
    """Gradients of a total; zeros where it does not depend on a weight."""
    weights = list(network.parameters())
    found = torch.autograd.grad(total, weights, allow_unused=True)
    return [
        torch.zeros_like(w) if slope is None else slope
        for w, slope in zip(weights, found, strict=True)
    ]


def check_gradients(network: nn.Module, wanted: list[Tensor]) -> None:
    for parameter, slope in zip(network.parameters(), wanted, strict=True):
        mine = torch.zeros_like(slope) if parameter.grad is None else parameter.grad
        torch.testing.assert_close(mine, slope, rtol=1e-4, atol=1e-6)


def cross_entropies(logits: tuple[Tensor, ...], labels: Tensor) -> Tensor:
    return torch.stack(
        [F.cross_entropy(each, labels[:, column]) for column, each in enumerate(logits)]
    ).sum()


@pytest.mark.parametrize("share", [None, (0.1, 0.9, 0.4, 0.6)])
@pytest.mark.parametrize("adversarial", ["wasserstein", "vanilla"])
def test_critic_step_equals_the_plain_one(
    adversarial: Adversarial, share: tuple[float, ...] | None
) -> None:
    """One pass for both and the penalty by its own network, against the text of Algorithm 2."""
    nets, seen = networks(), batch()
    settings = replace(SETTINGS, adversarial=adversarial, lambda_cls=0.5, lambda_gp=3.0)
    drawn = torch.rand(4, 3, 32, 32, generator=source(5)) * 2 - 1
    critic = nets.critic
    on_real, on_drawn = critic(seen.real), critic(drawn)
    eps = torch.rand(4, generator=source()) if share is None else torch.tensor(share)
    mixed = between(seen.real, drawn, eps)
    penalty = gradient_penalty(lambda x: critic(x).score, mixed)
    told = classification(on_real.attributes, seen.attributes, on_real.group, seen.groups)
    if adversarial == "wasserstein":
        judged = on_drawn.score.mean() - on_real.score.mean()
    else:
        judged = (
            -torch.log(torch.sigmoid(on_real.score)).mean()
            - torch.log(1 - torch.sigmoid(on_drawn.score)).mean()
        )
    wanted = slopes(judged + 0.5 * told.total + 3 * penalty.total, critic)
    shown = seen._replace(share=None if share is None else eps)
    parts = critic_step(nets, shown, drawn, settings, FP32, source())
    assert parts["penalty"].item() == pytest.approx(penalty.total.item(), rel=1e-5)
    assert (parts["critic_real"] + parts["critic_fake"]).item() == pytest.approx(
        judged.item(), rel=1e-4, abs=1e-6
    )
    check_gradients(critic, wanted)


@pytest.mark.parametrize("adversarial", ["wasserstein", "vanilla"])
@pytest.mark.parametrize("reconstruction", ["siamese", "l1"])
def test_generator_step_equals_the_plain_one(
    adversarial: Adversarial, reconstruction: Reconstruction
) -> None:
    """Eq. 8 written out: c is what is asked for, c' what the photograph shows."""
    nets, seen = networks(twin=reconstruction == "siamese"), batch()
    assert seen.groups is not None
    assert not torch.equal(seen.wanted, seen.attributes)
    assert not torch.equal(seen.source, seen.real)

    def draw(pictures: Tensor, labels: Tensor) -> Tensor:
        return nets.generator(pictures, conditions(seen.code, labels, ATTRIBUTES))

    drawn = draw(seen.source, seen.wanted)
    returned = draw(drawn, seen.attributes)
    judged = nets.critic(drawn)
    assert judged.group is not None
    score = judged.score
    lifted = (
        -score.mean() if adversarial == "wasserstein" else -torch.sigmoid(score).log().mean()
    )
    shown = cross_entropies(judged.attributes, seen.wanted)
    of_group = F.cross_entropy(judged.group, seen.groups)
    known = {"generator": lifted, "attributes": shown, "group": of_group}
    margin = 0.0
    if reconstruction == "l1":
        known["cycle"] = (seen.source - returned).abs().mean()
        rec = 7 * known["cycle"]
    else:
        twin = nets.twin
        assert twin is not None
        alike = [
            (1 + F.cosine_similarity(twin(seen.real), twin(picture))) / 2
            for picture in (drawn, returned)
        ]
        # Untrained, the twin finds all alike: the hinge is put where it parts the pictures.
        margin = alike[0].mean().item()
        assert alike[0].min() < margin < alike[0].max()
        assert margin != pytest.approx(SETTINGS.margin, abs=0.1)
        known["released"], known["cycle"] = (each.mean() for each in alike)
        released, cycle = (F.relu(each - margin).mean() for each in alike)
        rec = 3 * released + 7 * cycle
    settings = replace(
        SETTINGS,
        adversarial=adversarial,
        reconstruction=reconstruction,
        lambda_cls=0.5,
        lambda_released=3.0,
        lambda_rec=7.0,
        margin=margin,
    )
    wanted = slopes(lifted + 0.5 * (shown + of_group) + rec, nets.generator)
    parts = generator_step(nets, seen, None, settings, FP32, source())
    norm = torch.cat([slope.flatten() for slope in wanted]).norm()
    assert numbers(parts) == pytest.approx(numbers(known | {"norm": norm}), rel=1e-4, abs=1e-6)
    check_gradients(nets.generator, wanted)


def test_twin_step_equals_the_plain_one() -> None:
    """Eq. 1 written out."""
    nets, shown = networks(), pairs()
    twin = nets.twin
    assert twin is not None
    far = torch.linalg.vector_norm(twin(shown.first) - twin(shown.second), dim=1)
    kept = shown.same.float()
    # Untrained, no two faces lie far apart: the margin is put where it parts the pairs.
    margin = far[~shown.same].mean().item()
    same = (kept * far**2).mean() / 2
    different = ((1 - kept) * F.relu(margin - far) ** 2).mean() / 2
    assert different > 0
    wanted = slopes(same + different, twin)
    parts = twin_step(nets, shown, replace(SETTINGS, twin_margin=margin), FP32)
    assert parts["same"].item() == pytest.approx(same.item(), rel=1e-4)
    assert parts["different"].item() == pytest.approx(different.item(), rel=1e-4)
    check_gradients(twin, wanted)


@pytest.mark.parametrize(("count", "order"), [(3, (0, 1, 2)), (2, (0, 1, 0))])
def test_the_generator_learns_from_the_batch_that_the_critic_saw_last(
    count: int, order: tuple[int, ...]
) -> None:
    batches = [batch(number) for number in range(count)]
    settings = replace(SETTINGS, n_critic=len(order))
    one, two = networks(), networks()
    found = siamese_step(one, batches, None, settings, FP32, source())
    chance = source()
    for number in order:
        seen = batches[number]
        code = conditions(seen.code, seen.wanted, ATTRIBUTES)
        drawn = two.generator(seen.source, code).detach()
        learnt = critic_step(two, seen, drawn, settings, FP32, chance)
    parts = generator_step(two, batches[order[-1]], None, settings, FP32, chance)
    known = {f"critic.{name}": value for name, value in learnt.items()}
    known |= {f"generator.{name}": value for name, value in parts.items()}
    assert numbers(found) == pytest.approx(numbers(known), rel=1e-4, abs=1e-6)
    for a, b in zip(one.critic.parameters(), two.critic.parameters(), strict=True):
        torch.testing.assert_close(a, b, rtol=1e-4, atol=1e-6)
    check_gradients(
        one.generator,
        [torch.zeros_like(p) if p.grad is None else p.grad for p in two.generator.parameters()],
    )


def test_optimisers_have_the_rate_and_the_betas_of_the_settings() -> None:
    nets = networks(rate=2e-3, beta1=0.3, beta2=0.8)
    assert nets.optimisers.keys() == {"generator", "critic", "twin"}
    for name, optimiser in nets.optimisers.items():
        (group,) = optimiser.param_groups
        assert (group["lr"], group["betas"]) == (2e-3, (0.3, 0.8))
        assert group["params"] == list(nets.modules()[name].parameters())


def test_reused_drawings_equal_fresh_ones() -> None:
    """G's update from the pictures that the critic saw last, and from the same drawn again."""
    seen, settings = batch(), replace(SETTINGS, n_critic=2)
    one, two = networks(), networks()
    siamese_step(one, [seen], None, settings, FP32, source())
    chance = source()
    code = conditions(seen.code, seen.wanted, ATTRIBUTES)
    for _ in range(2):
        with torch.no_grad():
            drawn = two.generator(seen.source, code)
        critic_step(two, seen, drawn, settings, FP32, chance)
    generator_step(two, seen, None, settings, FP32, chance)
    for a, b in zip(one.generator.parameters(), two.generator.parameters(), strict=True):
        torch.testing.assert_close(a.grad, b.grad, rtol=1e-4, atol=1e-7)


def test_each_part_changes_its_own_network_alone() -> None:
    nets, seen = networks(), batch()
    before = weights(nets)
    critic_step(nets, seen, torch.zeros(4, 3, 32, 32), SETTINGS, FP32, source())
    assert moved(before, weights(nets)) == {"critic"}
    before = weights(nets)
    twin_step(nets, pairs(), SETTINGS, FP32)
    assert moved(before, weights(nets)) == {"twin"}
    before = weights(nets)
    for module in (nets.critic, nets.twin):
        assert module is not None
        module.zero_grad(set_to_none=True)
    generator_step(nets, seen, None, SETTINGS, FP32, source())
    assert moved(before, weights(nets)) == {"generator"}
    for module in (nets.critic, nets.twin):
        assert module is not None
        assert all(p.grad is None and p.requires_grad for p in module.parameters())


def test_the_critic_is_updated_n_times_for_each_update_of_the_others() -> None:
    nets = networks()
    siamese_step(
        nets, [batch(0), batch(1)], pairs(), replace(SETTINGS, n_critic=3), FP32, source()
    )
    steps = {
        name: {int(state["step"]) for state in adam.state.values()}
        for name, adam in nets.optimisers.items()
    }
    assert steps == {"generator": {1}, "critic": {3}, "twin": {1}}


@pytest.mark.parametrize("adversarial", ["wasserstein", "vanilla"])
@pytest.mark.parametrize("reconstruction", ["siamese", "l1"])
def test_every_recipe_runs_and_repeats(adversarial, reconstruction) -> None:  # type: ignore[no-untyped-def]
    settings = replace(
        SETTINGS, n_critic=2, adversarial=adversarial, reconstruction=reconstruction
    )
    found = []
    for _ in range(2):
        nets = networks(twin=reconstruction == "siamese", style=5)
        shown = pairs() if reconstruction == "siamese" else None
        parts = numbers(siamese_step(nets, [batch(style=5)], shown, settings, FP32, source()))
        found.append(weights(nets))
    assert all(torch.tensor(value).isfinite() for value in parts.values())
    drawn = {name for name in parts if name in ("generator.cycle", "generator.released")}
    assert drawn == ({"generator.cycle"} | ({"generator.released"} if shown else set()))
    for name, value in found[0].items():
        torch.testing.assert_close(value, found[1][name])


def test_a_cycle_of_no_weight_is_not_drawn() -> None:
    parts = siamese_step(
        networks(),
        [batch()],
        None,
        replace(SETTINGS, lambda_rec=0.0, n_critic=1),
        FP32,
        source(),
    )
    assert "generator.cycle" not in parts
    assert "generator.released" in parts


def test_siamese_reconstruction_without_a_twin_is_an_error() -> None:
    with pytest.raises(ValueError, match="twin"):
        generator_step(networks(twin=False), batch(), None, SETTINGS, FP32, source())


def likeness(nets: SiameseNetworks, seen: SiameseBatch) -> float:
    assert nets.twin is not None
    with torch.no_grad():
        drawn = nets.generator(seen.source, conditions(seen.code, seen.wanted, ATTRIBUTES))
        return similarity(nets.twin(seen.real), nets.twin(drawn)).mean().item()


def test_reconstruction_alone_makes_faces_less_alike() -> None:
    nets, seen = networks(), batch()
    settings = replace(
        SETTINGS, lambda_cls=0.0, lambda_released=1e4, lambda_rec=0.0, margin=0.0
    )
    before = likeness(nets, seen)
    for _ in range(5):
        generator_step(nets, seen, None, settings, FP32, source())
    assert likeness(nets, seen) < before


def test_critic_learns_to_classify_and_to_tell() -> None:
    nets, seen = networks(), batch()
    drawn = torch.zeros(4, 3, 32, 32)

    def state() -> tuple[float, float]:
        with torch.no_grad():
            real, fake = nets.critic(seen.real), nets.critic(drawn)
        told = classification(real.attributes, seen.attributes, real.group, seen.groups)
        return told.total.item(), (real.score.mean() - fake.score.mean()).item()

    for lambda_cls, which in ((1e3, 0), (0.0, 1)):
        before = state()[which]
        settings = replace(SETTINGS, lambda_cls=lambda_cls, lambda_gp=0.0)
        for _ in range(3):
            critic_step(nets, seen, drawn, settings, FP32, source())
        after = state()[which]
        assert (after < before) if which == 0 else (after > before)


def test_twin_learns_to_tell_pairs() -> None:
    nets, shown = networks(rate=3e-3), pairs()
    first = twin_step(nets, shown, SETTINGS, FP32)
    for _ in range(20):
        last = twin_step(nets, shown, SETTINGS, FP32)
    assert last["same"] + last["different"] < first["same"] + first["different"]


def test_bf16_keeps_master_weights_and_the_penalty_in_float32() -> None:
    half, full = networks(), networks()
    seen, drawn = batch(), torch.rand(4, 3, 32, 32) * 2 - 1
    bf16 = Precision("bf16", torch.device("cpu"))
    one = critic_step(half, seen, drawn, SETTINGS, bf16, source())
    two = critic_step(full, seen, drawn, SETTINGS, FP32, source())
    assert one["penalty"].item() == two["penalty"].item()
    assert one["critic_real"].item() != two["critic_real"].item()
    siamese_step(half, [seen], pairs(), replace(SETTINGS, n_critic=1), bf16, source())
    for module in half.modules().values():
        assert {p.dtype for p in module.parameters()} == {torch.float32}


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_fp16_trains() -> None:
    device = torch.device("cuda")
    nets = networks()
    for module in nets.modules().values():
        module.to(device)
    shown = TwinPairs(*(value.to(device) for value in pairs()))
    seen = SiameseBatch(*(None if v is None else v.to(device) for v in batch()))  # type: ignore[arg-type]
    precision = Precision("fp16", device)
    chance = torch.Generator(device).manual_seed(0)
    parts = numbers(siamese_step(nets, [seen], shown, SETTINGS, precision, chance))
    assert torch.tensor(parts["critic.penalty"]).isfinite()
    assert {p.dtype for p in nets.critic.parameters()} == {torch.float32}
