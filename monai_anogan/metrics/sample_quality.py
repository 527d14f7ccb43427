"""How much generated patches resemble real ones, and each other, without any label.

Sliced Wasserstein distance over small neighbourhoods: Rabin et al. 2011; Karras et al. 2018
(arXiv 1710.10196), section 5. Diversity: mean distance between samples against that between real
patches; near 0 the generator has collapsed.
"""

from __future__ import annotations

import torch
from torch.nn import functional as F

__all__ = ["diversity", "sliced_wasserstein"]


def diversity(samples: torch.Tensor, real: torch.Tensor) -> float:
    """Mean L1 distance between neighbours in the batch, samples over real.

    Args:
        samples: generated patches, (N, C, *S), in random order.
        real: real patches, (M, C, *S), in random order.

    Returns:
        About 1 if samples differ as real patches do, 0 if they are all the same.
    """
    apart = [(p - p.roll(1, 0)).abs().mean().item() for p in (samples, real)]
    return apart[0] / max(apart[1], 1e-12)


def sliced_wasserstein(
    samples: torch.Tensor,
    real: torch.Tensor,
    *,
    seed: int = 0,
    size: int = 7,
    scales: int = 3,
    per_patch: int = 32,
    projections: int = 128,
) -> float:
    """Sliced Wasserstein-1 distance between neighbourhoods of two sets of patches, scale by scale.

    Scales are the bands of a Laplacian pyramid, so that fine texture counts beside coarse shape.

    Args:
        samples: (N, C, *S) in [-1, 1].
        real: (N, C, *S) in [-1, 1]; as many as samples.
        seed: of the places and of the projections.
        size: voxels along an axis of a neighbourhood.
        scales: bands of the pyramid.
        per_patch: neighbourhoods taken from a patch at each scale.
        projections: random directions.

    Returns:
        The mean over scales, in grey values of network space; 0 for equal distributions.

    Raises:
        ValueError: The sets differ in size.
    """
    if samples.shape != real.shape:
        raise ValueError(f"both sets must have one shape, got {samples.shape} and {real.shape}")
    distances = []
    for scale, (a, b) in enumerate(zip(_bands(samples, scales), _bands(real, scales), strict=True)):
        rng = torch.Generator().manual_seed(seed + scale)
        places = _places(a, min(size, *a.shape[2:]), per_patch, rng)
        flat = [_neighbourhoods(p, places, min(size, *a.shape[2:])) for p in (a, b)]
        directions = torch.randn(flat[0].shape[1], projections, generator=rng)
        directions = (directions / directions.norm(dim=0)).to(samples)
        ordered = [(f @ directions).sort(dim=0).values for f in flat]
        distances.append((ordered[0] - ordered[1]).abs().mean())
    return torch.stack(distances).mean().item()


def _bands(patches: torch.Tensor, scales: int) -> list[torch.Tensor]:
    """The Laplacian pyramid: what each halving loses, then what is left."""
    pool = F.avg_pool2d if patches.ndim == 4 else F.avg_pool3d
    bands = []
    for _ in range(scales - 1):
        coarse = pool(patches, 2)
        bands.append(patches - F.interpolate(coarse, size=patches.shape[2:], mode="nearest"))
        patches = coarse
    return [*bands, patches]


def _places(patches: torch.Tensor, size: int, count: int, rng: torch.Generator) -> list[list[int]]:
    high = [s - size + 1 for s in patches.shape[2:]]
    return [[int(torch.randint(h, (), generator=rng)) for h in high] for _ in range(count)]


def _neighbourhoods(patches: torch.Tensor, places: list[list[int]], size: int) -> torch.Tensor:
    crops = [
        patches[(slice(None), slice(None), *(slice(p, p + size) for p in place))].flatten(1)
        for place in places
    ]
    return torch.cat(crops)
