"""What a voxel should be by all that lies around it, and how far from it voxels usually are.

The reconstruction is healthy, but it blurs the cortex, where small lesions drown in its residual.
The tissue around a voxel shows how its folds go on. So a perceptron is shown the reconstruction and
the scan around a cube, not the cube, and says what the middle of it should be: blind to a lesion of
the cube's size, as blind-spot networks are to noise (Krull et al. 2019, arXiv 1811.10980). It says
besides how far off it usually is in such a place, by the likelihood of a Laplace distribution
(Kendall and Gal 2017, arXiv 1703.04977, equation 5 with the L1 norm): wide at the rim of the brain,
narrow in white matter.
"""

from __future__ import annotations

import torch
from torch import nn

from monai_anogan.maps.beside import Beside, steps
from monai_anogan.maps.in_organ import box_of, means_within
from monai_anogan.maps.neighbourhoods import AROUND, Neighbourhoods

__all__ = ["SURPRISES", "Surroundings", "surprises"]

WIDTHS = (192, 96, 64)
NARROWEST, WIDEST = -6.0, 2.0  # logarithms of the usual error
LARGEST = 8.0  # usual errors
AT_ONCE = 20_000  # voxels
SCALES = (1.0, 1.7)
BESIDE = steps([-1, 0, 1], beyond=0)

OF = ("voxel", "cube of three")
SURPRISES = tuple(
    f"{name} of the {of}"
    for name in (
        "surprise",
        "difference",
        "logarithm of the usual error",
        *(f"surprise at {s}" for s in SCALES),
    )
    for of in OF
) + tuple(f"surprise of the voxel {(*step,)} away" for step in BESIDE.tolist())
"""What each of the `surprises` is."""


class Surroundings(nn.Module):
    """What the voxel in the middle and its cube of three should be; fitted by `SurroundingsFit`."""

    def __init__(self) -> None:
        super().__init__()
        sizes = (AROUND, *WIDTHS)
        hidden = [
            layer
            for size, width in zip(sizes, WIDTHS, strict=False)
            for layer in (nn.Linear(size, width), nn.GELU())
        ]
        self.layers = nn.Sequential(*hidden, nn.Linear(WIDTHS[-1], 2 * len(OF)))

    def forward(self, around: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Expected difference from the reconstruction in the middle, and log of its usual error.

        Args:
            around: of `Neighbourhoods.around`, (N, AROUND).

        Returns:
            (N, 2) each, for the voxel and the mean of its cube of three.
        """
        expected, usual = self.layers(around).chunk(2, dim=1)
        return expected, usual.clamp(NARROWEST, WIDEST)


@torch.no_grad()
def surprises(
    network: Surroundings,
    image: torch.Tensor,
    reconstruction: torch.Tensor,
    mask: torch.Tensor,
) -> torch.Tensor:
    """How far the voxels of an organ are from what all around them makes expect.

    Args:
        network: fitted.
        image: x in network space, (D, H, W), in RAS.
        reconstruction: G(z), same shape.
        mask: the organ, True inside.

    Returns:
        (N, len(SURPRISES)) in the order of `mask.nonzero()`; a surprise is counted in usual errors,
        a difference in grey values.
    """
    box = box_of(mask)
    inside = mask[box]
    if not inside.numel():
        return torch.zeros(0, len(SURPRISES), device=image.device)
    seen = Neighbourhoods(image[box], reconstruction[box], inside)
    voxels, found = inside.nonzero(), []
    for some in voxels.split(AT_ONCE):
        expected, usual = network(seen.around(some))
        found.append(torch.cat([seen.differences(some) - expected, usual], dim=1))
    difference, usual = torch.cat(found).T.chunk(2)
    surprise = (difference / usual.exp()).clamp(-LARGEST, LARGEST)
    volumes = torch.zeros(len(OF), *inside.shape, device=image.device)
    volumes[:, inside] = surprise
    smooth = [means_within(volumes, inside, scale)[:, inside] for scale in SCALES]
    beside = Beside(volumes[:1], 1, 0.0)(voxels, BESIDE)[0].T
    return torch.cat([surprise, difference, usual, *smooth, beside]).T
