"""Source headers: what results take over from the images they were made from, made complete."""

from __future__ import annotations

from pathlib import Path

from pydicom import config, dcmread
from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset
from pydicom.uid import generate_uid
from pydicom.valuerep import format_number_as_ds, validate_value

__all__ = ["read_source_header"]

# DICOM wants these present, if empty, and real files leave them out.
_MAY_BE_EMPTY = (
    "PatientID",
    "PatientName",
    "PatientBirthDate",
    "PatientSex",
    "AccessionNumber",
    "StudyID",
    "StudyDate",
    "StudyTime",
    "ReferringPhysicianName",
)
# Of the patient and the study, whose form DICOM fixes.
_FORMED = (
    "PatientAge",
    "PatientBirthDate",
    "PatientBirthTime",
    "PatientSize",
    "PatientWeight",
    "StudyDate",
    "StudyTime",
)


def read_source_header(path: Path, slice_step: float) -> Dataset:
    """A source's header without its pixels, with what highdicom insists on filled in.

    The spacing between slices is the measured one, whatever the header said: readers go by it.
    Values of a form that DICOM does not allow (an age "0Y") are left out, for a result that carried
    them would be as wrong as its source.

    Args:
        path: a classic or enhanced image.
        slice_step: distance of the slices of its series, mm.
    """
    header = dcmread(path, stop_before_pixels=True, force=True)
    for keyword in _FORMED:
        if keyword in header and not _is_valid(header[keyword]):
            del header[keyword]
    for keyword in _MAY_BE_EMPTY:
        if keyword not in header:
            setattr(header, keyword, None)
    if "FrameOfReferenceUID" not in header:  # the same made-up one for every result of a series
        header.FrameOfReferenceUID = generate_uid(entropy_srcs=[str(header.SeriesInstanceUID)])
    if "2022" in str(header.get("SpecificCharacterSet", "")):  # highdicom writes no code extensions
        header.SpecificCharacterSet = "ISO_IR 192"
    if "PerFrameFunctionalGroupsSequence" in header:
        _share(header, "PlaneOrientationSequence")
        _share(header, "PixelMeasuresSequence")
        measures = header.SharedFunctionalGroupsSequence[0].PixelMeasuresSequence[0]
    else:
        measures = header
    measures.SpacingBetweenSlices = format_number_as_ds(slice_step)
    if measures.get("SliceThickness") is None:
        measures.SliceThickness = format_number_as_ds(slice_step)
    return header


def _is_valid(element: DataElement) -> bool:
    """Whether its value has the form of its value representation (PS3.5 section 6.2)."""
    try:
        validate_value(element.VR, str(element.value or ""), config.RAISE)
    except ValueError:
        return False
    return True


def _share(header: Dataset, sequence: str) -> None:
    """States once for all frames what the vendor repeated in every frame (checked to be equal)."""
    if not header.get("SharedFunctionalGroupsSequence"):
        header.SharedFunctionalGroupsSequence = [Dataset()]
    shared = header.SharedFunctionalGroupsSequence[0]
    if sequence not in shared:
        setattr(shared, sequence, header.PerFrameFunctionalGroupsSequence[0].get(sequence))
        for item in header.PerFrameFunctionalGroupsSequence:
            if sequence in item:
                delattr(item, sequence)
