"""A mask brought to the grid of its scan: checked, never guessed."""

from __future__ import annotations

import numpy as np
from nibabel.affines import apply_affine
from numpy.typing import NDArray
from scipy import ndimage

from monai_anogan.errors import InputError
from monai_anogan.io.mask_file import MaskFile

__all__ = ["mask_on_grid"]

_WITHIN = 0.9  # of the marks must lie in the scan
_EXACT = 1e-2  # voxels that grids may be apart and still be one


def mask_on_grid(
    mask: MaskFile, shape: tuple[int, int, int], affine: NDArray[np.float64]
) -> tuple[NDArray[np.bool_], list[str]]:
    """The marks on a scan's grid, by nearest neighbour where the mask's own is another.

    Args:
        mask: as read.
        shape: (I, J, K) of the scan.
        affine: (4, 4) of the scan, voxel -> RAS mm.

    Returns:
        (I, J, K) bool, and lines that say what a user should know of it.

    Raises:
        InputError: the mask does not say where it lies, lies elsewhere, marks no voxel of the scan,
            or marks all of them.
    """
    to_mask = np.linalg.inv(mask.affine) @ affine
    own_grid = mask.marks.shape == shape and np.allclose(to_mask, np.eye(4), atol=_EXACT)
    if not own_grid and not mask.placed:
        raise InputError(
            f"the mask must say where it lies, {mask.path} has neither sform nor qform; "
            "save it with the affine of the scan"
        )
    told = [] if own_grid else _check_place(mask, shape, affine)
    placed = mask.marks if own_grid else _nearest(mask.marks, to_mask, shape)
    if not placed.any():
        raise InputError(
            f"the mask must mark voxels of the scan, {mask.path} marks none of their centres; "
            "draw it on the scan's own grid"
        )
    if placed.all():
        raise InputError(
            f"the mask must leave something to go by, {mask.path} marks the whole scan; "
            "mark only what to fill"
        )
    if not np.allclose(to_mask, np.rint(to_mask), atol=_EXACT):
        told.append("the mask's grid is another than the scan's: resampled by nearest neighbour")
    return placed, told


def _nearest(
    marks: NDArray[np.bool_], to_mask: NDArray[np.float64], shape: tuple[int, int, int]
) -> NDArray[np.bool_]:
    """For each voxel of a grid the mark nearest to its centre."""
    padded = np.pad(marks.astype(np.uint8), 1)  # scipy calls -1e-9 outside of what begins at 0
    placed = ndimage.affine_transform(
        padded, to_mask[:3, :3], to_mask[:3, 3] + 1, output_shape=shape, order=0
    )
    return placed > 0


def _check_place(
    mask: MaskFile, shape: tuple[int, int, int], affine: NDArray[np.float64]
) -> list[str]:
    """Refuses a mask that lies beside the scan; says so where a small part of it does."""
    centres = apply_affine(np.linalg.inv(affine) @ mask.affine, np.argwhere(mask.marks))
    within = ((centres > -0.5) & (centres < np.array(shape) - 0.5)).all(1).mean()
    if within < _WITHIN:
        raise InputError(
            f"the mask must lie in the scan, got {within:.0%} of the marks of {mask.path} there; "
            "was it drawn on another scan, or saved without the affine of this one?"
        )
    return [] if within == 1 else [f"{1 - within:.1%} of the mask lies outside the scan"]
