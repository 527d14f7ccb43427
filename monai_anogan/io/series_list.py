"""Series lists: what DICOM there is at any path a user may give, and the one series to work on."""

from __future__ import annotations

from pathlib import Path

from monai_anogan.errors import InputError
from monai_anogan.io.dicom_header import is_dicomdir, read_header
from monai_anogan.io.dicom_scan import DicomSeries, scan_dicom
from monai_anogan.io.series_choice import choose_series

__all__ = ["find_series", "list_series"]


def list_series(path: str | Path) -> list[DicomSeries]:
    """Lists the series at a path.

    Args:
        path: a folder, searched with those below it; a DICOMDIR, which stands for its folder; or
            one DICOM file, which stands for its series (or the volumes mixed in it).

    Raises:
        InputError: the path is no DICOM.
    """
    place = Path(path)
    if not place.is_file():
        return scan_dicom(place)
    header = read_header(place)
    if header is None:
        raise InputError(f"{place} must be a DICOM or NIfTI image, got a file that is neither")
    if is_dicomdir(header):
        return scan_dicom(place.parent)
    if not header.series_uid:
        raise InputError(f"{place} must belong to a series, got a DICOM file without a series UID")
    found = scan_dicom(place.parent, recursive=False)
    return [s for s in found if (s.study_uid, s.uid) == (header.study_uid, header.series_uid)]


def find_series(path: str | Path, wanted: str | None = None) -> DicomSeries:
    """The series to work on at a path, see `list_series` and `choose_series`.

    Raises:
        InputError: the path is no DICOM, or nothing there is a usable volume.
    """
    return choose_series(list_series(path), wanted)
