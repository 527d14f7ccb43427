"""How grey values curve around a voxel: spots, threads and sheets differ in little else.

A fold of the cortex or a vessel is as dark in white matter as a small lesion, and as thin; but it
goes on in one direction or two, and a lesion ends in all three. The eigenvalues of the Hessian tell
them apart (Frangi et al. 1998, MICCAI; Sato et al. 1998, Medical Image Analysis 2).
"""

from __future__ import annotations

import math

import torch

from monai_anogan.maps.beside import Beside

__all__ = ["CURVATURES", "curvatures"]

CURVATURES = ("greatest", "middle", "least")
"""Of the three curvatures at a voxel; a dark spot has three positive ones, a dark sheet one."""

SMALLEST = 1e-12  # squared spread of the eigenvalues; less is a sphere


def curvatures(volumes: torch.Tensor, inside: torch.Tensor) -> list[torch.Tensor]:
    """Eigenvalues of the Hessian matrix, in grey values per squared voxel.

    In closed form (Smith 1961, Communications of the ACM 4).

    Args:
        volumes: smooth, (V, D, H, W).
        inside: where they are wanted, (D, H, W) with N voxels.

    Returns:
        The greatest, the middle and the least, (V, N) each.
    """
    xx, yy, zz, xy, xz, yz = _second_derivatives(volumes, inside)
    mean = (xx + yy + zz) / 3
    xx, yy, zz = xx - mean, yy - mean, zz - mean
    off = xy**2 + xz**2 + yz**2
    spread = ((xx**2 + yy**2 + zz**2 + 2 * off) / 6).clamp(min=SMALLEST).sqrt()
    det = xx * (yy * zz - yz**2) - xy * (xy * zz - yz * xz) + xz * (xy * yz - yy * xz)
    angle = (det / (2 * spread**3)).clamp(-1, 1).acos() / 3
    greatest = mean + 2 * spread * angle.cos()
    least = mean + 2 * spread * (angle + 2 * math.pi / 3).cos()
    return [greatest, 3 * mean - greatest - least, least]


def _second_derivatives(volumes: torch.Tensor, inside: torch.Tensor) -> list[torch.Tensor]:
    """Central differences along D D, H H, W W, D H, D W and H W, (V, N) each."""
    values, voxels = Beside(volumes, margin=1), inside.nonzero()

    def moved(*step: int) -> torch.Tensor:
        return values(voxels, torch.tensor([step]))[..., 0]

    def unit(*axes: int) -> list[int]:
        return [int(axis in axes) for axis in range(3)]

    middle, found = moved(0, 0, 0), []
    for axis in range(3):
        ahead = unit(axis)
        found.append(moved(*ahead) + moved(*(-step for step in ahead)) - 2 * middle)
    for one, other in ((0, 1), (0, 2), (1, 2)):
        same = unit(one, other)
        across = [step if axis == one else -step for axis, step in enumerate(same)]
        ends = moved(*same) + moved(*(-step for step in same))
        found.append((ends - moved(*across) - moved(*(-step for step in across))) / 4)
    return found
