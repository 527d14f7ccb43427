"""How well a generated patch continues what is known around a hole: one number a patch.

Yeh et al. 2016, "Semantic image inpainting with deep generative models" (arXiv 1607.07539): weights
of the context (equation 3), weighted contextual loss (equation 4) and prior loss (equation 5).
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch.nn import functional as F

__all__ = ["InpaintingLoss", "context_weights"]

Judge = Callable[[torch.Tensor], torch.Tensor]


class InpaintingLoss:
    """L(z) = sum W |G(z) - y| + lambda log(1 - D(G(z))), held against patches y with holes.

    Called with the generated patches, (B, C, *S), it returns the loss of each, (B,). In the paper
    what y holds inside a hole has no weight. There z is one vector, and a known border tells about
    the whole patch; where z is a grid of vectors, those deep in a hole see no border, and nothing
    would hold them. `anchor` holds them to a proposal that y carries there.

    Args:
        patches: y, (B, C, *S) in [-1, 1].
        hole: (B, 1, *S) bool, True where y is not known.
        judge: patches to the logits of D, (B,), high for real ones; None leaves the context alone.
        weight: lambda of the prior loss; 0.003 in the paper.
        reach: voxels along an axis of the neighbourhood that a hole is felt in, odd; 7 in the
            paper.
        anchor: weight of what y holds inside the hole; 0 in the paper.
    """

    def __init__(
        self,
        patches: torch.Tensor,
        hole: torch.Tensor,
        judge: Judge | None = None,
        *,
        weight: float = 0.003,
        reach: int = 7,
        anchor: float = 0.0,
    ) -> None:
        if weight < 0 or anchor < 0:
            raise ValueError(
                f"weight (lambda) and anchor must be 0 or more, got {weight} and {anchor}"
            )
        self.patches, self.weight = patches, weight
        self.weights = torch.where(hole, anchor, context_weights(hole, reach))
        self.judge = judge if weight > 0 else None

    def __call__(self, generated: torch.Tensor) -> torch.Tensor:
        context = self.context(generated)
        return context if self.judge is None else context + self.weight * self.prior(generated)

    def context(self, generated: torch.Tensor) -> torch.Tensor:
        """L_c, the weighted L1 distance to y: (B,)."""
        apart = (generated.float() - self.patches.float()).abs()
        return (self.weights * apart).flatten(1).sum(1)

    def prior(self, generated: torch.Tensor) -> torch.Tensor:
        """L_p without its lambda, log(1 - D(G(z))): (B,).

        Raises:
            ValueError: The loss was made without a judge.
        """
        if self.judge is None:
            raise ValueError("the prior loss needs a judge, got None or a weight of 0")
        return -F.softplus(self.judge(generated).float())  # D is the sigmoid of the logit


def context_weights(hole: torch.Tensor, reach: int) -> torch.Tensor:
    """W of equation 3: of each known voxel the share of unknown ones around it; 0 in the hole.

    Args:
        hole: (B, 1, *S) bool.
        reach: voxels along an axis of the neighbourhood, odd.

    Returns:
        (B, 1, *S) float32 in [0, 1).

    Raises:
        ValueError: `reach` is no odd number above 1.
    """
    if reach < 3 or reach % 2 == 0:
        raise ValueError(f"reach must be an odd number of voxels, 3 or more, got {reach}")
    pool = F.avg_pool2d if hole.ndim == 4 else F.avg_pool3d
    unknown = pool(hole.float(), reach, 1, reach // 2, count_include_pad=False)
    return torch.where(hole, 0.0, unknown)
