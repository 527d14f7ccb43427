"""How a system learns, as data that one trainer runs: phases, and in each the optimizers' turns."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from monai_anogan.losses import AdversarialLoss

__all__ = ["Phase", "Step", "Turn", "active_phase", "discriminator_turn"]


@dataclass(frozen=True)
class Step:
    """What an iteration has to go by."""

    patches: torch.Tensor  # x, healthy, (B, C, *S) in [-1, 1]
    rng: torch.Generator  # all randomness comes from here
    iteration: int  # counted from 1


@dataclass(frozen=True)
class Turn:
    """One optimizer's step: the parts that learn in it and the scalar they minimise.

    The loss is given the step and what the phase's `forward` made of it. The parts of other turns
    are frozen while it is computed.
    """

    name: str  # in logs: NAME_loss
    parts: tuple[str, ...]
    loss: Callable[[Step, Any], torch.Tensor]
    every: int = 1  # iterations from one of its steps to the next
    lr: float = 2e-4  # of Adam
    betas: tuple[float, float] = (0.5, 0.999)


@dataclass(frozen=True)
class Phase:
    """A stretch of training in which the same parts learn, one turn after the other.

    `forward` runs the generating networks once an iteration, and every turn looks at the result;
    whoever judges it runs inside the losses, for its weights move between the turns.
    """

    name: str
    forward: Callable[[Step], Any]
    turns: tuple[Turn, ...]
    share: float = 1.0  # of all iterations, in proportion to the other phases' shares

    @property
    def parts(self) -> tuple[str, ...]:
        """Everything that learns in this phase."""
        return tuple(part for turn in self.turns for part in turn.parts)


def active_phase(phases: Sequence[Phase], done: int, total: int) -> int:
    """Which phase is on when `done` of `total` iterations are."""
    whole, end = sum(phase.share for phase in phases), 0.0
    for index, phase in enumerate(phases):
        end += phase.share
        if done < round(total * end / whole):
            return index
    return len(phases) - 1


def discriminator_turn(
    discriminator: nn.Module,
    loss: AdversarialLoss,
    generated: Callable[[Any], torch.Tensor],
    *,
    lr: float = 2e-4,
    betas: tuple[float, float] = (0.5, 0.999),
) -> Turn:
    """D learns to tell real patches from generated ones; its gradient penalty comes when due.

    Args:
        discriminator: D, patches (B, C, *S) to logits (B,); the system's part of that name.
        loss: the adversarial loss.
        generated: picks the generated patches out of what the phase's `forward` made.
        lr: Adam's learning rate.
        betas: Adam's decay rates.
    """

    def judge(step: Step, made: Any) -> torch.Tensor:
        fake = generated(made).detach()
        on_real, on_fake = discriminator(torch.cat([step.patches, fake])).float().chunk(2)
        total = loss.discriminator(on_real, on_fake)
        if step.iteration % loss.penalty_every == 0:
            total = total + loss.penalty(discriminator, step.patches, fake, step.rng)
        return total

    return Turn("discriminator", ("discriminator",), judge, lr=lr, betas=betas)
