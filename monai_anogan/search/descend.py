"""The latent search: walk from z down the gradient until G(z) explains the patch.

Schlegl et al. 2017 (arXiv 1703.05921), section 2.2: z moves, the networks stand still.
"""

from __future__ import annotations

from collections.abc import Callable

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
    lr: float = 0.02,
    on_step: Callable[[int], None] | None = None,
) -> Match:
    """Find, for each patch, the latent whose generated patch has the smallest objective.

    Args:
        generator: G, (B, Z) to (B, C, *S); frozen, in eval mode, left as it is.
        objective: generated patches (B, C, *S) to one loss a patch, (B,).
        start: where to begin, (B, Z).
        steps: gradient steps by Adam; 0 judges the start alone.
        lr: Adam's learning rate, in units of z.
        on_step: called after each step with the number of steps taken.

    Returns:
        The best point met, not the last; `steps` steps give `steps + 1` points to choose from.

    Raises:
        RuntimeError: Called under `torch.inference_mode`, where there are no gradients.
    """
    if torch.is_inference_mode_enabled():
        raise RuntimeError("a latent search must run outside torch.inference_mode; use no_grad")
    z = start.detach().clone().requires_grad_()
    adam = torch.optim.Adam([z], lr=lr)
    best = None
    for step in range(steps + 1):
        image = generator(z)
        loss = objective(image)  # (B,): one loss a patch
        match = Match(z.detach().clone(), image.detach(), loss.detach())
        best = match if best is None else best.better_of(match)
        if step < steps:
            (z.grad,) = torch.autograd.grad(loss.sum(), z)  # summing keeps the paths apart
            adam.step()
            if on_step is not None:
                on_step(step + 1)
    assert best is not None
    return best
