"""Healthy voxels and what lies around them, into the network that expects the one of the other."""

from __future__ import annotations

import logging

import torch

from monai_anogan.engines.pace import pace
from monai_anogan.maps.in_organ import box_of
from monai_anogan.maps.neighbourhoods import Neighbourhoods
from monai_anogan.maps.surroundings import Surroundings
from monai_anogan.transforms.highest import highest

__all__ = ["SurroundingsFit"]

VOXELS = 20_000  # of a scan, at most; 18 MB
APART = 4  # voxels to the next lesion
BATCH_SIZE, LR, WARM_UP = 1000, 2e-3, 200


class SurroundingsFit:
    """Collect healthy voxels of scans, then fit.

    Args:
        seed: of the draw of voxels.
    """

    def __init__(self, seed: int) -> None:
        self.rng = torch.Generator().manual_seed(seed)
        self.around: list[torch.Tensor] = []
        self.differences: list[torch.Tensor] = []

    def add(
        self,
        image: torch.Tensor,
        reconstruction: torch.Tensor,
        organ: torch.Tensor,
        lesion: torch.Tensor,
    ) -> None:
        """Draw from a scan, (D, H, W) each; organ and lesion are True inside."""
        near = highest(lesion.float(), 2 * APART + 1) > 0
        box = box_of(organ)
        seen = Neighbourhoods(image[box], reconstruction[box], organ[box])
        healthy = (organ & ~near)[box].nonzero()
        drawn = healthy[torch.randperm(len(healthy), generator=self.rng)[:VOXELS]]
        self.around.append(seen.around(drawn).half())
        self.differences.append(seen.differences(drawn))

    def fit(self, network: Surroundings, *, epochs: float) -> None:
        """Fit a network in place by the likelihood of Laplace distributions.

        Args:
            network: what learns.
            epochs: passes over all voxels; the learning rate warms up and falls as a cosine.
        """
        around, differences = torch.cat(self.around), torch.cat(self.differences)
        steps = max(1, round(epochs * len(around) / BATCH_SIZE))
        optimizer = torch.optim.AdamW(network.parameters(), LR, weight_decay=1e-3)
        schedule = torch.optim.lr_scheduler.LambdaLR(
            optimizer, lambda step: pace(step, steps, WARM_UP)
        )
        with torch.enable_grad():  # evaluators call their handlers under no_grad
            for _ in range(steps):
                drawn = torch.randint(len(around), (BATCH_SIZE,), generator=self.rng)
                expected, usual = network(around[drawn].float())
                loss = ((differences[drawn] - expected).abs() * (-usual).exp() + usual).mean()
                optimizer.zero_grad()
                loss.backward()
                torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
                optimizer.step()
                schedule.step()
        logging.getLogger(__name__).info(
            "surroundings of %d voxels fitted: loss %.4f", len(around), loss.item()
        )
