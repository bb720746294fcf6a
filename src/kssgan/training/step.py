"""One step of training: the drawer learns from examples, later from its critic too; then the refiner."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812

from kssgan.losses.reconstruction import coarse_agreement, reconstruction
from kssgan.models.codes import CLOSE, LEAST, PARTS, Codes
from kssgan.models.generator import face_alone
from kssgan.training.bank import Batch
from kssgan.training.config import TrainingConfig
from kssgan.training.critics import judge, teach_critic, weight_at
from kssgan.training.networks import Networks
from kssgan.training.precision import Precision
from kssgan.training.refining import Drawings, Pieces, refine_step, wants_drawings
from kssgan.training.tensors import numbers

__all__ = ["train_step"]

_COARSE = 8  # the drawer's picture is reduced so many times where only the face's tone counts


def train_step(
    networks: Networks,
    batch: Batch,
    photographs: Pieces,
    mates: Tensor,
    config: TrainingConfig,
    precision: Precision,
    step: int,
) -> dict[str, float]:
    """Improve the networks by one batch.

    Args:
        networks: changed in place.
        batch: examples for the drawer.
        photographs: for the refiner.
        mates: (D, M) for each donor, donors like it whose codes may be mixed.
        config: weights of the terms.
        precision: of the arithmetic.
        step: number of the step; the only source of chance together with the seed.

    Returns:
        Unweighted parts of the losses and norms of the gradients.
    """
    source = torch.Generator(batch.surrogate.device)
    source.manual_seed((config.seed << 32) + step)
    rate = networks.set_rates(step)
    if config.turn(step).refining:
        drawings = None
        if wants_drawings(config, step):
            drawings = _drawings(networks, batch, mates, config.drawings, precision, source)
        parts = refine_step(networks, photographs, drawings, config, precision, source, step)
    else:
        parts = _draw_step(networks, batch, mates, config, precision, source, step)
    networks.follow(step)
    return {"rate": rate, **numbers(parts)}


def _draw_step(
    networks: Networks,
    batch: Batch,
    mates: Tensor,
    config: TrainingConfig,
    precision: Precision,
    source: torch.Generator,
    step: int,
) -> dict[str, Tensor]:
    """Improve drawer, codes and critic; returns parts."""
    weight = weight_at(config.turn(step), config.critic_from, config.adversarial, config)
    noise = source if weight else None
    drawer = networks.generator.drawer
    label = _one_hot(batch.label, drawer.config.labels)
    codes = networks.codes(batch.donor, batch.flipped)
    truth = F.avg_pool2d(batch.picture, 2)
    with precision.autocast():
        drawn = drawer(batch.surrogate, batch.face, *codes, label, noise=noise).float()
    taught = reconstruction(drawn, truth, bands=config.bands, colour=config.colour)
    small = networks.codes.vector.square().mean()
    total, parts = taught.total + config.shrink * small, dict(taught.parts)
    made = [drawn]
    seen = face_alone(batch.surrogate, batch.face)
    if weight:
        # Half as many with fresh codes: they have no known answer, and each costs as much.
        some = slice(-(-len(batch.donor) // 2))
        means, named = batch.surrogate[some], None if label is None else label[some]
        fresh = _fresh_codes(networks.codes, batch.donor[some], mates, source)
        with precision.autocast():
            mixed = drawer(means, batch.face[some], *fresh, named, noise=noise).float()
        kept = coarse_agreement(mixed, means, batch.face[some], factor=_COARSE)
        own = judge(
            networks.critic,
            torch.cat([seen, drawn], 1),
            label,
            source,
            precision,
            truth=torch.cat([seen, truth], 1),
        )
        other = judge(
            networks.critic, torch.cat([seen[some], mixed], 1), named, source, precision
        )
        said = own.total + config.mixed * other.total + config.matching * own.parts["matching"]
        total = total + weight * said + config.mixed * config.coarse * kept.total
        parts |= own.parts | {"generator_mixed": other.parts["generator"]} | kept.parts
        made.append(mixed)
    norm = precision.minimise(total, networks.optimisers["drawer"], "drawer", clip=config.clip)
    parts["norm"] = norm
    if weight:
        drawings = [picture.detach().clamp(-1, 1) for picture in made]
        parts |= teach_critic(
            networks,
            "critic",
            torch.cat([seen, truth], 1),
            torch.cat([torch.cat([seen, seen[some]]), torch.cat(drawings)], 1),
            label,
            label if label is None or named is None else torch.cat([label, named]),
            config,
            source,
            precision,
            step,
        )
    return parts


@torch.no_grad()
def _drawings(
    networks: Networks,
    batch: Batch,
    mates: Tensor,
    count: int,
    precision: Precision,
    source: torch.Generator,
) -> Drawings:
    """Heads of the averaged drawer, which is released: a quarter of own codes, the others of fresh ones."""
    drawer, codes = networks.average_generator.drawer, networks.average_codes
    count = min(count, len(batch.donor))
    few = -(-count // 4)
    own = codes(batch.donor[:few], batch.flipped[:few])
    fresh = _fresh_codes(codes, batch.donor[few:count], mates, source)
    both = [torch.cat(pair) for pair in zip(own, fresh, strict=True)]
    label = _one_hot(batch.label[:count], drawer.config.labels)
    means, faces = batch.surrogate[:count], batch.face[:count]
    with precision.autocast():
        drawn = drawer(means, faces, *both, label, noise=source).float().clamp(-1, 1)
    return Drawings(drawn[:few], batch.picture[:few], drawn[few:])


def _fresh_codes(
    codes: Codes, donors: Tensor, mates: Tensor, source: torch.Generator
) -> tuple[Tensor, Tensor]:
    """Mixtures as a release draws them: of each donor's code with some of those nearest to it."""
    device = donors.device
    alike = mates[donors]
    with torch.no_grad():
        far = torch.zeros(alike.shape, device=device)
        for values in (codes.vector, codes.layout):
            away = (values[alike] - values[donors][:, None]).flatten(2)
            far += away.square().mean(2) / values.var(0).mean().clamp(min=1e-12)
        far.masked_fill_(alike == donors[:, None], torch.inf)
        close = alike.gather(1, far.argsort(1)[:, :CLOSE])
    shape = (len(donors), PARTS)
    order = torch.rand(close.shape, generator=source, device=device).argsort(1)
    rows = torch.cat([donors[:, None], close.gather(1, order[:, : PARTS - 1])], 1)
    chance = torch.rand(shape, generator=source, device=device)
    shares = -torch.log(chance.clamp(min=1e-6))  # normalised, these are Dirichlet(1, ..., 1)
    weights = LEAST + (1 - LEAST * PARTS) * shares / shares.sum(1, keepdim=True)
    return codes.mixed(rows, weights)


def _one_hot(categories: Tensor, width: int) -> Tensor | None:
    """(B, width) float32, zeros where a category is -1; None where the generator draws no label."""
    if not width:
        return None
    return F.one_hot(categories.clamp(min=0), width).float() * (categories >= 0)[:, None]
