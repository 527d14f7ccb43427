"""A memory of healthy features: how far is what a patch shows from everything seen in training?

PatchCore (Roth et al. 2022, arXiv 2106.08265) without foreign weights: the features are those of
our own discriminator, averaged over neighbours (section 3.1); a greedy choice of those farthest
from each other stands for all of them (section 3.2); a patch is as abnormal as its farthest place
(section 3.3).
"""

from __future__ import annotations

from copy import copy
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch.nn import functional as F

from monai_anogan.compare.contender import Judgement, Progress
from monai_anogan.compare.system_contender import SystemContender
from monai_anogan.transforms import FromUint8

__all__ = ["PatchMemory", "farthest"]

SEEN = 20_000  # places the memory is chosen from


class PatchMemory:
    """Nearest neighbours in the features of a discriminator.

    Args:
        source: the system whose discriminator is used; trained if it has not been.
        size: features that are kept.
    """

    name, title = "patch_memory", "patch memory on D"

    def __init__(self, source: SystemContender, size: int = 1000) -> None:
        self.source, self.size = source, size
        self.memory = torch.empty(0, 0)

    @property
    def settings(self) -> dict[str, Any]:
        return {"size": self.size, "features": self.source.settings}

    @property
    def parameters(self) -> int:
        judge = self.source.system.discriminator
        return self.memory.numel() + sum(p.numel() for p in judge.parameters())

    def fit(self, patches: torch.Tensor, *, seed: int, directory: Path, progress: Progress) -> None:
        self.source.fit(patches, seed=seed, directory=directory, progress=progress)
        rng = torch.Generator().manual_seed(seed)
        chosen = torch.randperm(len(patches), generator=rng)[: max(1, SEEN // 16)]
        seen = self._features(FromUint8()(patches[chosen])).movedim(1, -1).flatten(0, -2)
        seen = seen[torch.randperm(len(seen), generator=rng)[:SEEN]]
        self.memory = farthest(seen, self.size, rng)
        np.savez(directory / "weights.npz", memory=self.memory.numpy())

    def judge(self, patches: torch.Tensor, *, seed: int, progress: Progress) -> Judgement:
        scores, maps, means = [], [], []
        for batch in patches.split(128):
            features = self._features(batch)
            places = features.movedim(1, -1)
            away = torch.cdist(places.flatten(0, -2), self.memory).amin(1).view(places.shape[:-1])
            scores.append(away.flatten(1).amax(1))
            mode = "bilinear" if batch.ndim == 4 else "trilinear"
            maps.append(F.interpolate(away[:, None], batch.shape[2:], mode=mode))
            means.append(features.flatten(2).mean(2))
            progress(sum(map(len, scores)), len(patches))
        found = {"farthest place": torch.cat(scores)}
        return Judgement(found, maps=torch.cat(maps), embedding=torch.cat(means))

    @torch.no_grad()
    def _features(self, patches: torch.Tensor) -> torch.Tensor:
        """The middle layer of D, averaged over neighbours: (N, F, *S')."""
        judge = copy(self.source.system.discriminator).eval()
        judge.tap = (len(judge.stages) - 1) // 2
        pool = F.avg_pool2d if patches.ndim == 4 else F.avg_pool3d
        parts = [pool(judge.features(p).float(), 3, 1, 1) for p in patches.split(256)]
        return torch.cat(parts)


def farthest(points: torch.Tensor, count: int, rng: torch.Generator) -> torch.Tensor:
    """A greedy choice of points that leaves none far from all of them (k-centre).

    Args:
        points: (N, F).
        count: how many are wanted; all are returned where there are no more.
        rng: of the first point.
    """
    if len(points) <= count:
        return points
    chosen = [int(torch.randint(len(points), (1,), generator=rng))]
    away = (points - points[chosen[0]]).square().sum(1)
    for _ in range(count - 1):
        chosen.append(int(away.argmax()))
        away = torch.minimum(away, (points - points[chosen[-1]]).square().sum(1))
    return points[chosen]
