"""Patches side by side in one picture."""

from __future__ import annotations

from pathlib import Path

import torch
from matplotlib import image as mpl_image

__all__ = ["patch_grid", "save_grid"]


def patch_grid(patches: torch.Tensor, columns: int = 8) -> torch.Tensor:
    """Patches (N, C, *S) in [-1, 1] side by side as one picture (rows, columns) in [0, 1].

    Of a 3D patch the middle slice is shown; patches stand upright, front of the head up.
    """
    flat = patches[:, 0] if patches.ndim == 4 else patches[:, 0, ..., patches.shape[-1] // 2]
    upright = (flat.float().cpu().transpose(1, 2).flip(1) + 1) / 2
    rows = [torch.cat(list(row), dim=1) for row in upright.split(columns)]
    width = max(row.shape[1] for row in rows)
    rows = [torch.nn.functional.pad(row, (0, width - row.shape[1])) for row in rows]
    return torch.cat(rows).clamp(0, 1)


def save_grid(path: Path, patches: torch.Tensor, columns: int = 8) -> None:
    """Write `patch_grid` as a grey PNG; the folder is made if need be."""
    path.parent.mkdir(parents=True, exist_ok=True)
    mpl_image.imsave(path, patch_grid(patches, columns).numpy(), cmap="gray", vmin=0, vmax=1)
