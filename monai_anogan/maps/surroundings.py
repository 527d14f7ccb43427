"""What surrounds a voxel in the healthy reconstruction, and where in the organ it lies.

How large a residual is usual depends on both: folds and vessels are rebuilt less well than deep
white matter, the skull base less well than the crown.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

__all__ = ["FEATURES", "foreground_box", "relative_places", "smooth_inside", "surroundings"]

FEATURES = ("grey value", "local contrast", "depth", "coarse grey value")

Volume = NDArray[np.float32]
Mask = NDArray[np.bool_]


def smooth_inside(volume: Volume, mask: Mask, sigma: float) -> Volume:
    """Gaussian mean over the voxels of the mask alone, 0 outside it; sigma in voxels."""
    weight = ndimage.gaussian_filter(mask.astype(np.float32), sigma)
    total = ndimage.gaussian_filter(np.where(mask, volume, 0).astype(np.float32), sigma)
    return np.where(mask, total / np.maximum(weight, 1e-3), 0).astype(np.float32)


def surroundings(reconstruction: Volume, mask: Mask) -> Volume:
    """The `FEATURES` of each voxel of the mask, (4, N), in the order of `mask.nonzero()`.

    Args:
        reconstruction: the healthy reconstruction in network space, (D, H, W).
        mask: the organ, (D, H, W).
    """
    mean = smooth_inside(reconstruction, mask, 1.2)
    square = smooth_inside(reconstruction * reconstruction, mask, 1.2)
    contrast = np.sqrt(np.maximum(square - mean * mean, 0))
    depth = ndimage.distance_transform_edt(np.pad(mask, 1))[1:-1, 1:-1, 1:-1]
    maps = (
        smooth_inside(reconstruction, mask, 0.7),
        contrast,
        depth,
        smooth_inside(reconstruction, mask, 3.0),
    )
    return np.stack([each[mask] for each in maps]).astype(np.float32)


def relative_places(mask: Mask) -> Volume:
    """Where each voxel of the mask lies in the mask's bounding box, (3, N) in (0, 1)."""
    where = np.argwhere(mask)
    low, high = where.min(0), where.max(0) + 1
    return ((where + 0.5 - low) / (high - low)).T.astype(np.float32)


def foreground_box(mask: Mask, margin: int) -> tuple[slice, ...]:
    """The bounding box of a mask with a margin in voxels; (0, 0, 0) long if the mask is empty."""
    boxes = ndimage.find_objects(mask.astype(np.int8))
    if not boxes:
        return (slice(0, 0),) * mask.ndim
    sides: Sequence[slice] = boxes[0]
    return tuple(slice(max(0, s.start - margin), s.stop + margin) for s in sides)
