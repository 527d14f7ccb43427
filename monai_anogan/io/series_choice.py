"""Series choice: which of the series found is the one to work on, and saying so to a person."""

from __future__ import annotations

import math
from collections.abc import Sequence

from monai_anogan.errors import InputError
from monai_anogan.io.dicom_scan import DicomSeries

__all__ = ["choose_series", "describe", "series_key"]


def choose_series(found: Sequence[DicomSeries], wanted: str | None = None) -> DicomSeries:
    """Chooses the series to work on.

    Args:
        found: what `scan_dicom` found.
        wanted: a series UID, number or description, followed by "/1", "/2", ... for one of the
            volumes mixed in a series; by default the usable series with the most voxels, where
            original images go before derived ones and small numbers before large. A volume of a
            mixed series is never taken unless it is asked for.

    Raises:
        InputError: nothing usable, or `wanted` names no series, several, or an unusable one.
    """
    if not found:
        raise InputError("the folder must hold DICOM images, got none; give another folder")
    if wanted is not None:
        return _wanted(found, wanted)
    usable = [series for series in found if series.problem is None]
    whole = [series for series in usable if not series.part]
    if whole:
        return min(whole, key=_rank)
    if usable:
        raise InputError(
            f"one volume must be chosen where a series mixes several, got {_choices(usable)}; "
            f"say --series {series_key(usable[0])}, for example"
        )
    seen = "; ".join(f"{_title(s)}: {s.problem}" for s in found[:5])
    more = f"; and {len(found) - 5} more" if len(found) > 5 else ""
    cures = {series.cure for series in found}
    cure = cures.pop() if len(cures) == 1 else "give a complete MR, CT or PET series"
    raise InputError(
        f"one DICOM series must be a volume, got {len(found)} and none is usable ({seen}{more}); "
        f"{cure}"
    )


def series_key(series: DicomSeries) -> str:
    """The shortest name that `choose_series` takes for a series: "5", or "5/2" for a part."""
    name = series.uid if series.number is None else str(series.number)
    return f"{name}/{series.part}" if series.part else name


def describe(found: Sequence[DicomSeries], chosen: DicomSeries) -> str:
    """One line a series for a person: what it is, and why it is used or not."""
    return "\n".join(f"{_line(series)}: {_verdict(series, chosen)}" for series in found)


def _wanted(found: Sequence[DicomSeries], wanted: str) -> DicomSeries:
    matches = [series for series in found if wanted.strip().casefold() in _names(series)]
    usable = [series for series in matches if series.problem is None]
    if len(usable) == 1:
        return usable[0]
    if usable:
        raise InputError(
            f"series {wanted!r} must name one volume, got {len(usable)}: {_choices(usable)}; "
            f"say {usable[0].uid}{f'/{usable[0].part}' if usable[0].part else ''}, for example"
        )
    if matches:
        raise InputError(
            f"series {wanted!r} must be a volume, got {matches[0].problem}; {matches[0].cure}"
        )
    names = ", ".join(_title(series) for series in found[:8])
    more = f" and {len(found) - 8} more" if len(found) > 8 else ""
    raise InputError(f"series must be one of those in the folder ({names}{more}), got {wanted!r}")


def _names(series: DicomSeries) -> set[str]:
    names = {series.uid, str(series.number), series.description.casefold()}
    return names | {f"{name}/{series.part}" for name in names if series.part}


def _choices(series: Sequence[DicomSeries]) -> str:
    shown = ", ".join(
        f"{series_key(s)} {s.part_name or s.description} ({s.uid})" for s in series[:6]
    )
    return f"{shown}, and {len(series) - 6} more" if len(series) > 6 else shown


def _rank(series: DicomSeries) -> tuple[int, bool, float, str]:
    number = math.inf if series.number is None else series.number
    original = series.modality in ("MR", "CT") and not series.derived
    return -math.prod(series.shape or (0,)), not original, number, series.uid


def _title(series: DicomSeries) -> str:
    number = "?" if series.number is None else series_key(series)
    part = f", {series.part_name}" if series.part else ""
    return f"series {number} {series.description or '(no description)'}{part}"


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
    if series.part:
        return "not used unless asked for"
    fewer = math.prod(series.shape or (0,)) < math.prod(chosen.shape or (0,))
    return "not used, fewer voxels" if fewer else "not used, another was chosen"
