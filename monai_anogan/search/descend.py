"""The latent search: walk from z down the gradient until G(z) explains the patch.

Schlegl et al. 2017 (arXiv 1703.05921), section 2.2: z moves, the networks stand still.
"""

from __future__ import annotations

from collections.abc import Callable
from math import cos, pi

import torch

from monai_anogan.search.match import Match

__all__ = ["descend"]

Generator = Callable[[torch.Tensor], torch.Tensor]
Objective = Callable[[torch.Tensor], torch.Tensor]


@torch.enable_grad()  # MONAI's evaluators call their inferer under no_grad
def descend(
    generator: Generator,
    objective: Objective,
    start: torch.Tensor,
    *,
    steps: int = 500,
    lr: float = 0.1,
    betas: tuple[float, float] = (0.9, 0.999),
    decay: bool = False,
    basis: torch.Tensor | None = None,
    on_step: Callable[[int], None] | None = None,
) -> Match:
    """Find, for each patch, the latent whose generated patch has the smallest objective.

    Args:
        generator: G, (B, Z) to (B, C, *S); frozen, in eval mode, left as it is.
        objective: generated patches (B, C, *S) to one loss a patch, (B,).
        start: where to begin, (B, Z).
        steps: gradient steps by Adam; 0 judges the start alone.
        lr: Adam's learning rate, in units of z (of `basis`, if there is one).
        betas: Adam's decay rates.
        decay: let the learning rate fall to zero along a cosine, as a short search wants.
        basis: axes to walk along instead of z's own, the columns of (Z, Z); see `fit_basis`.
        on_step: called after each step with the number of steps taken.

    Returns:
        The best point met, not the last; `steps` steps give `steps + 1` points to choose from.

    Raises:
        RuntimeError: Called under `torch.inference_mode`, where there are no gradients.
    """
    if torch.is_inference_mode_enabled():
        raise RuntimeError("a latent search must run outside torch.inference_mode; use no_grad")
    start = start.detach()
    walk = torch.zeros_like(start).requires_grad_()
    adam = torch.optim.Adam([walk], lr=lr, betas=betas)
    best = None
    for step in range(steps + 1):
        z = start + (walk if basis is None else walk @ basis.T)
        image = generator(z)
        loss = objective(image)  # (B,): one loss a patch
        match = Match(z.detach(), image.detach(), loss.detach())
        best = match if best is None else best.better_of(match)
        if step < steps:
            (walk.grad,) = torch.autograd.grad(loss.sum(), walk)  # summing keeps the paths apart
            if decay:
                adam.param_groups[0]["lr"] = lr * (1 + cos(pi * step / steps)) / 2
            adam.step()
            if on_step is not None:
                on_step(step + 1)
    assert best is not None
    return best
