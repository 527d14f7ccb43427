"""Voxels of lesions and of healthy tissue into a perceptron that tells them apart."""

from __future__ import annotations

import logging

import torch
from torch.nn import functional as F

from monai_anogan.errors import AnoganError
from monai_anogan.maps import Perceptron

__all__ = ["fit_perceptron"]


def fit_perceptron(
    look: Perceptron,
    features: torch.Tensor,
    lesions: torch.Tensor,
    weights: torch.Tensor,
    *,
    epochs: int,
    batch_size: int = 8192,
    lr: float = 3e-3,
    seed: int = 0,
) -> None:
    """Fit a perceptron in place by weighted cross-entropy.

    Args:
        look: what learns.
        features: (N, F).
        lesions: (N,) True in a lesion.
        weights: (N,) how much a voxel counts.
        epochs: passes over all voxels.
        batch_size: voxels a step of AdamW.
        lr: its learning rate at the start; it falls to zero in a straight line.
        seed: of the order of the voxels.

    Raises:
        AnoganError: There are no lesions, or nothing but lesions.
    """
    if not lesions.any() or lesions.all():
        raise AnoganError(
            f"a comparison must be fitted on voxels of both kinds, got {int(lesions.sum())} of "
            f"lesions among {len(lesions)}; paint lesions on more scans"
        )
    look.mean.copy_(features.float().mean(0))
    look.spread.copy_(features.float().std(0) + 1e-4)
    optimizer = torch.optim.AdamW(look.parameters(), lr, weight_decay=1e-3)
    steps = max(1, round(epochs * len(features) / batch_size))
    schedule = torch.optim.lr_scheduler.LinearLR(optimizer, 1.0, 0.0, total_iters=steps)
    rng = torch.Generator().manual_seed(seed)
    with torch.enable_grad():  # evaluators call their handlers under no_grad
        for _ in range(steps):
            drawn = torch.randint(len(features), (batch_size,), generator=rng)
            loss = F.binary_cross_entropy_with_logits(
                look(features[drawn]), lesions[drawn].float(), weights[drawn]
            )
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
    logging.getLogger(__name__).info("fitted to %d voxels: loss %.4f", len(features), loss.item())
