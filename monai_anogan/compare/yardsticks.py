"""The trivial contenders that always stand in the table: who does not beat them has shown nothing.

Meissen et al. 2021 (arXiv 2109.06023): plain intensity beats published methods on brain lesions.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch
from sklearn.decomposition import PCA
from torch.nn import functional as F

from monai_anogan.compare.contender import Judgement, Progress
from monai_anogan.losses import l1_distance
from monai_anogan.transforms import BACKGROUND, FromUint8

__all__ = ["Intensity", "MeanImage", "PcaReconstruction"]

SMOOTH = 5  # pixels along an axis; speckle is no lesion
SHARE = 0.05  # of the foreground, the darkest (brightest) that count


class Intensity:
    """Grey values alone: how dark, or how bright, the most extreme part of the foreground is.

    A region is as dark as the mean of (1 - x) / 2 over 5 pixels along each axis, 0 outside; the
    score is the mean of the highest twentieth of the foreground. The same for brightness, and the
    distance of the mean grey value from that of the healthy patches.
    """

    name, title = "intensity", "intensity alone"
    settings: dict[str, Any] = {"smooth": SMOOTH, "share": SHARE}  # noqa: RUF012

    def __init__(self) -> None:
        self.usual = 0.0

    @property
    def parameters(self) -> int:
        return 1

    def fit(self, patches: torch.Tensor, *, seed: int, directory: Path, progress: Progress) -> None:
        self.usual = float(FromUint8()(patches).mean())
        np.savez(directory / "weights.npz", usual=self.usual)

    def judge(self, patches: torch.Tensor, *, seed: int, progress: Progress) -> Judgement:
        inside = patches > BACKGROUND
        dark, bright = (
            _smooth(torch.where(inside, level, 0.0)) * inside
            for level in ((1 - patches) / 2, (1 + patches) / 2)
        )
        away = (patches.flatten(1).mean(1) - self.usual).abs()
        scores = {
            "dark": _highest(dark, inside),
            "bright": _highest(bright, inside),
            "unusual mean": away,
        }
        return Judgement(scores, maps=dark.amax(1, keepdim=True))


class MeanImage:
    """|x - mean of the healthy patches|, summed."""

    name, title = "mean_image", "mean image"
    settings: dict[str, Any] = {}  # noqa: RUF012

    def __init__(self) -> None:
        self.mean = torch.empty(0)

    @property
    def parameters(self) -> int:
        return self.mean.numel()

    def fit(self, patches: torch.Tensor, *, seed: int, directory: Path, progress: Progress) -> None:
        self.mean = FromUint8()(patches.double().mean(0))
        np.savez(directory / "weights.npz", mean=self.mean.numpy())

    def judge(self, patches: torch.Tensor, *, seed: int, progress: Progress) -> Judgement:
        rebuilt = self.mean.expand_as(patches)
        return rebuilt_judgement(patches, rebuilt, None)


class PcaReconstruction:
    """|x - its projection on the principal components of the healthy patches|, summed.

    Args:
        components: as many as the systems have latent numbers.
    """

    name, title = "pca", "PCA reconstruction"

    def __init__(self, components: int) -> None:
        self.components = components
        self.pca: PCA | None = None

    @property
    def settings(self) -> dict[str, Any]:
        return {"components": self.components}

    @property
    def parameters(self) -> int:
        return 0 if self.pca is None else self.pca.components_.size + self.pca.mean_.size

    def fit(self, patches: torch.Tensor, *, seed: int, directory: Path, progress: Progress) -> None:
        flat = FromUint8()(patches).flatten(1).numpy()
        count = min(self.components, *flat.shape)
        self.pca = PCA(count, svd_solver="randomized", random_state=seed).fit(flat)
        kept = {"mean": self.pca.mean_, "components": self.pca.components_}
        np.savez(directory / "weights.npz", **kept)

    def judge(self, patches: torch.Tensor, *, seed: int, progress: Progress) -> Judgement:
        assert self.pca is not None
        codes = self.pca.transform(patches.flatten(1).numpy())
        rebuilt = torch.from_numpy(self.pca.inverse_transform(codes)).float().view_as(patches)
        return rebuilt_judgement(patches, rebuilt, torch.from_numpy(codes).float())


def rebuilt_judgement(
    patches: torch.Tensor, rebuilt: torch.Tensor, codes: torch.Tensor | None
) -> Judgement:
    """The judgement of whatever only rebuilds patches: the residual score and the residual."""
    residual = (patches - rebuilt).abs().sum(1, keepdim=True)
    return Judgement({"R": l1_distance(patches, rebuilt)}, rebuilt, residual, codes)


def _smooth(values: torch.Tensor) -> torch.Tensor:
    pool = F.avg_pool2d if values.ndim == 4 else F.avg_pool3d
    return pool(values, SMOOTH, stride=1, padding=SMOOTH // 2)


def _highest(values: torch.Tensor, inside: torch.Tensor) -> torch.Tensor:
    """Mean of the highest `SHARE` of the foreground of each patch, (N,); 0 where it has none."""
    found = []
    for value, mask in zip(values, inside, strict=True):
        kept = value[mask]
        count = max(1, round(SHARE * kept.numel()))
        found.append(kept.topk(count).values.mean() if kept.numel() else value.new_zeros(()))
    return torch.stack(found)
