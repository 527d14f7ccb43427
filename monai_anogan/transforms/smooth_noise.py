"""Smooth random fields in store: drawn once, handed out as crops, as fast as memory is copied."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch.nn import functional as F

__all__ = ["SmoothNoise"]


class SmoothNoise:
    """Gaussian noise of several coarsenesses, zero mean and unit variance, in blocks (D, H, W).

    Interpolating fresh noise for every batch costs as much as a training step; a crop of a field in
    store, its sign drawn too, costs next to nothing, and two crops are hardly ever the same.

    Args:
        shape: voxels of a field, (D, H, W); at least as large as the crops wanted.
        cells: voxels from one random value to the next, one coarseness after the other.
        fields: fields in store for each coarseness.
        seed: of the fields.
    """

    def __init__(
        self,
        shape: Sequence[int] = (48, 112, 112),
        cells: Sequence[float] = (2.5, 3.5, 5.0, 7.0, 10.0, 14.0, 20.0, 28.0),
        fields: int = 2,
        seed: int = 0,
    ) -> None:
        rng = torch.Generator().manual_seed(seed)
        self.fields = [(cell, _field(shape, cell, rng)) for cell in cells for _ in range(fields)]

    def crop(
        self,
        count: int,
        size: Sequence[int],
        generator: torch.Generator,
        cells: tuple[float, float] = (0.0, float("inf")),
    ) -> torch.Tensor:
        """Random crops, (count, *size).

        Args:
            count: crops wanted.
            size: (D, H, W) of a crop.
            generator: source of randomness.
            cells: the smallest and the largest coarseness wanted, in voxels.

        Raises:
            ValueError: No field is that coarse, or none is large enough.
        """
        stock = [field for cell, field in self.fields if cells[0] <= cell <= cells[1]]
        if not stock:
            raise ValueError(f"cells must span one of {[c for c, _ in self.fields]}, got {cells}")
        room = [n - s for n, s in zip(stock[0].shape, size, strict=True)]
        if min(room) < 0:
            raise ValueError(f"size must fit into {tuple(stock[0].shape)}, got {tuple(size)}")
        chosen = torch.randint(len(stock), (count,), generator=generator).tolist()
        corners = (torch.rand(count, 3, generator=generator) * (torch.tensor(room) + 1)).long()
        crops = torch.empty(count, *size)
        for crop, field, corner in zip(crops, chosen, corners.tolist(), strict=True):
            where = tuple(slice(c, c + s) for c, s in zip(corner, size, strict=True))
            crop.copy_(stock[field][where])
        sign = torch.randint(0, 2, (count, 1, 1, 1), generator=generator) * 2 - 1
        return crops * sign


def _field(shape: Sequence[int], cell: float, rng: torch.Generator) -> torch.Tensor:
    knots = [max(4, round(n / cell) + 3) for n in shape]
    noise = torch.randn(1, 1, *knots, generator=rng)
    field = F.interpolate(noise, size=tuple(shape), mode="trilinear", align_corners=False)
    rounded = F.avg_pool3d(field, 3, stride=1, padding=1, count_include_pad=False)[0, 0]
    return (rounded - rounded.mean()) / rounded.std()
