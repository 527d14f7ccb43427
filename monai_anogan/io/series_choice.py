"""Series choice: which of the series found is the one to work on, and saying so to a person."""

from __future__ import annotations

import math
from collections.abc import Sequence

from monai_anogan.errors import InputError
from monai_anogan.io.dicom_scan import DicomSeries

__all__ = ["choose_series", "describe"]


def choose_series(found: Sequence[DicomSeries], wanted: str | None = None) -> DicomSeries:
    """Chooses the series to work on.

    Args:
        found: what `scan_dicom` found.
        wanted: a series UID, number or description; by default the usable series with the most
            voxels, where original images go before derived ones and small numbers before large.

    Raises:
        InputError: nothing usable, or `wanted` names no series, several, or an unusable one.
    """
    if not found:
        raise InputError("the folder must hold DICOM images, got none; give another folder")
    if wanted is not None:
        return _wanted(found, wanted)
    usable = [series for series in found if series.problem is None]
    if not usable:
        seen = "; ".join(f"{_title(s)}: {s.problem}" for s in found[:5])
        more = f"; and {len(found) - 5} more" if len(found) > 5 else ""
        raise InputError(
            f"one DICOM series must be a volume, got {len(found)} and none is usable "
            f"({seen}{more}); give a folder with a complete MR, CT or PET series"
        )
    return min(usable, key=_rank)


def describe(found: Sequence[DicomSeries], chosen: DicomSeries) -> str:
    """One line a series for a person: what it is, and why it is used or not."""
    return "\n".join(f"{_line(series)}: {_verdict(series, chosen)}" for series in found)


def _wanted(found: Sequence[DicomSeries], wanted: str) -> DicomSeries:
    matches = [
        s
        for s in found
        if wanted.strip().casefold() in (s.uid, str(s.number), s.description.casefold())
    ]
    usable = [series for series in matches if series.problem is None]
    if len(usable) == 1:
        return usable[0]
    if usable:
        uids = ", ".join(series.uid for series in usable)
        raise InputError(f"series {wanted!r} must name one series, got {len(usable)}: {uids}")
    if matches:
        raise InputError(
            f"series {wanted!r} must be a volume, got {matches[0].problem}; choose another series"
        )
    names = ", ".join(_title(series) for series in found[:8])
    raise InputError(f"series must be one of those in the folder ({names}), got {wanted!r}")


def _rank(series: DicomSeries) -> tuple[int, bool, float, str]:
    number = math.inf if series.number is None else series.number
    original = series.modality in ("MR", "CT") and not series.derived
    return -math.prod(series.shape or (0,)), not original, number, series.uid


def _title(series: DicomSeries) -> str:
    number = "?" if series.number is None else series.number
    return f"series {number} {series.description or '(no description)'}"


def _line(series: DicomSeries) -> str:
    line = f"{_title(series)}, {series.modality or 'no modality'}, {len(series.files)} files"
    if series.shape is None or series.spacing is None:
        return line
    shape = " x ".join(str(n) for n in series.shape)
    spacing = " x ".join(f"{s:.2f}" for s in series.spacing)
    return f"{line}, {series.orientation}, {shape} voxels of {spacing} mm"


def _verdict(series: DicomSeries, chosen: DicomSeries) -> str:
    if series == chosen:
        return "used"
    if series.problem is not None:
        return f"not used, {series.problem}"
    fewer = math.prod(series.shape or (0,)) < math.prod(chosen.shape or (0,))
    return "not used, fewer voxels" if fewer else "not used, another was chosen"
