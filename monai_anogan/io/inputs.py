"""Inputs told apart: a path from a user becomes the list of cases to work on."""

from __future__ import annotations

import gzip
import math
import os
import zlib
from pathlib import Path

import nibabel as nib
from nibabel.filebasedimages import ImageFileError
from nibabel.spatialimages import HeaderDataError

from monai_anogan.errors import InputError
from monai_anogan.io.dicom_header import is_dicomdir, read_header

__all__ = ["find_inputs"]

_CHUNK = 1 << 20
_KINDS = {"V": "colours", "c": "complex numbers"}
_WHAT = "a DICOM folder, a NIfTI file (.nii, .nii.gz) or a folder of NIfTI files"


def find_inputs(path: str | os.PathLike[str]) -> list[dict[str, str]]:
    """Lists the cases at a path.

    Args:
        path: a folder with DICOM below it (one case), a DICOM file (one case: the series it
            belongs to), a DICOMDIR (its folder), a NIfTI file (one case) or a folder of
            NIfTI files (a case each, sorted; folders below it are not searched).

    Returns:
        One `{"image": path}` a case, for `LoadImaged`.

    Raises:
        InputError: there is nothing of the kind, both kinds at once, or a NIfTI file is not whole.
    """
    place = Path(path)
    if place.is_dir():
        return [{"image": str(case)} for case in _cases_in(place)]
    if not place.exists():
        raise InputError(f"the input must exist, got {place}; give {_WHAT}")
    if _is_nifti(place):
        _check_nifti(place)
    elif (header := read_header(place)) is None:
        raise InputError(f"the input must be an image, got {place}; give {_WHAT}")
    elif is_dicomdir(header):
        return [{"image": str(place.parent)}]
    return [{"image": str(place)}]


def _cases_in(folder: Path) -> list[Path]:
    niftis = sorted(file for file in folder.iterdir() if _is_nifti(file))
    has_dicom = any((h := read_header(f)) and h.series_uid for f in _files_below(folder))
    if niftis and has_dicom:
        raise InputError(
            f"a folder must hold DICOM or NIfTI, got both in {folder}; "
            f"give the file {niftis[0].name} itself, or the folder of the DICOM files alone"
        )
    for nifti in niftis:
        _check_nifti(nifti)
    if has_dicom:
        return [folder]
    if not niftis:
        seen = sum(1 for _ in _files_below(folder))
        got = f"{seen} files that are neither" if seen else "an empty one"
        raise InputError(f"the folder {folder} must hold DICOM or NIfTI images, got {got}")
    return niftis


def _files_below(folder: Path) -> list[Path]:
    return [Path(place, name) for place, _, names in os.walk(folder) for name in sorted(names)]


def _is_nifti(path: Path) -> bool:
    hidden = path.name.startswith(".")  # macOS leaves "._scan.nii.gz" beside "scan.nii.gz"
    return path.is_file() and not hidden and path.name.lower().endswith((".nii", ".nii.gz"))


def _check_nifti(path: Path) -> None:
    """Refuses what is no NIfTI, or is cut short: the volume is read through once, not kept."""
    try:
        image = nib.load(path)
        header = image.header
        voxel_bytes = int(header["bitpix"]) // 8
        needed = int(image.dataobj.offset) + math.prod(image.shape) * voxel_bytes
        got = _unpacked_size(path, needed)
        kind = image.get_data_dtype().kind
    except (ImageFileError, HeaderDataError, OSError, EOFError, ValueError, zlib.error) as error:
        reason = " ".join(str(error).split())
        raise InputError(
            f"{path} must be a whole NIfTI file, got one that cannot be read ({reason[:200]}); "
            "copy it again from its source"
        ) from error
    if got < needed:
        raise InputError(
            f"{path} must hold {needed} bytes, got {got}: the file is truncated; "
            "copy it again from its source"
        )
    if kind not in "iuf":
        raise InputError(
            f"{path} must hold one real number a voxel, got {_KINDS.get(kind, kind)}; "
            "convert it to a grey image"
        )


def _unpacked_size(path: Path, needed: int) -> int:
    if path.suffix.lower() != ".gz":
        return path.stat().st_size
    size = 0
    with gzip.open(path, "rb") as stream:
        while size < needed and (chunk := stream.read(_CHUNK)):
            size += len(chunk)
    return size
