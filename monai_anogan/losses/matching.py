"""How well a generated patch matches the patch it should explain: one number a patch.

Schlegl et al. 2017 (arXiv 1703.05921): residual loss (equation 3), discrimination loss by feature
matching (equation 5), their weighted sum (equation 6) and the anomaly score A (equation 7).
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch.nn import functional as F

__all__ = ["MatchingLoss", "l1_distance", "welsch_trust"]

Features = Callable[[torch.Tensor], torch.Tensor]


class MatchingLoss:
    """L(z) = (1 - lambda) sum|x - G(z)| + lambda sum|f(x) - f(G(z))|, held against fixed patches x.

    Called with the generated patches, (B, C, *S), it returns the loss of each, (B,). At the end of
    a search the same number is the anomaly score A(x) = (1 - lambda) R(x) + lambda D(x).

    Args:
        patches: x, (B, C, *S) in [-1, 1].
        features: f, an inner layer of the discriminator; None leaves the residual alone.
        weight: lambda, in [0, 1]; 0.1 in the paper.
        trust: how much each voxel counts, (B, 1, *S) in [0, 1]; None, as in the paper: all alike.
    """

    def __init__(
        self,
        patches: torch.Tensor,
        features: Features | None = None,
        weight: float = 0.1,
        trust: torch.Tensor | None = None,
    ) -> None:
        if not 0 <= weight <= 1:
            raise ValueError(f"weight (lambda) must be in [0, 1], got {weight}")
        self.patches, self.weight, self.trust = patches, weight, trust
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
        return l1_distance(self.patches, generated, self.trust)

    def discrimination(self, generated: torch.Tensor) -> torch.Tensor:
        """L_D, also the discrimination score D(x): (B,).

        Raises:
            ValueError: The loss was made without features.
        """
        if self.features is None or self.target is None:
            raise ValueError("discrimination needs features, got None or a weight of 0")
        trust = None if self.trust is None else resize(self.trust, self.target.shape[2:])
        return l1_distance(self.target, self.features(generated), trust)


def l1_distance(
    a: torch.Tensor, b: torch.Tensor, trust: torch.Tensor | None = None
) -> torch.Tensor:
    """Sum of absolute differences of each pair, (B, C, *S) and (B, C, *S) to (B,).

    With `trust`, (B, 1, *S), each voxel's difference counts that much.
    """
    apart = (a.float() - b.float()).abs()
    return (apart if trust is None else apart * trust).flatten(1).sum(1)


def welsch_trust(
    patches: torch.Tensor, guess: torch.Tensor, scale: float, size: int = 5
) -> torch.Tensor:
    """How much a voxel may pull a search: little where a first guess was locally far off.

    exp(-(r / c)^2), the weight of Welsch's loss (Dennis & Welsch 1978), with r the mean |x - guess|
    over a neighbourhood. A search under it sharpens what looks healthy and stays blind to a lesion,
    where a plain one would explain the lesion away.

    Args:
        patches: x, (B, C, *S) in [-1, 1].
        guess: a healthy guess at x, (B, C, *S), the encoder's.
        scale: c, in grey values of network space.
        size: voxels along an axis of the neighbourhood, odd.

    Returns:
        (B, 1, *S) in (0, 1].
    """
    apart = (patches.float() - guess.float()).abs().mean(1, keepdim=True)
    mean = F.avg_pool2d if apart.ndim == 4 else F.avg_pool3d
    local = mean(apart, size, stride=1, padding=size // 2, count_include_pad=False)
    return torch.exp(-((local / scale) ** 2))


def resize(trust: torch.Tensor, size: torch.Size) -> torch.Tensor:
    """Trust at the resolution of a feature map, by averaging, (B, 1, *S) to (B, 1, *size)."""
    if trust.ndim == 4:
        return F.adaptive_avg_pool2d(trust, (size[0], size[1]))
    return F.adaptive_avg_pool3d(trust, (size[0], size[1], size[2]))
