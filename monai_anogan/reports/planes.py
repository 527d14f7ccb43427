"""Slices of a volume as a radiologist wants them: upright, the patient's left on the right."""

from __future__ import annotations

from dataclasses import dataclass

import nibabel as nib
import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = ["PLANES", "Plane", "canonical", "cut", "position"]


@dataclass(frozen=True)
class Plane:
    """One of the three planes through a RAS volume."""

    name: str
    normal: int  # axis of the volume that the plane is cut across
    across: int  # axis that runs from left to right on the screen, against its own direction
    up: int  # axis that runs from bottom to top on the screen
    marks: tuple[str, str, str, str]  # letters at the left, right, top and bottom of the screen


PLANES = (
    Plane("Axial", normal=2, across=0, up=1, marks=("R", "L", "A", "P")),
    Plane("Coronal", normal=1, across=0, up=2, marks=("R", "L", "S", "I")),
    Plane("Sagittal", normal=0, across=1, up=2, marks=("A", "P", "S", "I")),
)
"""Radiological convention: the viewer stands at the patient's feet, or faces the patient."""


def canonical(
    volume: ArrayLike, affine: NDArray[np.float64]
) -> tuple[NDArray[np.float32], NDArray[np.float64]]:
    """Reorder the axes of a volume so that they run to the right, anterior and superior.

    Nothing is interpolated: an oblique grid stays as oblique as it was, under its nearest axes.

    Args:
        volume: (I, J, K), any orientation.
        affine: (4, 4) voxel to RAS, mm.

    Returns:
        The volume (R, A, S) and its affine.
    """
    image = nib.as_closest_canonical(
        nib.Nifti1Image(np.asarray(volume, dtype=np.float32), np.asarray(affine, dtype=np.float64))
    )
    return np.asarray(image.dataobj), image.affine


def cut(volume: NDArray[np.float32], plane: Plane, index: int) -> NDArray[np.float32]:
    """One slice of a RAS volume as rows from top to bottom and columns from left to right."""
    flat = np.take(volume, index, axis=plane.normal)
    upright = flat.T if plane.across < plane.up else flat
    return upright[::-1, ::-1]


def position(affine: NDArray[np.float64], plane: Plane, centre: NDArray[np.intp]) -> str:
    """Where a slice lies in the patient, as "24 mm superior", from the scanner's own origin."""
    millimetres = (affine @ [*centre, 1.0])[plane.normal]
    towards = (("right", "left"), ("anterior", "posterior"), ("superior", "inferior"))
    return f"{abs(millimetres):.0f} mm {towards[plane.normal][int(millimetres < 0)]}"
