"""A search by L-BFGS, one for each patch of a batch: a rival that `anogan benchmark` measures.

Nocedal & Wright, "Numerical Optimization", 2nd edition, algorithm 7.4, with backtracking in place
of a line search: every evaluation of the objective is a step, as it is for Adam.
"""

from __future__ import annotations

from collections.abc import Callable

import torch

__all__ = ["lbfgs_losses"]

Value = Callable[[torch.Tensor], torch.Tensor]
Pair = tuple[torch.Tensor, torch.Tensor]


@torch.enable_grad()
def lbfgs_losses(
    value: Value, start: torch.Tensor, *, steps: int, first: float, history: int = 8
) -> torch.Tensor:
    """Losses met, (steps + 1, B).

    Args:
        value: points (B, Z) to one loss a patch, (B,).
        start: where to begin, (B, Z).
        steps: evaluations after the first.
        first: mean absolute length of the first step.
        history: steps whose curvature is remembered.
    """
    here, met, pairs = start.detach(), [], list[Pair]()
    trial, length = here, torch.ones(len(start), 1, device=start.device)
    loss = slope = torch.zeros(0)
    for step in range(steps + 1):
        point = trial.detach().requires_grad_()
        new_loss = value(point)
        (new_slope,) = torch.autograd.grad(new_loss.sum(), point)
        met.append(new_loss.detach())
        if step == 0:
            loss, slope = met[0], new_slope
        else:
            better = (met[-1] < loss)[:, None]
            pairs = [*pairs, ((trial - here) * better, (new_slope - slope) * better)][-history:]
            here, slope = torch.where(better, trial, here), torch.where(better, new_slope, slope)
            loss = torch.where(better[:, 0], met[-1], loss)
            length = torch.where(better, 1.0, length / 4)
        trial = here - length * _bent(slope, pairs, first)
    return torch.stack(met)


def _bent(slope: torch.Tensor, pairs: list[Pair], first: float) -> torch.Tensor:
    """The slope times the inverse curvature that the pairs tell of, patch by patch."""
    direction, shares = slope, []
    for moved, turned in reversed(pairs):
        share = _ratio((moved * direction).sum(1, True), (moved * turned).sum(1, True))
        direction = direction - share * turned
        shares.append(share)
    direction = direction * _first_guess(slope, pairs, first)
    for (moved, turned), share in zip(pairs, reversed(shares), strict=True):
        back = _ratio((turned * direction).sum(1, True), (moved * turned).sum(1, True))
        direction = direction + (share - back) * moved
    return direction


def _first_guess(slope: torch.Tensor, pairs: list[Pair], first: float) -> torch.Tensor:
    """Inverse curvature along the last step that went down; before one, what makes `first`."""
    guess = first / slope.abs().mean(1, True).clamp(min=1e-12)
    for moved, turned in pairs:
        along, across = (moved * turned).sum(1, True), turned.square().sum(1, True)
        guess = torch.where(along > 0, _ratio(along, across), guess)
    return guess


def _ratio(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
    """a / b where b is positive, else 0: a pair without curvature says nothing."""
    return torch.where(b > 0, a / b.clamp(min=1e-12), 0.0)
