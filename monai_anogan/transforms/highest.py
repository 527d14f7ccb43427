"""The highest value around each voxel of a volume."""

from __future__ import annotations

import torch
from torch.nn import functional as F

__all__ = ["highest"]


def highest(volume: torch.Tensor, size: int) -> torch.Tensor:
    """The highest value in a cube around each voxel, axis by axis: a maximum is separable.

    Args:
        volume: (D, H, W).
        size: voxels along the sides of the cube, odd.
    """
    found = volume[None, None]
    for axis in range(3):
        window, padding = [1, 1, 1], [0, 0, 0]
        window[axis], padding[axis] = size, size // 2
        found = F.max_pool3d(found, window, stride=1, padding=padding)
    return found[0, 0]
