"""Masks in: the voxels that a person or a program has marked in a scan, and where they lie."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import nibabel as nib
import numpy as np
from numpy.typing import NDArray
from pydicom import dcmread
from pydicom.errors import InvalidDicomError
from pydicom.uid import SegmentationStorage

from monai_anogan.errors import InputError
from monai_anogan.io.inputs import find_inputs
from monai_anogan.io.slice_stack import LPS_TO_RAS

__all__ = ["MaskFile", "read_mask"]


@dataclass(frozen=True)
class MaskFile:
    """A mask as it was saved."""

    path: Path
    marks: NDArray[np.bool_]  # (I, J, K) on its own grid, True somewhere
    affine: NDArray[np.float64]  # (4, 4) voxel -> RAS mm
    placed: bool  # whether the file says where it lies, or the affine is only its reader's guess


def read_mask(path: str | Path) -> MaskFile:
    """Reads a NIfTI mask or label volume, or all segments of a DICOM Segmentation.

    Raises:
        InputError: there is no such file, it is neither, it holds other things than labels, or it
            marks nothing.
    """
    place = Path(path)
    if not place.is_file():
        raise InputError(f"the mask must be a file, {place} is none; give NIfTI or DICOM SEG")
    is_nifti = place.name.lower().endswith((".nii", ".nii.gz"))
    mask = _read_nifti(place) if is_nifti else _read_segmentation(place)
    if not mask.marks.any():
        raise InputError(f"the mask must mark voxels, {place} marks none; draw what to fill")
    return mask


def _read_nifti(path: Path) -> MaskFile:
    find_inputs(path)  # refuses what is not whole
    image = nib.squeeze_image(nib.load(path))
    values = np.asanyarray(image.dataobj)
    if values.ndim != 3:
        raise InputError(f"the mask must have 3 dimensions, {path} has {values.ndim}")
    if (values != np.rint(values)).any():  # NaN is no whole number either
        raise InputError(
            f"the mask must hold whole numbers, 0 where nothing is to be filled, {path} holds "
            "others; is it a map? Save where it is above a threshold"
        )
    codes = (int(image.header[code]) for code in ("sform_code", "qform_code"))
    return MaskFile(path, values != 0, image.affine, placed=any(codes))


def _read_segmentation(path: Path) -> MaskFile:
    import highdicom as hd

    try:
        found = dcmread(path, stop_before_pixels=True).get("SOPClassUID")
    except (InvalidDicomError, OSError):
        found = None
    if found != SegmentationStorage:
        raise InputError(f"the mask must be NIfTI or a DICOM Segmentation, {path} is neither")
    try:
        volume = hd.seg.segread(path).get_volume(combine_segments=True, skip_overlap_checks=True)
    except (RuntimeError, ValueError, AttributeError) as error:
        reason = " ".join(str(error).split())[:200]
        raise InputError(
            f"the mask {path} must be a Segmentation of one volume, got: {reason}"
        ) from error
    return MaskFile(path, volume.array > 0, LPS_TO_RAS @ volume.affine, placed=True)
