"""Windows over the foreground of a volume, and their predictions put together again.

Weights and grid are MONAI's (`compute_importance_map`, `dense_patch_slices`); what MONAI's sliding
window lacks is leaving background windows out, so that they cost nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryFile

import numpy as np
import torch
from monai.data.utils import compute_importance_map, dense_patch_slices

__all__ = ["Stitcher", "foreground_windows"]

Window = tuple[slice, ...]


def foreground_windows(
    foreground: torch.Tensor, size: Sequence[int], overlap: float
) -> list[Window]:
    """The windows of a regular grid over the foreground's bounding box that meet the foreground.

    Args:
        foreground: (D, H, W) bool.
        size: window in voxels along each axis, no larger than the volume; 1 walks slice by slice.
        overlap: share of a window that the next one covers, in [0, 1).

    Returns:
        Slices into (D, H, W), in order; none if there is no foreground.

    Raises:
        ValueError: A window is larger than the volume, or the overlap is out of range.
    """
    if not 0 <= overlap < 1:
        raise ValueError(f"overlap must be in [0, 1), got {overlap}")
    if any(s > n for s, n in zip(size, foreground.shape, strict=True)):
        raise ValueError(
            f"a window {tuple(size)} must fit into the volume {tuple(foreground.shape)}"
        )
    if not foreground.any():
        return []
    others = ((1, 2), (0, 2), (0, 1))
    present = [foreground.amax(axes).nonzero() for axes in others]  # along each axis
    box = [
        _widen(int(p[0]), int(p[-1]) + 1, s, n)
        for p, s, n in zip(present, size, foreground.shape, strict=True)
    ]
    steps = [max(1, int(s * (1 - overlap))) for s in size]
    grid = dense_patch_slices([high - low for low, high in box], size, steps)
    moved = (
        tuple(slice(s.start + low, s.stop + low) for s, (low, _) in zip(w, box, strict=True))
        for w in grid
    )
    return [window for window in moved if foreground[window].any()]


def _widen(low: int, high: int, size: int, limit: int) -> tuple[int, int]:
    """Widen [low, high) about its centre to hold one window, inside [0, limit)."""
    short = max(0, size - (high - low))
    low = min(max(0, low - short // 2), limit - max(size, high - low))
    return low, max(high, low + size)


class Stitcher:
    """Average of overlapping windows, weighted by a Gaussian that trusts their middle most.

    Args:
        shape: spatial shape (D, H, W) of the volume.
        window: window in voxels along each axis.
        channels: values a voxel.
        fill: value where no window was.
        device: where the sums are kept.
        spill: folder for sums in memory-mapped files, which vanish with the stitcher; None keeps
            them in memory.
    """

    def __init__(
        self,
        shape: Sequence[int],
        window: Sequence[int],
        channels: int,
        fill: float,
        *,
        device: torch.device | str = "cpu",
        spill: str | Path | None = None,
    ) -> None:
        importance = compute_importance_map(tuple(window), mode="gaussian", sigma_scale=0.125)
        self.weight_of_window = importance.clamp(min=1e-3).to(device)
        self.total, self.weight = (_zeros((c, *shape), device, spill) for c in (channels, 1))
        self.fill = fill

    def add(self, window: Window, values: torch.Tensor) -> None:
        """Add the prediction of one window, (channels, *window)."""
        where = (slice(None), *window)
        self.total[where].addcmul_(values, self.weight_of_window)
        self.weight[where] += self.weight_of_window

    def result(self) -> torch.Tensor:
        """The stitched volume, (channels, D, H, W), made in place of the sums: call it once."""
        for total, weight in zip(self.total.unbind(1), self.weight.unbind(1), strict=True):
            total.div_(weight).nan_to_num_(nan=self.fill)  # 0 / 0 where no window was
        return self.total


def _zeros(
    shape: Sequence[int], device: torch.device | str, folder: str | Path | None
) -> torch.Tensor:
    """Zeros, in memory or in a file that has no name and goes with the last reference to them."""
    if folder is None:
        return torch.zeros(*shape, device=device)
    with TemporaryFile(dir=folder) as file:
        return torch.from_numpy(np.memmap(file, np.float32, "w+", shape=tuple(shape)))
