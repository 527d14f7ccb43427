"""Lesions of every kind painted over training patches, large and tiny, so that E sees through them.

Trained to return the clean patch for a corrupted one, a network answers with healthy anatomy where
it meets something foreign (denoising autoencoders: Vincent et al. 2008; for anomalies in brain MR:
Kascenas et al. 2022). What it learns to remove is what it was shown, hence the variety: a lesion
kind missing here is one that it may copy.
"""

from __future__ import annotations

import math

import torch
from torch.nn import functional as F

from monai_anogan.transforms.intensity import BACKGROUND
from monai_anogan.transforms.smooth_noise import SmoothNoise

__all__ = ["PaintLesions"]

REACH = 12  # voxels that displaced tissue may come from


class PaintLesions:
    """Refill smooth random regions of a batch; the background stays as it is.

    A region is where smooth noise is highest among the foreground: coarse noise makes one or few
    large regions, fine noise many small foci. It is filled with grey of any level, with a darker or
    brighter copy of what was there, with the tissue of another patch, or with tissue displaced from
    nearby; hard or soft at the edge, opaque or half so.

    Args:
        probability: share of patches that are painted on.
        foci: share of these that get many small foci in place of large regions.
        coverage: smallest and largest share of the foreground that large regions take.
        foci_coverage: the same for small foci.
        noise: the random fields; None makes a store of its own.
    """

    def __init__(
        self,
        probability: float = 0.85,
        foci: float = 0.35,
        coverage: tuple[float, float] = (0.005, 0.45),
        foci_coverage: tuple[float, float] = (0.002, 0.06),
        noise: SmoothNoise | None = None,
    ) -> None:
        self.probability, self.foci = probability, foci
        self.coverage, self.foci_coverage = tuple(coverage), tuple(foci_coverage)
        self.noise = SmoothNoise() if noise is None else noise

    def __call__(self, patches: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
        """Paint on `patches`, (B, 1, *S) in [-1, 1]; returns new ones of the same shape.

        Those that stay clean are the last of the batch.

        Raises:
            ValueError: They have more than one channel.
        """
        if patches.shape[1] != 1:
            raise ValueError(f"patches must have one channel, got {patches.shape[1]}")
        blocks = patches if patches.ndim == 4 else patches[:, 0]
        clean = blocks[: int(len(blocks) * self.probability)].cpu()
        painted = self.refill(clean, self.region(clean, generator), generator)
        return torch.cat([painted.to(blocks), blocks[len(clean) :]]).view_as(patches)

    def refill(
        self, clean: torch.Tensor, region: torch.Tensor, generator: torch.Generator
    ) -> torch.Tensor:
        """Lesions in place of `region`, the share of each voxel that is replaced.

        Args:
            clean: blocks (N, D, H, W) in [-1, 1].
            region: (N, D, H, W) in [0, 1].
            generator: source of randomness.
        """
        painted = torch.lerp(clean, self._fill(clean, generator), region)
        painted = painted + self._grain(painted - clean, generator)
        return torch.where(clean > BACKGROUND, painted.clamp(-1, 1), clean)

    def region(self, clean: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
        """How much of each voxel is replaced, (N, D, H, W) in [0, 1]."""
        count, size = len(clean), clean.shape[1:]
        small = int(count * self.foci)
        large = self.noise.crop(count - small, size, generator, cells=(6.5, 30))
        foci = self.noise.crop(small, size, generator, cells=(2, 6))
        field = torch.cat([large, foci])
        share = torch.cat(
            [
                _uniform(n, *(c**0.5 for c in span), generator=generator) ** 2
                for n, span in ((count - small, self.coverage), (small, self.foci_coverage))
            ]
        )
        excess = field - _highest(field, clean > BACKGROUND, share).view(-1, 1, 1, 1)
        sharpness = 10 ** _uniform(count, 0.5, 2.0, generator=generator)
        opaque = torch.rand(count, generator=generator) < 0.5
        opacity = torch.where(opaque, 1.0, _uniform(count, 0.3, 1.0, generator=generator))
        return torch.sigmoid(excess * sharpness.view(-1, 1, 1, 1)) * opacity.view(-1, 1, 1, 1)

    def _fill(self, clean: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
        texture = self.noise.crop(len(clean), clean.shape[1:], generator, cells=(2, 15))
        kinds = torch.randint(0, 10, (len(clean),), generator=generator).tolist()
        draws = torch.rand(len(clean), 3, generator=generator).tolist()
        fill = torch.empty_like(clean)
        for index, (kind, (a, b, c)) in enumerate(zip(kinds, draws, strict=True)):
            own, rough = clean[index], texture[index]
            if kind < 3:  # grey, the extremes more often
                fill[index] = rough * (0.3 * b) + math.sin(math.pi * (a - 0.5))
            elif kind < 6:  # darker or brighter, with more or less contrast
                fill[index] = own * (0.3 + 1.2 * a) + (1.2 * c - 0.6) + rough * (0.3 * b * b)
            elif kind < 8:  # another patch
                fill[index] = _other(clean, index, a)
            else:
                fill[index] = _displaced(own, a, b, blurred=c < 0.3)
        return fill

    @staticmethod
    def _grain(change: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
        """Noise where something was changed, and only there."""
        strength = _uniform(len(change), 0, 0.08, generator=generator).view(-1, 1, 1, 1)
        noise = torch.randn(change.shape, generator=generator)
        return noise * strength * (change.abs() * 10).clamp(max=1)


def _highest(field: torch.Tensor, inside: torch.Tensor, share: torch.Tensor) -> torch.Tensor:
    """The level that a `share` (N,) of each field's voxels `inside` exceeds, (N,)."""
    every = max(1, field.shape[1:].numel() // 2048)  # enough for a rank
    inside = inside.flatten(1)[:, ::every]
    ranked = torch.where(inside, field.flatten(1)[:, ::every], -torch.inf)
    rank = (share * inside.sum(1)).long().clamp(min=1, max=ranked.shape[1] - 1)
    level = ranked.sort(1, descending=True).values.gather(1, rank[:, None])[:, 0]
    return level.nan_to_num(neginf=1e6)  # no foreground, no lesion


def _other(clean: torch.Tensor, index: int, a: float) -> torch.Tensor:
    """Another block of the batch; one alone has but itself, turned around."""
    if len(clean) == 1:
        return clean[0].flip(0, 1, 2)
    return clean[(index + 1 + int(a * (len(clean) - 2))) % len(clean)]


def _displaced(block: torch.Tensor, a: float, b: float, *, blurred: bool) -> torch.Tensor:
    moves = [int((2 * share - 1) * REACH) for share in (a, b)]
    moved = torch.roll(block, moves, (-2, -1))
    moved = torch.where(moved > BACKGROUND, moved, block)
    return F.avg_pool2d(moved[None], 5, stride=1, padding=2)[0] if blurred else moved


def _uniform(count: int, low: float, high: float, *, generator: torch.Generator) -> torch.Tensor:
    return torch.rand(count, generator=generator) * (high - low) + low
