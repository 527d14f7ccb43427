"""Voxels drawn from painted scans for a fit, each lesion counting by more than its voxels."""

from __future__ import annotations

import numpy as np
import torch
from scipy import ndimage

__all__ = ["LesionVoxels", "importance", "lesion_sizes"]

LESION_VOXELS, HEALTHY_VOXELS = 4000, 8000  # kept of a scan, drawn at random
COMMON_SIZE = 300.0  # voxels of a lesion whose voxels weigh as much as healthy ones
MOST_IMPORTANT = 10.0


class LesionVoxels:
    """Voxels drawn from scans, lesions and healthy tissue each for themselves.

    Args:
        seed: of the draws.
    """

    def __init__(self, seed: int) -> None:
        self.rng = torch.Generator().manual_seed(seed)
        self.parts: list[tuple[torch.Tensor, torch.Tensor, torch.Tensor]] = []

    def add(self, features: torch.Tensor, sizes: torch.Tensor) -> None:
        """Draw from a scan: features (N, F), and the size of the lesion each voxel is of, (N,)."""
        for kind, most in ((sizes > 0, LESION_VOXELS), (sizes == 0, HEALTHY_VOXELS)):
            voxels = kind.nonzero()[:, 0]
            drawn = voxels[torch.randperm(len(voxels), generator=self.rng)[:most]]
            stands_for = len(voxels) / max(1, len(drawn))
            weights = stands_for * importance(sizes[drawn])
            self.parts.append((features[drawn].half(), sizes[drawn] > 0, weights))

    def all(self) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Features (M, F), whether each is of a lesion, (M,), and what it weighs, (M,)."""
        features, lesions, weights = (torch.cat(part) for part in zip(*self.parts, strict=True))
        return features, lesions, weights


def lesion_sizes(lesion: torch.Tensor) -> torch.Tensor:
    """Voxels of the connected lesion that each voxel is of, (D, H, W), 0 where there is none."""
    labels, _ = ndimage.label(lesion.numpy() > 0, structure=np.ones((3, 3, 3)))
    sizes = np.bincount(labels.ravel())
    sizes[0] = 0
    return torch.from_numpy(sizes[labels])


def importance(sizes: torch.Tensor) -> torch.Tensor:
    """What a voxel of a lesion of so many voxels weighs; a healthy one, of size 0, weighs 1.

    Counted by voxels a large lesion drowns a hundred small ones. By the root of its size the one
    counts more than the others still, but not in proportion.
    """
    weights = (COMMON_SIZE / sizes.clamp(min=1)).sqrt().clamp(max=MOST_IMPORTANT)
    return torch.where(sizes > 0, weights, 1.0)
