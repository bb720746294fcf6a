from __future__ import annotations

import math

import pytest
import torch
from torch.nn import functional as F  # noqa: N812

from kssgan.losses.classification import classification
from kssgan.losses.objectives import critic_objective, generator_objective
from kssgan.losses.parts import Loss
from kssgan.losses.penalty import between, gradient_penalty, slope_penalty
from kssgan.losses.vanilla import critic_vanilla, generator_vanilla
from kssgan.losses.wasserstein import critic_wasserstein, generator_wasserstein


def test_wasserstein_by_hand() -> None:
    loss = critic_wasserstein(torch.tensor([2.0, 4.0]), torch.tensor([1.0, -2.0]))
    assert loss.total.item() == -3.5
    assert loss.parts["critic_real"].item() == -3
    assert loss.parts["critic_fake"].item() == -0.5
    assert generator_wasserstein(torch.tensor([1.0, 3.0])).total.item() == -2


def test_vanilla_by_hand() -> None:
    """Odds of 3 to 1 are probabilities of 3/4 and 1/4."""
    odds = torch.tensor([math.log(3.0)])
    loss = critic_vanilla(odds, -odds)
    assert loss.parts["critic_real"].item() == pytest.approx(-math.log(0.75))
    assert loss.parts["critic_fake"].item() == pytest.approx(-math.log(0.75))
    assert generator_vanilla(-odds).total.item() == pytest.approx(-math.log(0.25))


@pytest.mark.parametrize("loss", [critic_wasserstein, critic_vanilla])
def test_a_step_of_the_critic_widens_the_gap(loss) -> None:  # type: ignore[no-untyped-def]
    real, fake = torch.zeros(2, 3, requires_grad=True).unbind(0)
    real, fake = real.detach().requires_grad_(), fake.detach().requires_grad_()
    loss(real, fake).total.backward()
    assert real.grad is not None
    assert fake.grad is not None
    assert (real.grad < 0).all()
    assert (fake.grad > 0).all()


@pytest.mark.parametrize("loss", [generator_wasserstein, generator_vanilla])
def test_a_step_of_the_generator_lifts_drawings(loss) -> None:  # type: ignore[no-untyped-def]
    fake = torch.full((3,), -20.0, requires_grad=True)
    loss(fake).total.backward()
    assert fake.grad is not None
    assert (fake.grad < -0.3).all()  # 1/3 each even where the critic is sure


def test_x_hat_lies_between() -> None:
    real, fake = torch.ones(3, 3, 2, 2), -torch.ones(3, 3, 2, 2)
    found = between(real, fake, torch.tensor([1.0, 0.0, 0.75]))
    assert found[:, 0, 0, 0].tolist() == [1.0, -1.0, 0.5]
    assert not between(real, fake.requires_grad_(), torch.zeros(3)).requires_grad


def test_penalty_of_a_linear_critic_by_hand() -> None:
    """Its gradient is its weights, 3 and 4, so of length 5, wherever it is asked."""
    w = torch.tensor([3.0, 4.0], requires_grad=True)
    loss = gradient_penalty(lambda x: x @ w, torch.randn(6, 2))
    assert loss.total.item() == pytest.approx((5 - 1) ** 2)
    loss.total.backward()
    assert w.grad is not None
    torch.testing.assert_close(w.grad, 2 * (5 - 1) * torch.tensor([0.6, 0.8]))
    assert slope_penalty(torch.tensor([[3.0, 4.0], [0.6, 0.8]])).total.item() == pytest.approx(
        8
    )


@pytest.mark.parametrize("length", [0.2, 4.0])
def test_penalty_pulls_the_gradient_to_one(length: float) -> None:
    w = torch.full((4,), length / 2, requires_grad=True)
    pictures = torch.randn(3, 4)
    for _ in range(40):
        (slope,) = torch.autograd.grad(gradient_penalty(lambda x: x @ w, pictures).total, w)
        w.data -= 0.1 * slope
    assert w.norm().item() == pytest.approx(1, abs=1e-3)


