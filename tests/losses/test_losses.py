from __future__ import annotations

import pytest
import torch

from kssgan.losses.adversarial import critic_hinge, feature_matching, generator_hinge, r1
from kssgan.losses.reconstruction import coarse_agreement, reconstruction


def test_reconstruction_by_hand() -> None:
    wanted = torch.zeros(1, 1, 2, 2)
    drawn = torch.tensor([[[[1.0, 0.0], [0.0, 0.0]]]])
    loss = reconstruction(drawn, wanted, bands=3.0)
    assert loss.parts["l1"].item() == pytest.approx(0.25)
    assert loss.parts["bands"].item() == pytest.approx(0.5)  # three bands, each 1/2
    assert loss.total.item() == pytest.approx(0.25 + 3 * 0.5)


def test_bands_ignore_what_is_coarse() -> None:
    flat = reconstruction(torch.ones(1, 3, 4, 4), torch.zeros(1, 3, 4, 4))
    assert flat.parts["bands"].item() == 0
    assert flat.parts["l1"].item() == 1


def test_colours_count_apart_from_light() -> None:
    wanted = torch.zeros(1, 3, 4, 4)
    lighter = torch.full((1, 3, 4, 4), 0.3)
    loss = reconstruction(lighter, wanted, bands=0.0, colour=2.0)
    assert loss.parts["colour"].item() == pytest.approx(0.0, abs=1e-7)
    redder = lighter + torch.tensor([0.2, -0.1, -0.1]).view(1, 3, 1, 1)
    loss = reconstruction(redder, wanted, bands=0.0, colour=2.0)
    assert loss.parts["colour"].item() == pytest.approx(0.4 / 3)  # (0.2 + 0.1 + 0.1) / 3
    assert loss.total.item() == pytest.approx((0.5 + 0.2 + 0.2) / 3 + 2 * 0.4 / 3)
    assert "colour" not in reconstruction(redder, wanted).parts


def test_an_error_of_light_does_not_hide_one_of_colour() -> None:
    wanted = torch.zeros(1, 3, 4, 4)
    drawn = (
        torch.full((1, 3, 4, 4), 0.5) + torch.tensor([0.1, -0.05, -0.05]).view(1, 3, 1, 1)
    ).requires_grad_()
    (plain,) = torch.autograd.grad(reconstruction(drawn, wanted, bands=0.0).total, drawn)
    assert torch.equal(plain[:, 0], plain[:, 1])  # all channels are pulled alike
    (told,) = torch.autograd.grad(
        reconstruction(drawn, wanted, bands=0.0, colour=1.0).total, drawn
    )
    assert (told[:, 0] > told[:, 1]).all()  # a step against it takes the red away


def test_coarse_agreement_by_hand() -> None:
    drawn, wanted = torch.zeros(1, 3, 4, 4), torch.zeros(1, 3, 4, 4)
    drawn[:, :, :2, :2] = torch.tensor([1.0, -1.0]).repeat(2, 1)  # cancels when seen from afar
    drawn[:, :, 2:, 2:] = 0.5
    where = torch.zeros(1, 1, 4, 4)
    where[:, :, 2:, 2:] = 1
    where[:, :, :2, :2] = 1
    assert coarse_agreement(drawn, wanted, where, factor=2).total.item() == pytest.approx(0.25)


def test_hinges_by_hand() -> None:
    loss = critic_hinge(torch.tensor([2.0, 0.0]), torch.tensor([-3.0, 1.0]))
    assert loss.parts["critic_real"].item() == pytest.approx(0.5)
    assert loss.parts["critic_fake"].item() == pytest.approx(1.0)
    assert loss.total.item() == pytest.approx(1.5)
    assert generator_hinge(torch.tensor([1.0, 3.0])).total.item() == -2


def test_hinge_directions() -> None:
    """A step of the critic lifts photographs above drawings; one of the generator lifts drawings."""
    real = torch.zeros(3, requires_grad=True)
    fake = torch.zeros(3, requires_grad=True)
    critic_hinge(real, fake).total.backward()
    assert real.grad is not None
    assert fake.grad is not None
    assert (real.grad < 0).all()
    assert (fake.grad > 0).all()
    lifted = torch.zeros(3, requires_grad=True)
    generator_hinge(lifted).total.backward()
    assert lifted.grad is not None
    assert (lifted.grad < 0).all()


def test_feature_matching_by_hand() -> None:
    """Each scale counts the same, whatever its size; the answer gets no gradient."""
    seen = [torch.zeros(1, 2, 2, 2, requires_grad=True), torch.ones(1, 1, 1, 1)]
    wanted = [torch.full((1, 2, 2, 2), 3.0, requires_grad=True), torch.zeros(1, 1, 1, 1)]
    loss = feature_matching(seen, wanted)
    assert loss.total.item() == pytest.approx((3 + 1) / 2)
    loss.total.backward()
    assert seen[0].grad is not None
    assert (seen[0].grad < 0).all()
    assert wanted[0].grad is None


def test_r1_by_hand() -> None:
    """Mean over four places of x * w: its gradient is w / 4 everywhere, whatever the batch."""
    w = torch.tensor([1.0, 2.0, 3.0, 4.0])
    for count in (1, 3):
        loss = r1(lambda x: x * w, torch.randn(count, 4))
        assert loss.total.item() == pytest.approx(30 / 16 / 2)


def test_r1_against_finite_differences() -> None:
    torch.manual_seed(0)
    layer = torch.nn.Sequential(
        torch.nn.Conv2d(2, 3, 3, padding=1),
        torch.nn.Tanh(),
        torch.nn.Conv2d(3, 1, 3, padding=1),
    )
    picture = torch.randn(1, 2, 4, 4)
    slope = torch.zeros(32, dtype=torch.float64)
    double = layer.double()
    for i in range(32):
        moved = picture.double().flatten().repeat(2, 1)
        moved[0, i] += 1e-5
        moved[1, i] -= 1e-5
        up, down = double(moved.view(2, 2, 4, 4)).flatten(1).mean(1)
        slope[i] = (up - down) / 2e-5
    found = r1(layer.float(), picture).total.item()
    assert found == pytest.approx((slope.square().sum() / 2).item(), rel=1e-3)


def test_gradients_of_reconstruction() -> None:
    torch.manual_seed(1)
    drawn = torch.randn(1, 3, 4, 4, dtype=torch.float64, requires_grad=True)
    wanted = torch.randn(1, 3, 4, 4, dtype=torch.float64)
    where = torch.rand(1, 1, 4, 4, dtype=torch.float64)
    assert torch.autograd.gradcheck(lambda x: reconstruction(x, wanted).total, drawn)
    assert torch.autograd.gradcheck(
        lambda x: coarse_agreement(x, wanted, where, factor=2).total, drawn
    )
