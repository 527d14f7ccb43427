"""DICOM headers: what one file is, read without its pixels and without trusting it."""

from __future__ import annotations

import logging
import struct
import zlib
from dataclasses import dataclass
from pathlib import Path

from pydicom import config, dcmread, uid
from pydicom.dataset import Dataset
from pydicom.errors import BytesLengthException, InvalidDicomError

from monai_anogan.io.image_plane import ImagePlane, read_planes

__all__ = ["DICOM_ERRORS", "DicomHeader", "is_dicom_file", "read_header"]

_log = logging.getLogger(__name__)

# pydicom has no base class for "these bytes make no sense": every kind seen on broken files.
DICOM_ERRORS = (
    BytesLengthException,
    InvalidDicomError,
    ArithmeticError,
    AttributeError,
    EOFError,
    LookupError,
    NotImplementedError,
    OSError,
    RuntimeError,
    TypeError,
    ValueError,
    struct.error,
    zlib.error,
)
_VOLUME_CLASSES = {
    uid.MRImageStorage,
    uid.EnhancedMRImageStorage,
    uid.LegacyConvertedEnhancedMRImageStorage,
    uid.CTImageStorage,
    uid.EnhancedCTImageStorage,
    uid.LegacyConvertedEnhancedCTImageStorage,
    uid.PositronEmissionTomographyImageStorage,
    uid.EnhancedPETImageStorage,
    uid.LegacyConvertedEnhancedPETImageStorage,
}
_TAGS = [
    "SpecificCharacterSet",
    "ImageType",
    "SOPClassUID",
    "SOPInstanceUID",
    "Modality",
    "SeriesDescription",
    "ComplexImageComponent",
    "StudyInstanceUID",
    "SeriesInstanceUID",
    "SeriesNumber",
    "EchoTime",
    "InversionTime",
    "AcquisitionNumber",
    "TemporalPositionIdentifier",
    "TriggerTime",
    "DiffusionBValue",
    "ImagePositionPatient",
    "ImageOrientationPatient",
    "SamplesPerPixel",
    "PhotometricInterpretation",
    "NumberOfFrames",
    "Rows",
    "Columns",
    "PixelSpacing",
    "RescaleIntercept",
    "RescaleSlope",
    "SharedFunctionalGroupsSequence",
    "PerFrameFunctionalGroupsSequence",
]
_PIXEL_TAGS = (b"\xe0\x7f", b"\x7f\xe0")  # group 7FE0, little and big endian
_DATASET_STARTS = (b"\x02\x00", b"\x08\x00", b"\x00\x08")  # groups 0002 and 0008


@dataclass(frozen=True)
class DicomHeader:
    """What the scanner needs to know of one DICOM file."""

    path: Path
    series_uid: str
    study_uid: str
    modality: str
    description: str
    number: int | None
    image_type: tuple[str, ...]
    photometric: str
    planes: tuple[ImagePlane, ...]  # in the file's frame order; empty without geometry
    problem: str | None  # why this file cannot be part of a volume, one clause


def is_dicom_file(path: Path) -> bool:
    """True when the first bytes look like DICOM, with or without the 128-byte preamble."""
    try:
        if not path.is_file():  # opening a pipe would wait for ever
            return False
        with path.open("rb") as stream:
            start = stream.read(132)
    except OSError:
        return False
    return start[128:] == b"DICM" or (len(start) > 8 and start[:2] in _DATASET_STARTS)


def read_header(path: Path) -> DicomHeader | None:
    """Reads one header.

    Args:
        path: any file.

    Returns:
        The header; None when the file is not DICOM, and, with a warning in the log, when it looks
        like DICOM but is unreadable or belongs to no series.
    """
    if not is_dicom_file(path):
        return None
    try:
        # Real scanners write decimal strings over 16 characters, which pydicom would warn about.
        with config.disable_value_validation(), path.open("rb") as stream:
            dataset = dcmread(stream, stop_before_pixels=True, force=True, specific_tags=_TAGS)
            deflated = _syntax(dataset) == uid.DeflatedExplicitVRLittleEndian
            has_pixels = deflated or stream.read(2) in _PIXEL_TAGS
            if "SeriesInstanceUID" in dataset:
                return _header(dataset, path, has_pixels)
            reason = "it belongs to no series"
    except DICOM_ERRORS as error:
        reason = " ".join(str(error).split())[:200]
    if path.name != "DICOMDIR":  # the table of contents of a CD
        _log.warning("%s looks like DICOM but is skipped: %s", path, reason)
    return None


def _header(dataset: Dataset, path: Path, has_pixels: bool) -> DicomHeader:
    planes = read_planes(dataset, path)
    number = dataset.get("SeriesNumber")
    return DicomHeader(
        path=path,
        series_uid=str(dataset.SeriesInstanceUID),
        study_uid=str(dataset.get("StudyInstanceUID", "")),
        modality=str(dataset.get("Modality") or ""),
        description=str(dataset.get("SeriesDescription") or ""),
        number=None if number is None else int(number),
        image_type=_words(dataset, "ImageType"),
        photometric=str(dataset.get("PhotometricInterpretation") or "MONOCHROME2"),
        planes=planes,
        problem=_problem(dataset, has_pixels, bool(planes)),
    )


def _problem(dataset: Dataset, has_pixels: bool, has_geometry: bool) -> str | None:
    sop_class = uid.UID(dataset.get("SOPClassUID") or "")
    image_type = _words(dataset, "ImageType")
    photometric = str(dataset.get("PhotometricInterpretation") or "MONOCHROME2")
    if int(dataset.get("SamplesPerPixel") or 1) > 1 or not photometric.startswith("MONOCHROME"):
        return "a colour image"
    if sop_class not in _VOLUME_CLASSES:
        return f"not an MR, CT or PET image but {sop_class.name or 'of no stated kind'}"
    if not has_pixels:
        return "no pixel data"
    if "MOSAIC" in image_type:
        return "a Siemens mosaic (all slices tiled in one image)"
    if "LOCALIZER" in image_type:
        return "a localizer"
    if {"P", "PHASE"} & {*image_type[2:], *_words(dataset, "ComplexImageComponent")}:
        return "a phase image (field map), not anatomy"
    return None if has_geometry else "no place in the patient (position, orientation or spacing)"


def _words(dataset: Dataset, keyword: str) -> tuple[str, ...]:
    value = dataset.get(keyword)
    values = [value] if isinstance(value, str) else value or []
    return tuple(str(word).upper() for word in values)


def _syntax(dataset: Dataset) -> str:
    file_meta = getattr(dataset, "file_meta", None)
    return str(file_meta.get("TransferSyntaxUID", "")) if file_meta is not None else ""
