"""The paper's training step (Algorithm 2): critic several times, twin, then the generator."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from kssgan.losses.classification import classification
from kssgan.losses.contrastive import contrastive
from kssgan.losses.cycle import cycle
from kssgan.losses.objectives import generator_objective
from kssgan.losses.parts import Loss
from kssgan.losses.similarity import siamese_reconstruction
from kssgan.losses.vanilla import generator_vanilla
from kssgan.losses.wasserstein import generator_wasserstein
from kssgan.training.precision import Precision
from kssgan.training.siamese_batch import SiameseBatch, TwinPairs, conditions
from kssgan.training.siamese_critic import critic_step
from kssgan.training.siamese_networks import SiameseNetworks, frozen
from kssgan.training.siamese_settings import SiameseSettings

__all__ = ["generator_step", "siamese_step", "twin_step"]

_LOSSES = {"wasserstein": generator_wasserstein, "vanilla": generator_vanilla}


def siamese_step(
    networks: SiameseNetworks,
    batches: Sequence[SiameseBatch],
    pairs: TwinPairs | None,
    settings: SiameseSettings,
    precision: Precision,
    source: torch.Generator,
) -> dict[str, Tensor]:
    """Improve every network once, and the critic ``settings.n_critic`` times, without waiting for a GPU.

    G does not change between the critic's updates and its own, so what it drew for the last of them is what
    it learns from: the same pictures as drawn again, and one forward pass less.

    Args:
        networks: changed in place.
        batches: for the critic, one after the other, again from the first where there are fewer than
            ``n_critic``; G learns from the one that the critic saw last.
        pairs: for the twin; None leaves it as it is.
        settings: weights and the number of updates.
        precision: of the arithmetic.
        source: the only source of chance: noise in G, eps of the penalty.

    Returns:
        () each: unweighted parts of the losses and norms of the gradients; the critic's of its last update.
    """
    parts: dict[str, Tensor] = {}
    batch = batches[(settings.n_critic - 1) % len(batches)]
    drawn = None
    for turn in range(settings.n_critic):
        last = turn == settings.n_critic - 1
        seen = batches[turn % len(batches)]
        with torch.set_grad_enabled(last):
            drawn = _draw(networks, seen, seen.source, seen.wanted, precision, source)
        learnt = critic_step(networks, seen, drawn, settings, precision, source)
        parts |= {f"critic.{name}": value for name, value in learnt.items()}
    if pairs is not None and networks.twin is not None:
        learnt = twin_step(networks, pairs, settings, precision)
        parts |= {f"twin.{name}": value for name, value in learnt.items()}
    for name in ("critic", "twin"):
        if name in networks.optimisers:  # G's update needs the memory
            networks.optimisers[name].zero_grad(set_to_none=True)
    learnt = generator_step(networks, batch, drawn, settings, precision, source)
    parts |= {f"generator.{name}": value for name, value in learnt.items()}
    return {name: value.detach() for name, value in parts.items()}


def twin_step(
    networks: SiameseNetworks, pairs: TwinPairs, settings: SiameseSettings, precision: Precision
) -> dict[str, Tensor]:
    """Improve the twin by one set of pairs (Eq. 1); returns parts and the gradient's norm."""
    assert networks.twin is not None
    with precision.autocast():
        first, second = networks.twin(torch.cat([pairs.first, pairs.second])).chunk(2)
    loss = contrastive(first, second, pairs.same, margin=settings.twin_margin)
    norm = precision.minimise(loss.total, networks.optimisers["twin"], "twin", clip=None)
    return loss.parts | {"norm": norm}


def generator_step(
    networks: SiameseNetworks,
    batch: SiameseBatch,
    drawn: Tensor | None,
    settings: SiameseSettings,
    precision: Precision,
    source: torch.Generator,
) -> dict[str, Tensor]:
    """Improve the generator by one batch (Eq. 8); critic and twin learn nothing.

    Args:
        networks: whose generator is changed.
        batch: what G reads, and the photographs that it should not resemble.
        drawn: (B, 3, H, W) G(source, wanted) with gradients; None draws it here.
        settings: weights.
        precision: of the arithmetic.
        source: of the noise.

    Returns:
        Unweighted parts of Eq. 8, and the gradient's norm.
    """
    with frozen(networks.critic, networks.twin):
        if drawn is None:
            drawn = _draw(networks, batch, batch.source, batch.wanted, precision, source)
        with precision.autocast():
            judged = networks.critic(drawn)
        returned = None
        if settings.lambda_rec:
            # c' is what the photograph shows, as in StarGAN.
            returned = _draw(networks, batch, drawn, batch.attributes, precision, source)
        loss = generator_objective(
            _LOSSES[settings.adversarial](judged.score),
            classification(judged.attributes, batch.wanted, judged.group, batch.groups),
            *_reconstructions(networks, batch, drawn, returned, settings, precision),
            lambda_cls=settings.lambda_cls,
        )
        norm = precision.minimise(
            loss.total, networks.optimisers["generator"], "generator", clip=None
        )
    return loss.parts | {"norm": norm}


def _reconstructions(
    networks: SiameseNetworks,
    batch: SiameseBatch,
    drawn: Tensor,
    returned: Tensor | None,
    settings: SiameseSettings,
    precision: Precision,
) -> list[tuple[float, Loss]]:
    """Weights and terms of L_rec: of what is released and of the cycle, or StarGAN's L1."""
    if settings.reconstruction == "l1":
        return (
            [] if returned is None else [(settings.lambda_rec, cycle(batch.source, returned))]
        )
    twin = networks.twin
    if twin is None:
        raise ValueError('reconstruction "siamese" needs a twin; build the networks with one')
    asked = {
        "released": (settings.lambda_released, drawn if settings.lambda_released else None)
    }
    asked["cycle"] = (settings.lambda_rec, returned)
    found = []
    with precision.autocast():
        with torch.no_grad():
            real = twin(batch.real)
        for name, (weight, picture) in asked.items():
            if picture is not None:
                term = siamese_reconstruction(real, twin(picture), margin=settings.margin)
                found.append((weight, Loss(term.total, {name: term.parts["similarity"]})))
    return found


def _draw(
    networks: SiameseNetworks,
    batch: SiameseBatch,
    pictures: Tensor,
    categories: Tensor,
    precision: Precision,
    source: torch.Generator,
) -> Tensor:
    widths = networks.critic.config.attributes
    code = conditions(batch.code, categories, widths)
    with precision.autocast():
        drawn: Tensor = networks.generator(
            pictures, code, batch.style, noise=source, recompute=precision.recomputes
        )
    return drawn.float()
