"""Paint lesions of every kind over healthy patches, so that an encoder learns to see through them.

An autoencoder trained on clean patches alone copies whatever it is shown. Trained to return the
clean patch for a corrupted one, it answers with healthy anatomy where it meets something foreign
(denoising autoencoders: Vincent et al. 2008; for anomalies in brain MR: Kascenas et al. 2022).
"""

from __future__ import annotations

import torch
from torch.nn import functional as F

from monai_anogan.transforms.intensity import BACKGROUND

__all__ = ["Corrupt"]


class Corrupt:
    """Refill smooth random regions of a batch of patches, 2D or 3D.

    A region is where smooth noise exceeds a level; its edge is hard or soft. It is refilled by one
    of: a grey value with smooth texture, a scaled and shifted copy of what was there, or the tissue
    of another patch of the batch. The background stays as it is.

    Args:
        probability: share of patches that are corrupted.
        coverage: smallest and largest share of a patch that a region covers.
        coarseness: fewest and most cells of the noise along an axis; few make large regions.
    """

    def __init__(
        self,
        probability: float = 0.8,
        coverage: tuple[float, float] = (0.005, 0.35),
        coarseness: tuple[int, int] = (2, 12),
    ) -> None:
        self.probability = probability
        self.coverage = tuple(coverage)
        self.coarseness = tuple(coarseness)

    def __call__(self, patches: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
        """Corrupt `patches`, (B, C, *S) in [-1, 1]; returns new patches of the same shape."""
        region = self._region(patches, generator)
        fill = self._fill(patches, generator)
        corrupted = torch.lerp(patches, fill, region).clamp(-1, 1)
        return torch.where(patches > BACKGROUND, corrupted, patches)

    def _region(self, patches: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
        """How much of each voxel is replaced, (B, 1, *S) in [0, 1]."""
        batch = len(patches)
        field = self._smooth_noise(patches, generator)
        share = _uniform(batch, *(c**0.5 for c in self.coverage), generator=generator) ** 2
        sample = field.flatten(1)[:, :: max(1, field[0].numel() // 4096)]  # enough for a rank
        rank = (share * sample.shape[1]).long().clamp(min=1).to(field.device)
        level = sample.sort(descending=True).values.gather(1, rank[:, None])
        sharpness = 10 ** _uniform(batch, 0.5, 2.5, generator=generator)
        chosen = torch.rand(batch, generator=generator) < self.probability
        shape = (batch, *[1] * (patches.ndim - 1))
        soft = torch.sigmoid((field - level.view(shape)) * sharpness.view(shape).to(field))
        return soft * chosen.view(shape).to(field)

    def _fill(self, patches: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
        batch = len(patches)
        shape = (batch, *[1] * (patches.ndim - 1))

        def draw(low: float, high: float) -> torch.Tensor:
            return _uniform(batch, low, high, generator=generator).view(shape).to(patches)

        texture = self._smooth_noise(patches, generator) * draw(0, 0.3)
        grain = torch.randn(patches.shape, generator=generator).to(patches) * draw(0, 0.1)
        grey = draw(-1, 1) + texture + grain
        rescaled = patches * draw(0.3, 1.5) + draw(-0.6, 0.6) + texture
        foreign = patches[torch.randperm(batch, generator=generator)]
        kind = torch.randint(0, 5, shape, generator=generator).to(patches.device)
        return torch.where(kind < 2, grey, torch.where(kind < 4, rescaled, foreign))

    def _smooth_noise(self, patches: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
        """Smooth noise of unit variance, (B, 1, *S), its coarseness drawn anew for each axis."""
        size = patches.shape[2:]
        low, high = self.coarseness
        cells = torch.randint(low, high + 1, (len(size),), generator=generator).tolist()
        noise = torch.randn((len(patches), 1, *cells), generator=generator).to(patches)
        mode = "bicubic" if len(size) == 2 else "trilinear"
        field = F.interpolate(noise, size=size, mode=mode, align_corners=False)
        return field / field.flatten(1).std(1).view(-1, *[1] * (patches.ndim - 1)).clamp(min=1e-6)


def _uniform(count: int, low: float, high: float, *, generator: torch.Generator) -> torch.Tensor:
    return torch.rand(count, generator=generator) * (high - low) + low
