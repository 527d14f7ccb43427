"""The highest value around each voxel of a volume."""

from __future__ import annotations

import torch
from torch.nn import functional as F

__all__ = ["highest"]


def highest(volume: torch.Tensor, size: int) -> torch.Tensor:
    """The highest value in a cube around each voxel, axis by axis: a maximum is separable.

    Args:
        volume: (D, H, W) of floating point.
        size: voxels along the sides of the cube, odd.
    """
    for axis in range(3):
        volume = _along(volume, size, axis)
    return volume


def _along(volume: torch.Tensor, size: int, axis: int) -> torch.Tensor:
    """The highest of `size` voxels of a line; a maximum may count a voxel twice.

    Windows double while they fit; two of the last, one at either end, are the whole.
    """
    ends = [side for n in (2, 1, 0) for side in (size // 2 * (n == axis),) * 2]
    found, reach = F.pad(volume, ends, value=-torch.inf), 1
    while 2 * reach <= size:
        found = _higher(found, reach, found.shape[axis] - reach, axis)
        reach *= 2
    return _higher(found, size - reach, volume.shape[axis], axis)


def _higher(found: torch.Tensor, ahead: int, count: int, axis: int) -> torch.Tensor:
    return torch.maximum(found.narrow(axis, 0, count), found.narrow(axis, ahead, count))
