"""What lies around each voxel of an organ, but not the voxel nor a cube around it."""

from __future__ import annotations

import torch
from torch.nn import functional as F

from monai_anogan.maps.beside import Beside, steps
from monai_anogan.maps.in_organ import places

__all__ = ["AROUND", "BLIND", "Neighbourhoods"]

BLIND = 2  # voxels from the middle of the hidden cube to its faces
FAR = BLIND + 3  # voxels to the means of cubes of three that are seen farther out
MARGIN = FAR + 1
REBUILT = 2  # voxels around, of the reconstruction
OUTSIDE = -1.0  # network space


NEAR_STEPS = steps(list(range(-BLIND - 1, BLIND + 2)), BLIND)
FAR_STEPS = steps([-FAR, -(FAR // 2), 0, FAR // 2, FAR], FAR - 1)
REBUILT_STEPS = steps(list(range(-REBUILT, REBUILT + 1)), -1)
MIDDLE = torch.zeros(1, 3, dtype=torch.long)
PLACES = 4
AROUND = len(NEAR_STEPS) + len(FAR_STEPS) + len(REBUILT_STEPS) + PLACES


class Neighbourhoods:
    """The surroundings of every voxel of an organ, read by index from padded volumes.

    Args:
        image: x in network space, (D, H, W), in RAS.
        reconstruction: G(z), same shape.
        inside: the organ in its box, True inside; what lies outside has no influence.
    """

    def __init__(
        self, image: torch.Tensor, reconstruction: torch.Tensor, inside: torch.Tensor
    ) -> None:
        x, rebuilt = (torch.where(inside, v.float(), OUTSIDE) for v in (image, reconstruction))
        self.volumes = [Beside(v[None], MARGIN, OUTSIDE) for v in (x, _cubes(x), rebuilt)]
        self.places = torch.stack(places(inside))

    def around(self, voxels: torch.Tensor) -> torch.Tensor:
        """What the network is shown, (N, AROUND), at voxels (N, 3)."""
        seen = (NEAR_STEPS, FAR_STEPS, REBUILT_STEPS)
        values = [v(voxels, s)[0] for v, s in zip(self.volumes, seen, strict=True)]
        return torch.cat([*values, self.places[(slice(None), *voxels.T)].T], dim=1)

    def differences(self, voxels: torch.Tensor) -> torch.Tensor:
        """Voxel and mean of its cube of three, less the reconstruction in the middle, (N, 2)."""
        x, cubes, rebuilt = (v(voxels, MIDDLE)[0] for v in self.volumes)
        return torch.cat([x - rebuilt, cubes - rebuilt], dim=1)


def _cubes(volume: torch.Tensor) -> torch.Tensor:
    """Means of cubes of three."""
    return F.avg_pool3d(F.pad(volume[None, None], (1,) * 6, mode="replicate"), 3, 1)[0, 0]
