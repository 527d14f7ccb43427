"""NIfTI out: a map or a label volume as a file that lies exactly on its source's grid."""

from __future__ import annotations

import os
from typing import Any

import nibabel as nib
import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = ["write_nifti"]

_SCANNER = 1  # NIFTI_XFORM_SCANNER_ANAT


def write_nifti(
    volume: ArrayLike,
    path: str | os.PathLike[str],
    *,
    affine: NDArray[np.float64],
    like: str | os.PathLike[str] | None = None,
) -> None:
    """Writes a volume: integers as they are, anything else as float32.

    Args:
        volume: (I, J, K) on the grid of the source; float, or integer labels.
        path: a file ending in `.nii` or `.nii.gz`.
        affine: (4, 4), voxel -> RAS mm. NIfTI-1 keeps it as float32.
        like: the NIfTI file the volume was computed from, if any. Its sform, qform, their codes
            and the units are taken over bit for bit, so that the affine read back is the same to
            the last digit; its display range, intent and extensions are not, for they may describe
            the scan or the patient.

    Raises:
        ValueError: the volume is not three-dimensional, or is not on the grid of `like`.
    """
    array = np.asarray(volume)
    if not np.issubdtype(array.dtype, np.integer):
        array = array.astype(np.float32)
    if array.ndim != 3:
        raise ValueError(f"volume must have 3 dimensions (I, J, K), got shape {array.shape}")
    source = None if like is None else nib.load(like)
    if isinstance(source, nib.Nifti1Pair):
        image = _on_grid_of(source, array, affine)
    else:
        image = nib.Nifti1Image(array, None)
        image.set_sform(affine, _SCANNER)
        image.set_qform(affine, _SCANNER)
        image.header.set_xyzt_units("mm", "sec")
    nib.save(image, path)


def _on_grid_of(
    source: nib.Nifti1Pair, array: NDArray[Any], affine: NDArray[np.float64]
) -> nib.Nifti1Image:
    if source.shape[:3] != array.shape:
        raise ValueError(f"volume must have its source's shape {source.shape}, got {array.shape}")
    if not np.allclose(source.affine, affine, atol=1e-3):
        raise ValueError(f"affine must be its source's {source.affine}, got {affine}")
    # NIfTI-2 keeps its affine as float64: written as NIfTI-1 it would lose digits.
    is_nifti2 = source.header["sizeof_hdr"] == nib.Nifti2Header.sizeof_hdr
    header_class, image_class = (
        (nib.Nifti2Header, nib.Nifti2Image) if is_nifti2 else (nib.Nifti1Header, nib.Nifti1Image)
    )
    header = header_class()
    for field in ("qform_code", "sform_code", "xyzt_units", "quatern_b", "quatern_c", "quatern_d"):
        header[field] = source.header[field]
    for field in ("qoffset_x", "qoffset_y", "qoffset_z", "srow_x", "srow_y", "srow_z"):
        header[field] = source.header[field]
    header.set_data_shape(array.shape)
    header.set_data_dtype(array.dtype)
    header["pixdim"][:4] = source.header["pixdim"][:4]  # pixdim[0] is the qform's handedness
    return image_class(array, None, header)
