"""Contrast drawn anew for each patch of a batch, so that a network is not tied to one scanner's."""

from __future__ import annotations

import torch

__all__ = ["RandContrast"]


class RandContrast:
    """Raise the grey values, seen as 0 to 1, to a power near 1; -1 and 1 stay where they are.

    MONAI's `RandAdjustContrast` draws one power a call; here each patch of a batch has its own.

    Args:
        spread: standard deviation of the power's logarithm.
    """

    def __init__(self, spread: float = 0.15) -> None:
        self.spread = spread

    def __call__(self, patches: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
        """Change `patches`, (B, C, *S) in [-1, 1]; returns new ones of the same shape."""
        power = torch.exp(torch.randn(len(patches), generator=generator) * self.spread)
        power = power.view(-1, *[1] * (patches.ndim - 1)).to(patches)
        return ((patches + 1) / 2).pow(power) * 2 - 1
