"""DICOM volumes: the pixels of a checked series as one array in scanner units, with its affine."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from pydicom import config, dcmread

from monai_anogan.errors import InputError
from monai_anogan.io.dicom_header import DICOM_ERRORS, DicomHeader, read_header
from monai_anogan.io.dicom_scan import DicomSeries
from monai_anogan.io.image_plane import ImagePlane
from monai_anogan.io.slice_stack import SliceStack, find_stack_problem, stack_planes

__all__ = ["load_stack", "load_volume"]


def load_volume(series: DicomSeries) -> tuple[NDArray[np.float32], NDArray[np.float64]]:
    """Loads a series.

    Axes are those of ITK: i along a row (columns), j down a column (rows), k along the slices.
    Each slice is rescaled by its own slope and intercept. MONOCHROME1 (bright is low) is inverted
    about the middle of the volume's range for MR; CT and PET values are physical and stay.

    Args:
        series: a usable one from `scan_dicom`.

    Returns:
        The volume (I, J, K), float32 in scanner units (HU for CT), and the affine (4, 4), voxel ->
        RAS mm.

    Raises:
        InputError: the series has a problem, or a file is truncated, broken or gone.
    """
    if series.problem is not None:
        raise InputError(f"a DICOM series must be a volume, got {series.problem}")
    stack, headers = _read_stack(series.files)
    volume = np.empty(stack.shape[::-1], np.float32)  # (K, J, I): slices are written whole
    slices: defaultdict[Path, list[int]] = defaultdict(list)
    for k, plane in enumerate(stack.planes):
        slices[plane.path].append(k)
    for path, ks in slices.items():
        frames = _read_frames(path, stack.shape)
        for k in ks:
            slope, intercept = stack.planes[k].rescale
            volume[k] = frames[stack.planes[k].frame] * slope + intercept
    if headers[0].photometric == "MONOCHROME1" and series.modality not in ("CT", "PT"):
        volume = volume.min() + volume.max() - volume
    return volume.transpose(2, 1, 0), stack.affine


def load_stack(files: Sequence[str | Path]) -> SliceStack:
    """Reads the geometry of a series again from its files, headers only.

    Args:
        files: every file of one usable series, in any order.

    Raises:
        InputError: a file cannot be read, or together they are not a volume.
    """
    return _read_stack([Path(file) for file in files])[0]


def _read_stack(files: Sequence[Path]) -> tuple[SliceStack, list[DicomHeader]]:
    headers = []
    for path in files:
        header = read_header(path)
        if header is None or header.problem is not None:
            why = "one that cannot be read" if header is None else str(header.problem)
            raise InputError(f"{path} must be a slice of the volume, got {why}; copy it again")
        headers.append(header)
    planes: list[ImagePlane] = [plane for header in headers for plane in header.planes]
    problem = find_stack_problem(planes)
    if problem is not None:
        raise InputError(f"the DICOM files must form a volume, got {problem}")
    return stack_planes(planes), headers


def _read_frames(path: Path, shape: tuple[int, int, int]) -> NDArray[np.generic]:
    """Stored values of one file, (frames, rows, columns)."""
    try:
        with config.disable_value_validation():
            pixels = dcmread(path, force=True).pixel_array
        return pixels.reshape(-1, shape[1], shape[0])
    except DICOM_ERRORS as error:
        reason = " ".join(str(error).split()) or type(error).__name__
        raise InputError(
            f"{path} must hold whole pixel data, got a truncated, broken or unsupported file "
            f"({reason[:200]}); copy it again from its source"
        ) from error
