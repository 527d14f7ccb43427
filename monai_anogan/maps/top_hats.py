"""Spots smaller than a cube, and how much darker or brighter they are than what lies around.

The black and the white top-hat of grey morphology (Serra 1982; Soille 2003, chapter 4): a closing
fills whatever is dark and narrower than the cube, an opening takes away whatever is bright and
narrower; the difference from the volume is the spot. No Gaussian mean tells a small lesion in even
tissue from the flank of a fold as well.
"""

from __future__ import annotations

import torch

from monai_anogan.transforms.highest import highest

__all__ = ["top_hats"]


def top_hats(
    volume: torch.Tensor, inside: torch.Tensor, size: int
) -> tuple[torch.Tensor, torch.Tensor]:
    """Depth of dark spots and height of bright ones.

    Args:
        volume: grey values, (D, H, W).
        inside: the organ, True inside; what lies outside has no influence.
        size: voxels along the sides of the cube, odd.

    Returns:
        The black and the white top-hat, (D, H, W), 0 or more, 0 outside the organ.
    """
    dark = _closed(volume, inside, size) - volume
    bright = volume + _closed(-volume, inside, size)  # an opening is a closing upside down
    return torch.where(inside, dark, 0.0), torch.where(inside, bright, 0.0)


def _closed(volume: torch.Tensor, inside: torch.Tensor, size: int) -> torch.Tensor:
    dilated = highest(torch.where(inside, volume, -torch.inf), size)
    return -highest(torch.where(inside, -dilated, -torch.inf), size)
