"""DICOM volumes: the pixels of a checked series as one array in scanner units, with its affine."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from monai_anogan.errors import InputError
from monai_anogan.io.dicom_header import DicomHeader, read_header
from monai_anogan.io.dicom_scan import DicomSeries
from monai_anogan.io.frame_reader import FrameReader
from monai_anogan.io.image_plane import ImagePlane
from monai_anogan.io.refusal import COPY_AGAIN
from monai_anogan.io.slice_checks import find_stack_refusal
from monai_anogan.io.slice_stack import SliceStack, stack_planes

__all__ = ["StoredVolume", "load_stack", "load_stored", "load_volume"]


@dataclass(frozen=True)
class StoredVolume:
    """A series as its files store it."""

    stack: SliceStack
    frames: dict[Path, NDArray[Any]]  # of each file all of them, (frames, rows, columns)
    rescales: list[tuple[float, float]]  # slope and intercept of each slice of the stack
    inverted: bool  # bright is low, and the volume was turned over as a whole


def load_volume(series: DicomSeries) -> tuple[NDArray[np.float32], NDArray[np.float64]]:
    """Loads a series.

    Axes are those of ITK: i along a row (columns), j down a column (rows), k along the slices.
    Each slice is rescaled by its own slope and intercept. Where Philips' private scale slope
    differs between slices, the slices are comparable only after division by it, and are divided
    (Chenevert et al. 2014, doi:10.1593/tlo.13811). MONOCHROME1 (bright is low) is inverted about
    the middle of the volume's range for MR; CT and PET values are physical and stay.

    Args:
        series: a usable one from `scan_dicom`.

    Returns:
        The volume (I, J, K), float32 in scanner units (HU for CT), and the affine (4, 4), voxel ->
        RAS mm.

    Raises:
        InputError: the series has a problem, or a file is truncated, broken or gone.
    """
    if series.problem is not None:
        raise InputError(f"a DICOM series must be a volume, got {series.problem}; {series.cure}")
    stack, headers = _read_stack(series.files, series.frames)
    volume = np.empty(stack.shape[::-1], np.float32)  # (K, J, I): slices are written whole
    rescales = _rescales(stack.planes)
    slices: defaultdict[Path, list[int]] = defaultdict(list)
    for k, plane in enumerate(stack.planes):
        slices[plane.path].append(k)
    with FrameReader() as reader:
        for header in headers:
            frames = reader.read(header.path, header.pixels)
            for k in slices[header.path]:
                _rescale(frames[stack.planes[k].frame], rescales[k], volume[k])
    if _is_inverted(headers[0]):
        volume = volume.min() + volume.max() - volume
    return volume.transpose(2, 1, 0), stack.affine


def load_stack(files: Sequence[str | Path], frames: Sequence[int] | None = None) -> SliceStack:
    """Gives the geometry of a series again from its files, headers only.

    Args:
        files: every file of one usable series, in any order.
        frames: which of the files' frames are its slices, counted through the files one after
            another; all of them by default.

    Raises:
        InputError: a file cannot be read, or together they are not a volume.
    """
    return _read_stack([Path(file) for file in files], frames)[0]


def load_stored(files: Sequence[str | Path], frames: Sequence[int] | None = None) -> StoredVolume:
    """Reads the stored values of a series again, as none of them was changed.

    Args:
        files: every file of one usable series, in any order.
        frames: see `load_stack`.

    Raises:
        InputError: a file cannot be read, or together they are not a volume.
    """
    stack, headers = _read_stack([Path(file) for file in files], frames)
    with FrameReader() as reader:
        stored = {header.path: reader.read(header.path, header.pixels) for header in headers}
    return StoredVolume(stack, stored, _rescales(stack.planes), _is_inverted(headers[0]))


def _is_inverted(header: DicomHeader) -> bool:
    return header.photometric == "MONOCHROME1" and header.modality not in ("CT", "PT")


def _read_stack(
    files: Sequence[Path], frames: Sequence[int] | None
) -> tuple[SliceStack, list[DicomHeader]]:
    headers = []
    for path in files:
        header = read_header(path)
        if header is None or header.refusal:
            why = header.refusal.problem if header and header.refusal else "one not to be read"
            raise InputError(f"{path} must be a slice of the volume, got {why}; {COPY_AGAIN}")
        headers.append(header)
    planes: list[ImagePlane] = [plane for header in headers for plane in header.planes]
    if frames is not None:
        if max(frames, default=0) >= len(planes):
            raise InputError(f"{files[0]} must be as it was when found, got other; run again")
        planes = [planes[frame] for frame in frames]
    refusal = find_stack_refusal(planes)
    if refusal is not None:
        raise InputError(f"the DICOM files must form a volume, got {refusal.problem}")
    return stack_planes(planes), headers


def _rescales(planes: Sequence[ImagePlane]) -> list[tuple[float, float]]:
    """Slope and intercept of each slice, in units that all slices share."""
    scales = {plane.scale_slope for plane in planes}
    if len(scales) == 1 or None in scales:
        return [plane.rescale for plane in planes]
    rescales = []
    for plane in planes:
        (slope, intercept), scale = plane.rescale, plane.scale_slope or 1.0
        rescales.append((1 / scale, intercept / (slope * scale)))
    return rescales


def _rescale(
    stored: NDArray[Any], rescale: tuple[float, float], values: NDArray[np.float32]
) -> None:
    """Writes stored * slope + intercept into `values`, rounded to float32 once, at the end."""
    slope, intercept = rescale
    values[...] = stored if rescale == (1.0, 0.0) else stored * np.float64(slope) + intercept
