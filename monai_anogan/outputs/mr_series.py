"""DICOM MR out: a volume written as a classic axial MR series of a made-up patient.

For the demonstration and for tests: it is how a scan that is not DICOM enters by the front door.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
from numpy.typing import ArrayLike, NDArray
from pydicom.dataset import FileDataset, FileMetaDataset
from pydicom.uid import UID, ExplicitVRLittleEndian, MRImageStorage, generate_uid
from pydicom.valuerep import format_number_as_ds

__all__ = ["write_mr_series"]

_RAS_TO_LPS = np.diag([-1.0, -1.0, 1.0, 1.0])
_MADE_UP = {
    "PatientName": "ANOGAN^DEMO",
    "PatientID": "ANOGAN-DEMO",
    "PatientBirthDate": "",
    "PatientSex": "O",
    "StudyDate": "20260101",
    "StudyTime": "120000",
    "SeriesDate": "20260101",
    "SeriesTime": "120000",
    "AccessionNumber": "",
    "ReferringPhysicianName": "",
    "StudyID": "1",
    "BodyPartExamined": "BRAIN",
    "PatientPosition": "HFS",
    "PositionReferenceIndicator": "",
    "Manufacturer": "monai_anogan",
    "ManufacturerModelName": "phantom",
    # No scanner made it: the values that MR images must state are empty or neutral.
    "ImageType": ["DERIVED", "SECONDARY", "OTHER"],
    "ScanningSequence": "RM",
    "SequenceVariant": "NONE",
    "ScanOptions": "",
    "MRAcquisitionType": "3D",
    "RepetitionTime": "",
    "EchoTime": "",
    "EchoTrainLength": "",
}


def write_mr_series(
    volume: ArrayLike,
    affine: NDArray[np.float64],
    folder: str | os.PathLike[str],
    *,
    description: str,
    series_number: int = 1,
    seed: str | None = None,
) -> list[Path]:
    """Writes a volume as axial slices, one file each, explicit VR little endian.

    Voxels are only reordered (columns towards the patient's left, rows towards the back, slices
    towards the head), never resampled.

    Args:
        volume: (I, J, K); values are rounded to int16, so scale them first (0..1000, say).
        affine: (4, 4), voxel -> RAS mm, without shear.
        folder: created if absent; files there of the same names are replaced.
        description: the series description, at most 64 characters.
        series_number: the series number.
        seed: the same seed gives the same UIDs, and with the same volume the same bytes; series of
            one seed that differ in number share their study. By default all UIDs are new.

    Returns:
        The files in slice order, feet to head.

    Raises:
        ValueError: the volume does not fit int16, is flat after rounding, or the affine is sheared.
    """
    pixels, lps = _axial(_as_int16(np.asarray(volume)), np.asarray(affine, dtype=np.float64))
    place = Path(folder)
    place.mkdir(parents=True, exist_ok=True)
    uid = _uid_maker(seed)
    common = {
        **_MADE_UP,
        "StudyInstanceUID": uid("study"),
        "FrameOfReferenceUID": uid("frame of reference"),
        "SeriesInstanceUID": uid(f"series {series_number}"),
        "SeriesNumber": series_number,
        "SeriesDescription": description,
    }
    paths = []
    for k in range(pixels.shape[2]):
        sop_uid = uid(f"series {series_number} slice {k}")
        image = _image(common | _geometry(lps, k), pixels[:, :, k].T, sop_uid)
        image.InstanceNumber = k + 1
        paths.append(place / f"IM{k + 1:04d}.dcm")
        image.save_as(paths[-1], enforce_file_format=True)
    return paths


def _as_int16(volume: NDArray[Any]) -> NDArray[np.int16]:
    if volume.ndim != 3:
        raise ValueError(f"volume must have 3 dimensions (I, J, K), got shape {volume.shape}")
    rounded = np.rint(volume)
    low, high = float(rounded.min()), float(rounded.max())
    if not (np.isfinite([low, high]).all() and -32768 <= low < high <= 32767):
        raise ValueError(
            f"volume must span part of -32768..32767 once rounded, got {low:g}..{high:g}; "
            "scale it to 0..1000"
        )
    return rounded.astype(np.int16)


def _axial(
    volume: NDArray[np.int16], affine: NDArray[np.float64]
) -> tuple[NDArray[np.int16], NDArray[np.float64]]:
    """The volume with its axes nearest to left, back, head, and its affine to LPS mm."""
    axes = nib.io_orientation(affine)
    turn = nib.orientations.ornt_transform(axes, nib.orientations.axcodes2ornt("LPS"))
    turned = nib.orientations.apply_orientation(volume, turn)
    lps = _RAS_TO_LPS @ affine @ nib.orientations.inv_ornt_aff(turn, volume.shape)
    steps = lps[:3, :3] / np.linalg.norm(lps[:3, :3], axis=0)
    if not np.allclose(steps.T @ steps, np.eye(3), atol=1e-3):
        raise ValueError("affine must be without shear, for DICOM slices cannot be sheared")
    return turned, lps


def _uid_maker(seed: str | None) -> Callable[[str], str]:
    if seed is None:
        fresh: dict[str, str] = {}
        return lambda name: fresh.setdefault(name, generate_uid())
    return lambda name: generate_uid(entropy_srcs=["monai_anogan", seed, name])


def _geometry(lps: NDArray[np.float64], k: int) -> dict[str, Any]:
    column_step, row_step, slice_step = np.linalg.norm(lps[:3, :3], axis=0)
    along_row, along_column = lps[:3, 0] / column_step, lps[:3, 1] / row_step
    return {
        "ImagePositionPatient": _decimals(lps[:3, 3] + k * lps[:3, 2]),
        "ImageOrientationPatient": _decimals([*along_row, *along_column]),
        "PixelSpacing": _decimals([row_step, column_step]),
        "SliceThickness": _decimals([slice_step])[0],
        "SpacingBetweenSlices": _decimals([slice_step])[0],
    }


def _decimals(values: Iterable[float]) -> list[str]:
    return [format_number_as_ds(float(value)) for value in values]


def _image(values: dict[str, Any], pixels: NDArray[np.int16], sop_uid: str) -> FileDataset:
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = MRImageStorage
    meta.MediaStorageSOPInstanceUID = UID(sop_uid)
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    image = FileDataset("", {}, file_meta=meta, preamble=b"\0" * 128)
    image.SOPClassUID = MRImageStorage
    image.SOPInstanceUID = sop_uid
    image.Modality = "MR"
    for keyword, value in values.items():
        setattr(image, keyword, value)
    image.SamplesPerPixel = 1
    image.PhotometricInterpretation = "MONOCHROME2"
    image.Rows, image.Columns = pixels.shape
    image.BitsAllocated = image.BitsStored = 16
    image.HighBit = 15
    image.PixelRepresentation = 1  # signed
    image.PixelData = np.ascontiguousarray(pixels, dtype="<i2").tobytes()
    return image
