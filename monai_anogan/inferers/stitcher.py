"""Windows over the foreground of a volume, and their predictions put together again.

Weights and grid are MONAI's (`compute_importance_map`, `dense_patch_slices`); what MONAI's sliding
window lacks is leaving background windows out, so that they cost nothing.
"""

from __future__ import annotations

from collections.abc import Sequence

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
    where = foreground.nonzero()
    if not len(where):
        return []
    box = [
        _widen(int(low), int(high) + 1, s, n)
        for low, high, s, n in zip(
            where.amin(0), where.amax(0), size, foreground.shape, strict=True
        )
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
    """

    def __init__(
        self, shape: Sequence[int], window: Sequence[int], channels: int, fill: float
    ) -> None:
        self.weight_of_window = compute_importance_map(
            tuple(window), mode="gaussian", sigma_scale=0.125
        ).clamp(min=1e-3)
        self.total = torch.zeros(channels, *shape)
        self.weight = torch.zeros(1, *shape)
        self.fill = fill

    def add(self, window: Window, values: torch.Tensor) -> None:
        """Add the prediction of one window, (channels, *window)."""
        where = (slice(None), *window)
        self.total[where] += values * self.weight_of_window
        self.weight[where] += self.weight_of_window

    def result(self) -> torch.Tensor:
        """The stitched volume, (channels, D, H, W)."""
        return torch.where(self.weight > 0, self.total / self.weight.clamp(min=1e-12), self.fill)
