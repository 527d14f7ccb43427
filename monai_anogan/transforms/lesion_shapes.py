"""Where lesions lie in a healthy organ, and how tissue makes way for them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from scipy import ndimage
from torch.nn import functional as F

from monai_anogan.transforms.intensity import BACKGROUND

__all__ = ["around", "bright_tissue", "deep_fluid", "draw", "push_apart", "spots"]

SURFACE = 3  # voxels; tissue nearer to it is not under it
DEEP = 12  # voxels; fluid as far from it is that of the ventricles
DARK = 0.2  # of an organ's voxels are as dark as its fluid


def draw(rng: torch.Generator) -> float:
    """A number in [0, 1)."""
    return torch.rand(1, generator=rng).item()


def bright_tissue(clean: torch.Tensor, *, share: float) -> torch.Tensor:
    """The brightest voxels well under the surface of an organ, (D, H, W) bool.

    Args:
        clean: (D, H, W) in network space.
        share: of the organ's voxels that are as bright, where they are smoothed by a voxel.
    """
    inside = (clean > BACKGROUND).numpy()
    if not inside.any():
        return torch.from_numpy(inside)
    smooth = ndimage.gaussian_filter(clean.numpy(), 1.0)
    deep = inside & (ndimage.distance_transform_edt(inside) > SURFACE)
    found = deep & (smooth > np.quantile(smooth[inside], 1 - share))
    return torch.from_numpy(found if found.any() else inside)


def deep_fluid(clean: torch.Tensor) -> torch.Tensor:
    """The darkest voxels far under the surface of an organ, (D, H, W) bool: ventricles, in T1.

    Args:
        clean: (D, H, W) in network space.
    """
    inside = (clean > BACKGROUND).numpy()
    if not inside.any():
        return torch.from_numpy(inside)
    smooth = ndimage.gaussian_filter(clean.numpy(), 1.0)
    deep = ndimage.distance_transform_edt(inside) > DEEP
    return torch.from_numpy(deep & (smooth < np.quantile(smooth[inside], DARK)))


def spots(
    clean: torch.Tensor,
    rng: torch.Generator,
    *,
    count: tuple[int, int] = (1, 12),
    radius: tuple[float, float] = (0.8, 5.0),
) -> torch.Tensor:
    """Ellipsoids anywhere in the foreground, as shares of voxels to replace, (D, H, W).

    Args:
        clean: (D, H, W) in network space.
        rng: source of randomness.
        count: fewest and most of them.
        radius: smallest and largest half axis in voxels; small ones are more frequent.
    """
    region, inside = torch.zeros_like(clean), (clean > BACKGROUND).nonzero()
    wanted = int(torch.randint(count[0], count[1] + 1, (1,), generator=rng))
    for _ in range(wanted if len(inside) else 0):
        size = radius[0] * (radius[1] / radius[0]) ** draw(rng)
        axes = size * (0.7 + 0.7 * torch.rand(3, generator=rng))
        sharpness = 3 * 10 ** draw(rng)
        opacity = 1 - 0.7 * draw(rng) ** 2
        centre = inside[int(torch.randint(len(inside), (1,), generator=rng))]
        box, away = around(clean.shape, centre, 1.6 * axes + 1)
        distance = (away / axes.view(3, 1, 1, 1)).norm(dim=0)
        share = opacity * torch.sigmoid((1 - distance) * sharpness)
        region[box] = torch.maximum(region[box], share)
    return region


def push_apart(
    clean: torch.Tensor, middle: torch.Tensor, reach: float, squeeze: float
) -> tuple[torch.Tensor, torch.Tensor]:
    """Tissue displaced outwards from a voxel, as a mass displaces it.

    Args:
        clean: (D, H, W) in network space.
        middle: the voxel, (3,).
        reach: voxels from it to where nothing moves any more.
        squeeze: at the middle, the share of its distance that tissue had before it was pushed.

    Returns:
        The volume, and the share of each voxel that was replaced, (D, H, W).
    """
    box, away = around(clean.shape, middle, torch.full((3,), reach))
    distance = away.norm(dim=0) / reach
    source = away * (squeeze + (1 - squeeze) * distance).clamp(max=1) + middle.view(3, 1, 1, 1)
    span = torch.tensor(clean.shape).view(3, 1, 1, 1) - 1
    grid = (source / span * 2 - 1).permute(1, 2, 3, 0).flip(-1)
    moved = F.grid_sample(clean[None, None], grid[None], align_corners=True)[0, 0]
    pushed, region = clean.clone(), torch.zeros_like(clean)
    kept = (clean[box] <= BACKGROUND) | (moved <= BACKGROUND)
    pushed[box] = torch.where(kept, clean[box], moved)
    region[box] = (distance < 0.8).float()
    return pushed, region


def around(
    shape: Sequence[int], centre: torch.Tensor, reach: torch.Tensor
) -> tuple[tuple[slice, ...], torch.Tensor]:
    """The box within `reach` of a voxel, and how far each of its voxels lies from it.

    Args:
        shape: of the volume, (D, H, W).
        centre: the voxel, (3,).
        reach: in voxels along each axis, (3,).

    Returns:
        The box, and the steps from the voxel along each axis, (3, *box).
    """
    middle, span = centre.tolist(), reach.ceil().int().tolist()
    box = tuple(
        slice(max(0, c - r), min(n, c + r + 1)) for c, r, n in zip(middle, span, shape, strict=True)
    )
    axes = [torch.arange(s.start, s.stop) - c for s, c in zip(box, middle, strict=True)]
    return box, torch.stack(torch.meshgrid(*axes, indexing="ij")).float()
