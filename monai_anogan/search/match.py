"""What a search has found: a latent, the patch it makes, and how well that fits."""

from __future__ import annotations

from dataclasses import dataclass

import torch

__all__ = ["Match"]


@dataclass(frozen=True)
class Match:
    """The best point met so far, for each patch of a batch on its own."""

    latent: torch.Tensor  # (B, Z)
    image: torch.Tensor  # (B, C, *S) in [-1, 1]
    loss: torch.Tensor  # (B,)

    def better_of(self, other: Match) -> Match:
        """For each patch whichever of the two has the smaller loss; a tie keeps `self`."""
        wins = other.loss < self.loss
        wins_image = wins.view(-1, *[1] * (self.image.ndim - 1))
        return Match(
            latent=torch.where(wins[:, None], other.latent, self.latent),
            image=torch.where(wins_image, other.image, self.image),
            loss=torch.where(wins, other.loss, self.loss),
        )
