"""The discrimination loss that AnoGAN was measured against: how real does D take G(z) to be?

Yeh et al. 2016 (arXiv 1607.07539), in the form of Schlegl et al. 2017 (arXiv 1703.05921), equation
4: the cross-entropy of D(G(z)) with the target "real", in place of feature matching. The weighted
sum is the loss of their search and, at its end, the reference anomaly score A^.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch.nn import functional as F

from monai_anogan.losses.matching import l1_distance

__all__ = ["ReferenceLoss"]

Judge = Callable[[torch.Tensor], torch.Tensor]


class ReferenceLoss:
    """L(z) = (1 - lambda) sum|x - G(z)| - lambda log D(G(z)), held against fixed patches x.

    Called as `MatchingLoss` is, with the generated patches, (B, C, *S), it returns (B,).

    Args:
        patches: x, (B, C, *S) in [-1, 1].
        judge: the discriminator's logits, patches (B, C, *S) to (B,).
        weight: lambda, in [0, 1].
    """

    def __init__(self, patches: torch.Tensor, judge: Judge, weight: float = 0.1) -> None:
        if not 0 <= weight <= 1:
            raise ValueError(f"weight (lambda) must be in [0, 1], got {weight}")
        self.patches, self.judge, self.weight = patches, judge, weight

    def __call__(self, generated: torch.Tensor) -> torch.Tensor:
        residual = self.residual(generated)
        return (1 - self.weight) * residual + self.weight * self.discrimination(generated)

    def residual(self, generated: torch.Tensor) -> torch.Tensor:
        """L_R, also the residual score R(x): (B,)."""
        return l1_distance(self.patches, generated)

    def discrimination(self, generated: torch.Tensor) -> torch.Tensor:
        """-log D(G(z)), also the reference discrimination score D^(x): (B,)."""
        return F.softplus(-self.judge(generated).float())