def test_penalty_is_float32_under_autocast() -> None:
    torch.manual_seed(0)
    layer = torch.nn.Linear(8, 1)
    pictures = torch.randn(4, 8)
    plain = gradient_penalty(lambda x: layer(x)[:, 0], pictures)
    with torch.autocast("cpu", torch.bfloat16):
        found = gradient_penalty(lambda x: layer(x)[:, 0], pictures)
    assert found.total.dtype == torch.float32
    assert found.total.item() == plain.total.item()


def test_classification_by_hand() -> None:
    """Two attributes of three pictures, one label unknown; a group of two."""
    first = torch.tensor([[0.0, 0.0], [0.0, math.log(3.0)], [5.0, -5.0]])
    second = torch.zeros(3, 4)
    categories = torch.tensor([[0, 2], [1, 3], [-1, 0]])
    group = torch.tensor([[math.log(4.0), 0.0]] * 3)
    loss = classification([first, second], categories, group, torch.tensor([0, -1, -1]))
    on_first = (math.log(2) - math.log(0.75)) / 2
    assert loss.parts["attributes"].item() == pytest.approx(on_first + math.log(4), rel=1e-5)
    assert loss.parts["group"].item() == pytest.approx(-math.log(0.8), rel=1e-5)
    assert loss.total.item() == pytest.approx(on_first + math.log(4) - math.log(0.8), rel=1e-5)


def test_unknown_labels_teach_nothing() -> None:
    logits = torch.randn(3, 2, requires_grad=True)
    loss = classification([logits], torch.full((3, 1), -1), logits, torch.full((3,), -1))
    loss.total.backward()
    assert loss.total.item() == 0
    assert logits.grad is not None
    assert logits.grad.abs().max() == 0


def test_a_step_of_classification_raises_the_right_probability() -> None:
    logits = torch.randn(5, 3, requires_grad=True)
    categories = torch.tensor([[0], [1], [2], [0], [1]])
    classification([logits], categories).total.backward()
    assert logits.grad is not None
    before = F.softmax(logits.detach(), 1).gather(1, categories)
    after = F.softmax(logits.detach() - logits.grad, 1).gather(1, categories)
    assert (after > before).all()


def test_objectives_add_up() -> None:
    def loss(name: str, value: float) -> Loss:
        return Loss(torch.tensor(value), {name: torch.tensor(value)})

    critic = critic_objective(
        loss("a", -2.0), loss("c", 3.0), loss("p", 0.5), lambda_cls=2, lambda_gp=10
    )
    assert critic.total.item() == -2 + 6 + 5
    assert set(critic.parts) == {"a", "c", "p"}
    drawn = generator_objective(
        loss("a", -1.0), loss("c", 3.0), (10, loss("r", 0.2)), (5, loss("s", 0.4)), lambda_cls=2
    )
    assert drawn.total.item() == pytest.approx(-1 + 6 + 2 + 2)
    assert set(drawn.parts) == {"a", "c", "r", "s"}
    assert critic_objective(loss("a", 1.0), loss("c", 1.0), lambda_cls=1).total.item() == 2


def test_gradients_against_finite_differences() -> None:
    torch.manual_seed(0)
    real, fake = torch.randn(2, 5, dtype=torch.float64)
    slope = torch.randn(3, 2, 2, dtype=torch.float64, requires_grad=True)
    logits = torch.randn(5, 3, dtype=torch.float64, requires_grad=True)
    categories = torch.tensor([[0], [1], [-1], [2], [2]])
    score = fake.requires_grad_()
    for critic in (critic_wasserstein, critic_vanilla):
        assert torch.autograd.gradcheck(lambda x, c=critic: c(real, x).total, score)
        assert torch.autograd.gradcheck(lambda x, c=critic: c(x, real).total, score)
    for drawer in (generator_wasserstein, generator_vanilla):
        assert torch.autograd.gradcheck(lambda x, d=drawer: d(x).total, score)
    assert torch.autograd.gradcheck(lambda x: slope_penalty(x).total, slope)
    assert torch.autograd.gradcheck(lambda x: classification([x], categories).total, logits)


def test_penalty_against_finite_differences() -> None:
    """Its gradient by the weights, through a critic that is curved."""
    torch.manual_seed(0)
    pictures = torch.randn(3, 4, dtype=torch.float64)
    w = torch.randn(4, 5, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(
        lambda w: gradient_penalty(lambda x: torch.tanh(x @ w).sum(1), pictures).total, w
    )
