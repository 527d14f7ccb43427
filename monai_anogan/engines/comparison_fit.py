"""Healthy scans with painted lesions through a model, one by one, into its comparison.

The scans are rebuilt by the very inferer that will rebuild a patient's, so that the comparison
knows what this model in this mode leaves unexplained in healthy tissue.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from ignite.engine import Events
from monai.utils import convert_to_tensor
from torch.nn import functional as F

from monai_anogan.engines.checkpoint import save_state_dict
from monai_anogan.errors import AnoganError
from monai_anogan.maps import Comparison, scale_features

__all__ = ["ComparisonFit", "fit_comparison"]

LESION_VOXELS, HEALTHY_VOXELS = 4000, 8000  # kept of a scan, drawn at random


class ComparisonFit:
    """Handler: collect voxels of scans and reconstructions, fit and save when the run completes.

    Args:
        path: file of the fitted comparison.
        epochs: passes over all voxels.
        seed: of the draw of voxels and of the fit.
    """

    def __init__(self, path: str | Path, *, epochs: int = 12, seed: int = 0) -> None:
        self.path, self.epochs, self.seed = Path(path), epochs, seed
        self.rng = torch.Generator().manual_seed(seed)
        self.features: list[torch.Tensor] = []
        self.lesions: list[torch.Tensor] = []
        self.weights: list[torch.Tensor] = []

    def attach(self, engine: Any) -> None:
        """Have `engine` hand over every scan and write the file when it completes."""
        engine.add_event_handler(Events.ITERATION_COMPLETED, self._add_output)
        engine.add_event_handler(Events.COMPLETED, self._write)

    def add(self, data: Mapping[Any, Any]) -> None:
        """Add one scan: `image`, `mask`, `pred` and `lesion`, (1, D, H, W) each."""
        names = ("image", "pred", "mask", "lesion")
        image, rebuilt, mask, lesion = (
            convert_to_tensor(data[name], track_meta=False)[0].cpu() for name in names
        )
        organ = mask > 0
        features, painted = scale_features(image, rebuilt, organ), lesion[organ] > 0
        for kept, most in ((painted, LESION_VOXELS), (~painted, HEALTHY_VOXELS)):
            voxels = kept.nonzero()[:, 0]
            drawn = voxels[torch.randperm(len(voxels), generator=self.rng)[:most]]
            self.features.append(features[drawn].half())
            self.lesions.append(painted[drawn])
            # Each stands for so many; the root keeps rare lesions from drowning.
            share = torch.tensor(len(voxels) / max(1, len(drawn))).sqrt()
            self.weights.append(share.expand(len(drawn)))

    def _add_output(self, engine: Any) -> None:
        for item, output in zip(engine.state.batch, engine.state.output, strict=True):
            self.add({**item, **output})

    def _write(self, _: Any) -> None:
        comparison = fit_comparison(
            torch.cat(self.features),
            torch.cat(self.lesions),
            torch.cat(self.weights),
            epochs=self.epochs,
            seed=self.seed,
        )
        save_state_dict(comparison, self.path)


def fit_comparison(
    features: torch.Tensor,
    lesions: torch.Tensor,
    weights: torch.Tensor,
    *,
    epochs: int = 12,
    batch_size: int = 8192,
    lr: float = 3e-3,
    seed: int = 0,
) -> Comparison:
    """Fit a comparison to voxels by weighted cross-entropy.

    Args:
        features: (N, F) of `scale_features`.
        lesions: (N,) True in a lesion.
        weights: (N,) how much a voxel counts.
        epochs: passes over all voxels.
        batch_size: voxels a step of AdamW.
        lr: its learning rate at the start; it falls to zero in a straight line.
        seed: of the weights before and of the order of the voxels.

    Raises:
        AnoganError: There are no lesions, or nothing but lesions.
    """
    if not lesions.any() or lesions.all():
        raise AnoganError(
            f"a comparison must be fitted on voxels of both kinds, got {int(lesions.sum())} of "
            f"lesions among {len(lesions)}; paint lesions on more scans"
        )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        comparison = Comparison()
    comparison.mean.copy_(features.float().mean(0))
    comparison.spread.copy_(features.float().std(0) + 1e-4)
    optimizer = torch.optim.AdamW(comparison.parameters(), lr, weight_decay=1e-3)
    steps = max(1, round(epochs * len(features) / batch_size))
    schedule = torch.optim.lr_scheduler.LinearLR(optimizer, 1.0, 0.0, total_iters=steps)
    rng = torch.Generator().manual_seed(seed)
    for step in range(steps):
        drawn = torch.randint(len(features), (batch_size,), generator=rng)
        loss = F.binary_cross_entropy_with_logits(
            comparison(features[drawn]), lesions[drawn].float(), weights[drawn]
        )
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
        if step % max(1, steps // 10) == 0:
            logging.getLogger(__name__).info("step %d of %d: loss %.4f", step, steps, loss.item())
    return comparison.eval()
