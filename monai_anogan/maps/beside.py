"""Volumes read by index at voxels and at steps away from them."""

from __future__ import annotations

import torch
from torch.nn import functional as F

__all__ = ["Beside", "steps"]


def steps(values: list[int], beyond: int) -> torch.Tensor:
    """Steps (S, 3) along three axes, of which one at least is longer than `beyond`."""
    all_steps = torch.cartesian_prod(*[torch.tensor(values)] * 3)
    return all_steps[all_steps.abs().amax(1) > beyond]


class Beside:
    """Volumes on one grid, padded once.

    Where N of a grid's many voxels are wanted, reading them is faster than moving all.

    Args:
        volumes: (V, D, H, W).
        margin: voxels that a step may lead beyond the volumes.
        outside: what lies there; None: what their nearest voxel holds.
    """

    def __init__(self, volumes: torch.Tensor, margin: int, outside: float | None = None) -> None:
        how = {"mode": "replicate"} if outside is None else {"value": outside}
        padded = F.pad(volumes[None], (margin,) * 6, **how)[0]
        self.margin = margin
        self.values = padded.flatten(1)
        self.strides = torch.tensor(padded.stride()[1:], device=volumes.device)

    def __call__(self, voxels: torch.Tensor, steps: torch.Tensor) -> torch.Tensor:
        """The values at `steps`, (S, 3), from `voxels`, (N, 3): (V, N, S)."""
        middle, away = self._index(voxels + self.margin), self._index(steps.to(voxels.device))
        return self.values[:, middle[:, None] + away]

    def _index(self, where: torch.Tensor) -> torch.Tensor:
        """Places in a flat volume; CUDA multiplies no matrices of integers."""
        return (where * self.strides).sum(1)
