"""A filled scan as NIfTI: the source's own file, with other values in the hole and nowhere else."""

from __future__ import annotations

import os
from typing import Any

import nibabel as nib
import numpy as np
from numpy.typing import NDArray

from monai_anogan.outputs.stored_values import to_stored

__all__ = ["write_filled_nifti"]


def write_filled_nifti(
    filled: NDArray[np.float32],
    hole: NDArray[np.bool_],
    source: str | os.PathLike[str],
    path: str | os.PathLike[str],
    *,
    version: str,
) -> None:
    """Writes a copy of a NIfTI file whose stored values differ in the hole alone.

    Type, scale slope, intercept and geometry are the source's; all stored values outside the hole
    are too, bit for bit. Its description is replaced, extensions are left out.

    Args:
        filled: (I, J, K) in the scan's units.
        hole: (I, J, K), the voxels to replace.
        source: the NIfTI file.
        path: a file ending in `.nii` or `.nii.gz`.
        version: of this software.

    Raises:
        ValueError: the volume is not on the source's grid.
    """
    image: Any = nib.load(source)
    stored = np.array(image.dataobj.get_unscaled())
    if nib.squeeze_image(image).shape != filled.shape:
        raise ValueError(f"volume must have its source's shape {image.shape}, got {filled.shape}")
    slope, intercept = float(image.dataobj.slope), float(image.dataobj.inter)
    values = to_stored(filled[hole], slope, intercept, stored.dtype)
    stored[hole.reshape(stored.shape)] = values
    header = image.header.copy()
    header.extensions.clear()
    header["descrip"] = f"filled by monai_anogan {version}; research use only".encode()[:80]
    result = type(image)(stored, None, header)
    result.header.set_slope_inter(slope, intercept)  # a new image has none
    nib.save(result, path)
