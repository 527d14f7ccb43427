"""Lesions of white matter, as multiple sclerosis and age make them.

Mostly small, many or few, often around the ventricles, on T1 anything between grey matter and fluid
(Filippi et al. 2019, Brain 142:1858). Each has a shape, a grey and an opacity of its own.
"""

from __future__ import annotations

import math

import torch
from scipy import ndimage

from monai_anogan.transforms.intensity import BACKGROUND
from monai_anogan.transforms.lesion_shapes import around, bright_tissue, deep_fluid, draw
from monai_anogan.transforms.smooth_noise import SmoothNoise

__all__ = ["paint_white_matter"]

RADIUS, RADIUS_SPREAD = 0.9, 0.55  # voxels, median; of its logarithm
SMALLEST, LARGEST = 0.45, 7.0
RAGGED = 0.35  # of a radius, of the outlines of the larger ones
TEXTURE = 0.06  # grey values
RANKED = 7  # every so many voxels are enough for a quantile
PERIVENTRICULAR = 0.6  # of the scans
ELSEWHERE = 0.02  # weight of a voxel however far from the ventricles


def paint_white_matter(
    clean: torch.Tensor, noise: SmoothNoise, rng: torch.Generator
) -> tuple[torch.Tensor, torch.Tensor]:
    """Blend 2 to 126 lesions into white matter and what borders on it.

    Args:
        clean: T1, (D, H, W) in network space.
        noise: of cells of 2 to 6 voxels, for outlines and texture.
        rng: source of randomness.

    Returns:
        The painted volume, and the share of each voxel that was replaced.
    """
    region, grey = torch.zeros_like(clean), torch.zeros_like(clean)
    inside = clean > BACKGROUND
    host = bright_tissue(clean, share=0.3 + 0.3 * draw(rng))
    host = torch.from_numpy(ndimage.binary_dilation(host.numpy(), torch.ones(3, 3, 3))) & inside
    if not host.any():
        return clean, region
    places, weights = host.nonzero(), _weights(clean, host, rng)
    count = int(10 ** (0.3 + 1.8 * draw(rng)))
    rough = noise.crop(1, clean.shape, rng, cells=(2, 4))[0]
    greys = clean[inside][::RANKED].sort().values
    texture = TEXTURE * noise.crop(1, clean.shape, rng, cells=(2, 6))[0]
    for place in torch.multinomial(weights, count, replacement=True, generator=rng).tolist():
        radius = RADIUS * math.exp(RADIUS_SPREAD * torch.randn(1, generator=rng).item())
        radius = min(max(radius, SMALLEST), LARGEST)
        axes = radius * (0.6 + 0.9 * torch.rand(3, generator=rng))
        box, away = around(clean.shape, places[place], 1.8 * axes + 1)
        distance = (away / axes.view(3, 1, 1, 1)).norm(dim=0)
        distance += RAGGED * min(1.0, radius / 1.5) * rough[box]
        opacity, sharpness = 0.45 + 0.55 * draw(rng), 3 * 10 ** draw(rng)
        share = torch.where(inside[box], opacity * torch.sigmoid((1 - distance) * sharpness), 0.0)
        level = greys[int((0.02 + 0.45 * draw(rng)) * (len(greys) - 1))]
        grey[box] = torch.where(share > region[box], level, grey[box])
        region[box] = torch.maximum(share, region[box])
    painted = torch.lerp(clean, grey + texture, region).clamp(-1, 1)
    return torch.where(inside, painted, clean), region


def _weights(clean: torch.Tensor, host: torch.Tensor, rng: torch.Generator) -> torch.Tensor:
    """How likely a lesion lies in each voxel of the host, up to a factor."""
    fluid = deep_fluid(clean) if draw(rng) < PERIVENTRICULAR else None
    if fluid is None or not fluid.any():
        return torch.ones(int(host.sum()))
    away = torch.from_numpy(ndimage.distance_transform_edt(~fluid.numpy())).float()[host]
    return torch.exp(-away / (1.5 + 6 * draw(rng))) + ELSEWHERE
