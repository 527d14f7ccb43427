"""How well a generated patch matches the patch it should explain: one number a patch.

Schlegl et al. 2017 (arXiv 1703.05921): residual loss (equation 3), discrimination loss by feature
matching (equation 5), their weighted sum (equation 6) and the anomaly score A (equation 7).
"""

from __future__ import annotations

from collections.abc import Callable

import torch

__all__ = ["MatchingLoss", "l1_distance", "mean_square"]

Features = Callable[[torch.Tensor], torch.Tensor]


class MatchingLoss:
    """L(z) = (1 - lambda) sum|x - G(z)| + lambda sum|f(x) - f(G(z))|, held against fixed patches x.

    Called with the generated patches, (B, C, *S), it returns the loss of each, (B,). At the end of
    a search the same number is the anomaly score A(x) = (1 - lambda) R(x) + lambda D(x).

    Args:
        patches: x, (B, C, *S) in [-1, 1].
        features: f, an inner layer of the discriminator; None leaves the residual alone.
        weight: lambda, in [0, 1]; 0.1 in the paper.
    """

    def __init__(
        self,
        patches: torch.Tensor,
        features: Features | None = None,
        weight: float = 0.1,
    ) -> None:
        if not 0 <= weight <= 1:
            raise ValueError(f"weight (lambda) must be in [0, 1], got {weight}")
        self.patches, self.weight = patches, weight
        self.features = features if weight > 0 else None
        with torch.no_grad():
            self.target = None if self.features is None else self.features(patches)

    def __call__(self, generated: torch.Tensor) -> torch.Tensor:
        residual = self.residual(generated)
        if self.features is None:
            return (1 - self.weight) * residual
        return (1 - self.weight) * residual + self.weight * self.discrimination(generated)

    def residual(self, generated: torch.Tensor) -> torch.Tensor:
        """L_R, also the residual score R(x): (B,)."""
        return l1_distance(self.patches, generated)

    def discrimination(self, generated: torch.Tensor) -> torch.Tensor:
        """L_D, also the discrimination score D(x): (B,).

        Raises:
            ValueError: The loss was made without features.
        """
        if self.features is None or self.target is None:
            raise ValueError("discrimination needs features, got None or a weight of 0")
        return l1_distance(self.target, self.features(generated))


def l1_distance(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
    """Sum of absolute differences of each pair, (B, C, *S) and (B, C, *S) to (B,)."""
    return (a.float() - b.float()).abs().flatten(1).sum(1)


def mean_square(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
    """Mean of squared differences of each pair, (B, ...) and (B, ...) to (B,)."""
    return (a.float() - b.float()).square().flatten(1).mean(1)
