"""DICOM headers: what one file is, read without its pixels and without trusting it."""

from __future__ import annotations

import functools
import logging
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from pydicom import config, uid
from pydicom.dataset import FileDataset
from pydicom.tag import Tag

from monai_anogan.io.dicom_file import DICOM_ERRORS, PixelElement, is_dicom_file, parse_header
from monai_anogan.io.image_plane import PLANE_TAGS, ImagePlane, read_planes
from monai_anogan.io.refusal import COPY_AGAIN, Refusal
from monai_anogan.io.stored_pixels import StoredPixels, find_pixel_problem, stored_pixels

__all__ = ["VOLUME_CLASSES", "DicomHeader", "forget_headers", "is_dicomdir", "read_header"]

_log = logging.getLogger(__name__)

VOLUME_CLASSES = {
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
_KEYWORDS = (
    "SpecificCharacterSet",
    "ImageType",
    "SOPClassUID",
    "Modality",
    "SeriesDescription",
    "StudyInstanceUID",
    "SeriesInstanceUID",
    "FrameOfReferenceUID",
    "SeriesNumber",
    "SamplesPerPixel",
    "PhotometricInterpretation",
    "BitsAllocated",
    "BitsStored",
    "HighBit",
    "PixelRepresentation",
    "ModalityLUTSequence",
)
_TAGS = [*map(int, map(Tag, _KEYWORDS)), *PLANE_TAGS]
_ANOTHER_SERIES = "choose another series"


@dataclass(frozen=True)
class DicomHeader:
    """What the scanner needs to know of one DICOM file."""

    path: Path
    sop_class: str
    sop_uid: str
    series_uid: str  # "" where the file belongs to no series
    study_uid: str
    frame_of_reference: str  # UID; slices of two are not in one space
    modality: str
    description: str
    number: int | None
    image_type: tuple[str, ...]
    photometric: str
    planes: tuple[ImagePlane, ...]  # in the file's frame order; empty without geometry
    pixels: StoredPixels
    refusal: Refusal | None  # why this file cannot be part of a volume


def read_header(path: Path) -> DicomHeader | None:
    """Reads one header, once for as long as the file stays as it is.

    Args:
        path: any file.

    Returns:
        The header; None when the file is not DICOM, and, with a warning in the log, when it looks
        like DICOM but is unreadable.
    """
    try:
        state = path.stat()
    except OSError:
        return None
    return _read_header(path, state.st_ino, state.st_size, state.st_mtime_ns)


def forget_headers() -> None:
    """Makes the next reading of every header a fresh one, as in a new process."""
    _read_header.cache_clear()


def is_dicomdir(header: DicomHeader) -> bool:
    """True for the table of contents of a medium (PS3.10 section 8): the images lie beside it."""
    return header.sop_class == uid.MediaStorageDirectoryStorage


# A case asks for its headers several times: to tell inputs apart, to show and choose the series,
# to load it, to write results beside it. Enough for the largest studies, a few KB a slice.
@functools.lru_cache(maxsize=8192)
def _read_header(path: Path, *state: int) -> DicomHeader | None:
    if not is_dicom_file(path):
        return None
    try:
        with config.disable_value_validation():  # values are converted when they are asked for
            dataset, element = parse_header(path, _TAGS)
            return _header(dataset, path, element)
    except DICOM_ERRORS as error:
        reason = " ".join(str(error).split())[:200] or type(error).__name__
    _log.warning("%s looks like DICOM but is skipped: %s", path, reason)
    return None


def _header(dataset: FileDataset, path: Path, element: PixelElement | None) -> DicomHeader:
    fields = {item.keyword or item.tag: item.value for item in dataset}
    planes = read_planes(fields, path)
    number = fields.get("SeriesNumber")
    big_endian = not dataset.original_encoding[1]
    header = DicomHeader(
        path=path,
        sop_class=str(
            fields.get("SOPClassUID") or dataset.file_meta.get("MediaStorageSOPClassUID") or ""
        ),
        sop_uid=str(fields.get("SOPInstanceUID") or ""),
        series_uid=str(fields.get("SeriesInstanceUID") or ""),
        study_uid=str(fields.get("StudyInstanceUID") or ""),
        frame_of_reference=str(fields.get("FrameOfReferenceUID") or ""),
        modality=str(fields.get("Modality") or ""),
        description=" ".join(str(fields.get("SeriesDescription") or "").split()),
        number=None if number is None else int(number),
        image_type=_words(fields, "ImageType"),
        photometric=str(fields.get("PhotometricInterpretation") or "MONOCHROME2"),
        planes=planes,
        pixels=stored_pixels(fields, element, big_endian=big_endian),
        refusal=None,
    )
    return replace(header, refusal=_find_refusal(header, fields))


def _find_refusal(header: DicomHeader, fields: Mapping[Any, Any]) -> Refusal | None:
    samples = int(fields.get("SamplesPerPixel") or 1)
    if samples > 1 or not header.photometric.startswith("MONOCHROME"):
        return Refusal("a colour image", "give the series it was made from")
    if header.sop_class not in VOLUME_CLASSES:
        name = uid.UID(header.sop_class).name or "of no stated kind"
        return Refusal(f"not an MR, CT or PET image but {name}", _ANOTHER_SERIES)
    if "MOSAIC" in header.image_type:
        cure = "convert it to NIfTI (dcm2niix does) and give that"
        return Refusal("a Siemens mosaic (all slices tiled in one image)", cure)
    if "LOCALIZER" in header.image_type:
        return Refusal("a localizer", _ANOTHER_SERIES)
    if "ModalityLUTSequence" in fields:
        return Refusal("a modality lookup table instead of a rescale slope", _ANOTHER_SERIES)
    if refusal := find_pixel_problem(header.pixels):
        return refusal
    if header.planes:
        frames, places = header.pixels.shape[0], len(header.planes)
        return (
            None if frames == places else Refusal(f"{frames} frames in {places} places", COPY_AGAIN)
        )
    return Refusal("no place in the patient (position, orientation or spacing)", COPY_AGAIN)


def _words(fields: Mapping[Any, Any], keyword: str) -> tuple[str, ...]:
    value = fields.get(keyword)
    values = [value] if isinstance(value, str) else value or []
    return tuple(str(word).upper() for word in values)
