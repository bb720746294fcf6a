from __future__ import annotations

import numpy as np
import torch

from kssgan.losses.texture import _kernels, texture_agreement


def grass(seed: int, *, strength: float = 0.2, along: int = 2) -> torch.Tensor:
    """Streaks along the rows (2) or the columns (3)."""
    noise = torch.from_numpy(np.random.default_rng(seed).normal(size=(1, 1, 96, 96))).float()
    streaks = noise.cumsum(5 - along)
    streaks = streaks - streaks.roll(7, 5 - along)
    streaks = streaks - torch.nn.functional.avg_pool2d(streaks, 5, 1, 2)
    return (strength * streaks / streaks.std()).expand(1, 3, 96, 96)


def test_texture_may_lie_elsewhere_but_not_be_missing_stronger_or_turned() -> None:
    wanted = grass(0)
    same = texture_agreement(wanted, wanted).total
    elsewhere = texture_agreement(grass(1), wanted).total
    assert same == 0
    for other in (torch.zeros_like(wanted), grass(1, strength=0.5), grass(1, along=3)):
        assert texture_agreement(other, wanted).total > 2 * elsewhere


def test_an_edge_hardly_counts_as_texture() -> None:
    flat = torch.zeros(1, 3, 96, 96)
    edge = flat.clone()
    edge[..., 48:] = 0.8
    grain = grass(0, strength=float(edge.std()))
    assert texture_agreement(edge, flat).total < 0.25 * texture_agreement(grain, flat).total


def test_the_gradient_adds_what_is_missing() -> None:
    drawn = (0.3 * grass(1)).clone().requires_grad_()
    texture_agreement(drawn, grass(0)).total.backward()
    assert drawn.grad is not None
    assert torch.isfinite(drawn.grad).all()
    assert (drawn.grad * drawn).sum() < 0  # a step against it makes the detail stronger


def test_kernels_see_no_even_light() -> None:
    kernels = _kernels()
    torch.testing.assert_close(kernels.sum((2, 3)), torch.zeros(5, 1), atol=1e-6, rtol=0)
    torch.testing.assert_close(kernels.square().sum((2, 3)), torch.ones(5, 1))
