"""The healthy guess in the place of what looks like a lesion, before a search sharpens the rest.

A latent search that may explain every voxel explains the lesion away. Here lesion and latent are
found in turn, as in a robust decomposition: the comparison of the scan with the encoder's guess
says where the scan is not to be trusted, there the guess takes its place, and the search explains
what is left.
"""

from __future__ import annotations

from pathlib import Path

import torch

from monai_anogan.maps.comparison import Comparison, load_comparison, mean_evidence
from monai_anogan.transforms import BACKGROUND
from monai_anogan.transforms.highest import highest

__all__ = ["Heal", "load_heal"]


class Heal:
    """Blend a guess into a scan, as far as each voxel looks like a lesion.

    Args:
        comparison: says how much it does.
        reach: voxels around a lesion, odd, that are healed with it: its edge is its own too.
    """

    def __init__(self, comparison: Comparison, reach: int = 3) -> None:
        self.comparison, self.reach = comparison, reach

    def __call__(
        self, volume: torch.Tensor, guess: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """The healed scan, (1, D, H, W), from the scan and a healthy guess at it.

        Returns:
            The healed scan, and the logits of the comparison's members, (M, D, H, W), by which it
            was healed.
        """
        looks = self.comparison.logits(volume, guess, volume > BACKGROUND)
        lesion = -torch.expm1(-mean_evidence(looks))  # 1 - exp(-log(1 + odds)) is the probability
        around = highest(lesion, self.reach)[None]
        healed = torch.where(volume > BACKGROUND, torch.lerp(volume, guess, around), volume)
        return healed, looks


def load_heal(
    path: str | Path, device: str | torch.device = "cpu", *, wanted: bool = True
) -> Heal | None:
    """`Heal` by the comparison in a file; None where it is not wanted, and the file not needed.

    Raises:
        InputError: It is wanted, and the file is missing or holds something else.
    """
    return Heal(load_comparison(path, device)) if wanted else None
