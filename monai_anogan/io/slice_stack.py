"""Slice stacks: planes put in order along their normal, and the grid they form."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from monai_anogan.io.image_plane import ImagePlane

__all__ = ["SliceStack", "normal_of", "plane_heights", "plane_order", "stack_planes"]

LPS_TO_RAS = np.diag([-1.0, -1.0, 1.0, 1.0])


@dataclass(frozen=True)
class SliceStack:
    """Planes in slice order and the grid they form."""

    planes: tuple[ImagePlane, ...]  # k = 0..K-1, ascending along (row direction x column direction)
    shape: tuple[int, int, int]  # I (columns), J (rows), K (slices)
    affine: NDArray[np.float64]  # (4, 4) voxel (i, j, k) -> RAS mm

    @property
    def spacing(self) -> tuple[float, float, float]:
        """Voxel size along i, j, k in mm."""
        i, j, k = (float(v) for v in np.linalg.norm(self.affine[:3, :3], axis=0))
        return i, j, k


def stack_planes(planes: Sequence[ImagePlane]) -> SliceStack:
    """Orders planes without a problem (see `find_stack_refusal`) and computes their affine.

    The slice step is (last - first) / (K - 1), so both ends lie exactly where their headers say.
    """
    ordered = plane_order(planes)
    first, last = ordered[0], ordered[-1]
    row, column = np.asarray(first.orientation).reshape(2, 3)
    lps = np.eye(4)
    lps[:3, 0] = row * first.pixel_spacing[1]
    lps[:3, 1] = column * first.pixel_spacing[0]
    lps[:3, 2] = np.subtract(last.position, first.position) / (len(ordered) - 1)
    lps[:3, 3] = first.position
    shape = (first.size[1], first.size[0], len(ordered))
    return SliceStack(tuple(ordered), shape, LPS_TO_RAS @ lps)


def normal_of(plane: ImagePlane) -> NDArray[np.float64]:
    """Row direction x column direction, (3,) LPS."""
    row, column = np.asarray(plane.orientation).reshape(2, 3)
    return np.cross(row, column)


def plane_heights(planes: Sequence[ImagePlane]) -> NDArray[np.float64]:
    """Position of each plane along the first one's normal, (K,) mm."""
    return np.array([p.position for p in planes]) @ normal_of(planes[0])


def plane_order(planes: Sequence[ImagePlane]) -> list[ImagePlane]:
    """The planes by height; those of one height stay in the order given."""
    return [planes[i] for i in np.argsort(plane_heights(planes), kind="stable")]
