"""Losses: each against a number computed by hand from the paper's equation."""

import math

import pytest
import torch

from monai_anogan.losses import MatchingLoss, NonSaturatingR1, WassersteinGP


def test_matching_loss_is_the_papers_weighted_sum():
    x = torch.tensor([[[[1.0, 0.0]]], [[[0.5, 0.5]]]])
    generated = torch.tensor([[[[0.0, 0.0]]], [[[0.5, -0.5]]]])
    loss = MatchingLoss(x, features=lambda p: 10 * p, weight=0.1)
    assert loss.residual(generated).tolist() == [1.0, 1.0]
    assert loss.discrimination(generated).tolist() == [10.0, 10.0]
    assert loss(generated).tolist() == pytest.approx([0.9 * 1 + 0.1 * 10] * 2)


def test_without_features_the_residual_is_left_with_its_weight():
    x, generated = torch.ones(1, 1, 2, 2), torch.zeros(1, 1, 2, 2)
    assert MatchingLoss(x, weight=0.25)(generated).item() == pytest.approx(0.75 * 4)
    with pytest.raises(ValueError, match="discrimination needs features"):
        MatchingLoss(x, weight=0.25).discrimination(generated)


@pytest.mark.parametrize("weight", [-0.1, 1.5])
def test_lambda_outside_its_range_is_refused(weight):
    with pytest.raises(ValueError, match=r"must be in \[0, 1\]"):
        MatchingLoss(torch.zeros(1, 1, 2, 2), weight=weight)


def test_features_of_the_fixed_patches_are_computed_once():
    calls = []

    def features(patches):
        calls.append(len(patches))
        return patches

    loss = MatchingLoss(torch.zeros(3, 1, 2, 2), features)
    for _ in range(4):
        loss(torch.ones(3, 1, 2, 2))
    assert len(calls) == 5  # x once, then the generated patches of each step


def test_non_saturating_losses_by_hand():
    loss = NonSaturatingR1()
    zero = torch.zeros(4)
    assert loss.discriminator(zero, zero).item() == pytest.approx(2 * math.log(2))
    assert loss.generator(torch.tensor([2.0])).item() == pytest.approx(math.log(1 + math.exp(-2)))


def test_r1_is_half_gamma_times_the_squared_slope():
    slope = torch.tensor([3.0, 4.0])

    def critic(p):
        return (p.flatten(1) * slope).sum(1)

    x = torch.rand(5, 1, 1, 2)
    loss = NonSaturatingR1(gamma=2.0, penalty_every=8)
    assert loss.penalty(critic, x, x, torch.Generator()).item() == pytest.approx(2 / 2 * 8 * 25)


def test_gradient_penalty_wants_a_slope_of_one():
    rng = torch.Generator().manual_seed(0)
    real, fake = torch.rand(6, 1, 1, 4), torch.rand(6, 1, 1, 4)
    loss = WassersteinGP(weight=10.0)
    assert loss.discriminator(torch.tensor([3.0]), torch.tensor([1.0])).item() == -2
    assert loss.generator(torch.tensor([1.5])).item() == -1.5
    unit = loss.penalty(lambda p: p.flatten(1)[:, 0], real, fake, rng)
    steep = loss.penalty(lambda p: 3 * p.flatten(1)[:, 0], real, fake, rng)
    assert unit.item() == pytest.approx(0)
    assert steep.item() == pytest.approx(10 * (3 - 1) ** 2)


def test_the_penalty_reaches_the_critics_weights():
    critic = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(4, 1))
    real, fake = torch.rand(6, 1, 2, 2), torch.rand(6, 1, 2, 2)
    for loss in (NonSaturatingR1(), WassersteinGP()):
        critic.zero_grad()
        loss.penalty(lambda p: critic(p)[:, 0], real, fake, torch.Generator()).backward()
        assert critic[1].weight.grad.abs().sum() > 0
