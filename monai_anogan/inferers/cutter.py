"""Patches cut from a volume as the network takes them, and given back the shape of their window."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch.nn import functional as F

from monai_anogan.transforms import BACKGROUND

__all__ = ["Cutter"]

Window = tuple[slice, ...]


class Cutter:
    """Cuts (C, D, H, W) volumes for a 2D network, slice by slice, or for a 3D one.

    Args:
        roi_size: patch of the network in voxels, (H, W) or (D, H, W).
        slice_axis: spatial axis (0, 1, 2) across which a 2D network's slices are cut.
    """

    def __init__(self, roi_size: Sequence[int], slice_axis: int) -> None:
        self.flat, self.slice_axis = len(roi_size) == 2, slice_axis
        self.window = [int(r) for r in roi_size]
        if self.flat:
            self.window.insert(slice_axis, 1)

    def cut(self, volume: torch.Tensor, windows: Sequence[Window]) -> torch.Tensor:
        """Patches (N, C, *S)."""
        patches = torch.stack([volume[(slice(None), *window)] for window in windows])
        return patches.squeeze(2 + self.slice_axis) if self.flat else patches

    def as_window(self, patch: torch.Tensor) -> torch.Tensor:
        """A patch (C, *S) as (C, D, H, W) of the volume."""
        return patch.unsqueeze(1 + self.slice_axis) if self.flat else patch

    def pad(self, volume: torch.Tensor, outside: float = BACKGROUND) -> tuple[torch.Tensor, Window]:
        """`outside` around a volume smaller than a window, and where the volume lies in it."""
        short = [max(0, w - n) for w, n in zip(self.window, volume.shape[1:], strict=True)]
        if not any(short):
            return volume, (slice(None),) * 3  # not copied
        before = [s // 2 for s in short]
        sides = [
            side for s, b in zip(short[::-1], before[::-1], strict=True) for side in (b, s - b)
        ]
        inside = tuple(slice(b, b + n) for b, n in zip(before, volume.shape[1:], strict=True))
        return F.pad(volume, sides, value=outside), inside
