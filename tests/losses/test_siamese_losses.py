from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from kssgan.losses.contrastive import contrastive
from kssgan.losses.cycle import cycle
from kssgan.losses.similarity import siamese_reconstruction, similarity


def unit(*degrees: float, dtype: torch.dtype = torch.float32) -> Tensor:
    """(N, 2) features at these angles."""
    angles = torch.tensor(degrees, dtype=torch.float64) * math.pi / 180
    return torch.stack([angles.cos(), angles.sin()], 1).to(dtype)


def test_similarity_by_hand() -> None:
    found = similarity(unit(0, 0, 0, 0), unit(0, 60, 90, 180))
    torch.testing.assert_close(found, torch.tensor([1.0, 0.75, 0.5, 0.0]))
    torch.testing.assert_close(
        similarity(3 * unit(0.0), 0.1 * unit(60.0)), torch.tensor([0.75])
    )


def test_similarity_stays_in_its_range() -> None:
    features = torch.randn(500, 64)
    for other in (features, -features, torch.randn(500, 64)):
        found = similarity(features, other)
        assert found.min() >= 0
        assert found.max() <= 1


@pytest.mark.parametrize("kind", [torch.float16, torch.bfloat16])
def test_similarity_is_float32_in_half_precision(kind: torch.dtype) -> None:
    torch.manual_seed(0)
    real, drawn = torch.randn(2, 8, 64)
    with torch.autocast("cpu", torch.bfloat16):
        found = similarity(real, drawn)
        assert found.dtype == torch.float32
        torch.testing.assert_close(found, similarity(real, drawn), rtol=0, atol=0)
    assert similarity(real.to(kind), drawn.to(kind)).dtype == torch.float32
    torch.testing.assert_close(found, similarity(real, drawn), rtol=0, atol=0)


def test_siamese_reconstruction_by_hand() -> None:
    """S of 1, 0.75 and 0: a hinge at 0.5 leaves 0.5, 0.25 and nothing."""
    loss = siamese_reconstruction(unit(0, 0, 0), unit(0, 60, 180), margin=0.5)
    assert loss.total.item() == pytest.approx(0.25)
    assert loss.parts["similarity"].item() == pytest.approx(1.75 / 3)


def test_reconstruction_is_minimised_until_faces_differ() -> None:
    real = unit(0, 0)
    drawn = unit(40, 120).requires_grad_()
    before = similarity(real, drawn).detach()
    siamese_reconstruction(real, drawn, margin=0.5).total.backward()
    assert drawn.grad is not None
    assert drawn.grad[1].abs().max() == 0  # different enough already
    after = similarity(real, drawn.detach() - 0.1 * drawn.grad)
    assert after[0] < before[0]
    assert after[1] == before[1]


def test_contrastive_by_hand() -> None:
    """Distance of unit vectors at an angle a is 2 sin(a / 2): here 1, 1, 2 and 0.5176 (30 degrees)."""
    same = torch.tensor([True, False, False, False])
    loss = contrastive(unit(0, 0, 0, 0), unit(60, 60, 180, 30), same, margin=1.5)
    far = (0.5**2 + 0 + (1.5 - 2 * math.sin(math.pi / 12)) ** 2) / 4 / 2
    assert loss.parts["same"].item() == pytest.approx(1 / 4 / 2)
    assert loss.parts["different"].item() == pytest.approx(far, rel=1e-5)
    assert loss.total.item() == pytest.approx(1 / 8 + far, rel=1e-5)


def test_contrastive_directions() -> None:
    """A step brings one person's pictures together and parts those of two."""
    first, second = unit(0, 0), unit(40, 40).requires_grad_()
    contrastive(first, second, torch.tensor([True, False])).total.backward()
    assert second.grad is not None
    before = (first - second.detach()).norm(dim=1)
    after = (first - (second.detach() - 0.1 * second.grad)).norm(dim=1)
    assert after[0] < before[0]
    assert after[1] > before[1]


def test_contrastive_of_equal_features_has_finite_gradients() -> None:
    features = unit(10, 20).requires_grad_()
    contrastive(features, features, torch.tensor([True, False])).total.backward()
    assert features.grad is not None
    assert features.grad.isfinite().all()


def test_cycle_by_hand() -> None:
    loss = cycle(torch.zeros(1, 3, 2, 2), torch.full((1, 3, 2, 2), -0.5))
    assert loss.total.item() == 0.5


def test_gradients_against_finite_differences() -> None:
    torch.manual_seed(0)
    a = torch.randn(4, 6, dtype=torch.float64)
    b = torch.randn(4, 6, dtype=torch.float64, requires_grad=True)
    same = torch.tensor([True, False, True, False])
    for function in (
        lambda x: similarity(a, x),
        lambda x: siamese_reconstruction(a, x, margin=0.1).total,
        lambda x: contrastive(a, x, same, margin=6.0).total,
        lambda x: cycle(a, x).total,
    ):
        assert torch.autograd.gradcheck(function, b)
