"""What the discriminator and the generator minimise against each other.

Non-saturating loss: Goodfellow et al. 2014 (arXiv 1406.2661), section 3, with the R1 penalty of
Mescheder et al. 2018 (arXiv 1801.04406), equation 9, applied every few steps as in StyleGAN2.
WGAN-GP: Gulrajani et al. 2017 (arXiv 1704.00028), equation 3.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

import torch
from torch.nn import functional as F

__all__ = ["AdversarialLoss", "NonSaturatingR1", "WassersteinGP"]

Critic = Callable[[torch.Tensor], torch.Tensor]


class AdversarialLoss(Protocol):
    """A pair of losses and a gradient penalty; all are means over the batch, scalars."""

    penalty_every: int

    def discriminator(self, real: torch.Tensor, fake: torch.Tensor) -> torch.Tensor:
        """Loss of D, from its logits (B,) on real and on generated patches."""

    def generator(self, fake: torch.Tensor) -> torch.Tensor:
        """Loss of G, from D's logits (B,) on generated patches."""

    def penalty(
        self, critic: Critic, real: torch.Tensor, fake: torch.Tensor, generator: torch.Generator
    ) -> torch.Tensor:
        """Gradient penalty on D, already weighted; due every `penalty_every` steps."""


class NonSaturatingR1:
    """-log D(G(z)) for G, cross-entropy for D, gamma / 2 |grad D(x)|^2 on real patches.

    Args:
        gamma: weight of R1.
        penalty_every: steps between penalties; each counts that many times.
    """

    def __init__(self, gamma: float = 1.0, penalty_every: int = 8) -> None:
        self.gamma, self.penalty_every = gamma, penalty_every

    def discriminator(self, real: torch.Tensor, fake: torch.Tensor) -> torch.Tensor:
        return F.softplus(-real).mean() + F.softplus(fake).mean()

    def generator(self, fake: torch.Tensor) -> torch.Tensor:
        return F.softplus(-fake).mean()

    def penalty(
        self, critic: Critic, real: torch.Tensor, fake: torch.Tensor, generator: torch.Generator
    ) -> torch.Tensor:
        squared = input_gradient(critic, real).square().sum(1).mean()
        return self.gamma / 2 * self.penalty_every * squared


class WassersteinGP:
    """E[D(fake)] - E[D(real)] for D, with (|grad D| - 1)^2 between real and fake patches.

    Args:
        weight: weight of the penalty, lambda of the paper.
    """

    penalty_every = 1

    def __init__(self, weight: float = 10.0) -> None:
        self.weight = weight

    def discriminator(self, real: torch.Tensor, fake: torch.Tensor) -> torch.Tensor:
        return fake.mean() - real.mean()

    def generator(self, fake: torch.Tensor) -> torch.Tensor:
        return -fake.mean()

    def penalty(
        self, critic: Critic, real: torch.Tensor, fake: torch.Tensor, generator: torch.Generator
    ) -> torch.Tensor:
        share = torch.rand(len(real), *[1] * (real.ndim - 1), generator=generator).to(real)
        between = torch.lerp(real, fake, share)
        return self.weight * (input_gradient(critic, between).norm(dim=1) - 1).square().mean()


def input_gradient(critic: Critic, patches: torch.Tensor) -> torch.Tensor:
    """Gradient of each logit with respect to its own patch, (B, C * S), differentiable again.

    In float32 whatever the autocast around it: a second order does not survive bfloat16.
    """
    patches = patches.detach().requires_grad_()
    with torch.autocast(patches.device.type, enabled=False):
        (gradient,) = torch.autograd.grad(critic(patches).sum(), patches, create_graph=True)
    return gradient.flatten(1)
