"""Values, means, places and boxes within an organ, whatever lies outside."""

from __future__ import annotations

import math
from collections.abc import Iterable

import numpy as np
import torch
from scipy import ndimage

__all__ = ["blur", "box_of", "means_within", "places", "within"]

DEEPEST = 20.0  # voxels


def box_of(mask: torch.Tensor) -> tuple[slice, ...]:
    """The bounding box of an organ, (D, H, W), without a margin; empty where there is none."""
    where = mask.nonzero()
    if not len(where):
        return (slice(0, 0),) * mask.ndim
    low, high = where.min(0).values.tolist(), where.max(0).values.tolist()
    return tuple(slice(a, b + 1) for a, b in zip(low, high, strict=True))


def within(volumes: Iterable[torch.Tensor], inside: torch.Tensor) -> torch.Tensor:
    """What volumes, (D, H, W), hold in an organ: (V, N) in the order of `inside.nonzero()`.

    Several times as fast as `volume[inside]`, which looks for the organ again in each.
    """
    where = inside.flatten().nonzero()[:, 0]
    return torch.stack([volume.flatten().index_select(0, where) for volume in volumes])


def means_within(volumes: torch.Tensor, inside: torch.Tensor, sigma: float) -> torch.Tensor:
    """Gaussian means over the organ alone.

    Args:
        volumes: (V, D, H, W), 0 outside the organ.
        inside: the organ, (D, H, W).
        sigma: standard deviation in voxels.

    Returns:
        (V, D, H, W).
    """
    blurred = blur(torch.cat([inside.float()[None], volumes]), sigma)
    return blurred[1:] / blurred[0].clamp(min=1e-3)


def blur(stack: torch.Tensor, sigma: float) -> torch.Tensor:
    """A Gaussian along each axis, as products with banded matrices: fastest for small volumes."""
    for axis, letter in enumerate("dhw"):
        equation = f"vdhw,{letter}n->v{'dhw'.replace(letter, 'n')}"
        stack = torch.einsum(equation, stack, _band(stack.shape[axis + 1], sigma).to(stack))
    return stack


def _band(size: int, sigma: float) -> torch.Tensor:
    """(size, size): the weight of each voxel of a line in the mean around each other."""
    apart = torch.arange(size)[:, None] - torch.arange(size)
    weights = torch.exp(-0.5 * (apart / sigma) ** 2) * (apart.abs() <= math.ceil(3 * sigma))
    return weights / (sigma * math.sqrt(2 * math.pi))


def places(inside: torch.Tensor) -> list[torch.Tensor]:
    """Depth under the surface, and the place between the ends of the organ.

    Args:
        inside: the organ in its box, (D, H, W), in RAS.

    Returns:
        Depth in tens of voxels, at most two; distance from the middle, left and right alike, front
        and up, each 0 to 1; (D, H, W) each.
    """
    padded = np.pad(inside.cpu().numpy(), 1)
    depth = ndimage.distance_transform_edt(padded)[1:-1, 1:-1, 1:-1].astype(np.float32)
    lines = [torch.linspace(0, 1, n, device=inside.device) for n in inside.shape]
    right, front, up = torch.meshgrid(*lines, indexing="ij")
    deep = torch.from_numpy(depth).to(inside.device).clamp(max=DEEPEST) / 10
    return [deep, (2 * right - 1).abs(), front, up]
