"""DICOM series scanner: every series below a folder, and which of them is a usable volume."""

from __future__ import annotations

import logging
import os
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from monai_anogan.errors import InputError
from monai_anogan.io.dicom_header import DicomHeader, read_header
from monai_anogan.io.slice_stack import SliceStack, find_stack_problem, stack_planes

__all__ = ["DicomSeries", "scan_dicom"]

_log = logging.getLogger(__name__)
_OBLIQUE = np.cos(np.radians(10.0))  # a normal further than this from an axis is called oblique


@dataclass(frozen=True)
class DicomSeries:
    """One series as found on disk."""

    uid: str
    study_uid: str
    modality: str
    description: str
    number: int | None
    files: tuple[Path, ...]  # slice order k = 0..K-1 if usable; one for enhanced multi-frame
    shape: tuple[int, int, int] | None  # I (columns), J (rows), K (slices)
    spacing: tuple[float, float, float] | None  # mm along i, j, k
    orientation: str  # "axial", "oblique sagittal", ...; "" when unknown
    problem: str | None  # None: a usable volume; else one clause that says why not
    derived: bool = False  # computed from other images rather than measured


def scan_dicom(folder: str | os.PathLike[str], *, recursive: bool = True) -> list[DicomSeries]:
    """Finds every DICOM series in a folder by its headers alone.

    Files that are not DICOM are skipped, and their number is logged.

    Args:
        folder: where to look.
        recursive: look in the folders below, too.

    Returns:
        All series, usable or not, by series number.

    Raises:
        InputError: the folder does not exist or is a file.
    """
    root = Path(folder)
    if not root.is_dir():
        raise InputError(f"a DICOM folder must exist, got {root}; give an existing folder")
    groups: defaultdict[tuple[str, str], list[DicomHeader]] = defaultdict(list)
    skipped = 0
    for path in _walk(root, recursive):
        header = read_header(path)
        if header is None:
            skipped += 1
        else:
            groups[header.study_uid, header.series_uid].append(header)
    _log.info("%d series found, %d files that are not DICOM skipped", len(groups), skipped)
    return sorted((_series(headers) for headers in groups.values()), key=_by_number)


def _walk(root: Path, recursive: bool) -> Iterator[Path]:
    for place, folders, names in os.walk(root):
        folders.sort()
        if not recursive:
            folders.clear()
        yield from (Path(place, name) for name in sorted(names))


def _by_number(series: DicomSeries) -> tuple[float, str]:
    return (float("inf") if series.number is None else series.number, series.uid)


def _series(headers: Sequence[DicomHeader]) -> DicomSeries:
    first = headers[0]
    planes = [plane for header in headers for plane in header.planes]
    problem = _header_problem(headers) or find_stack_problem(planes)
    stack = stack_planes(planes) if problem is None else None
    files = [plane.path for plane in stack.planes] if stack else [h.path for h in headers]
    return DicomSeries(
        uid=first.series_uid,
        study_uid=first.study_uid,
        modality=first.modality,
        description=first.description,
        number=first.number,
        files=tuple(dict.fromkeys(files)),
        shape=stack.shape if stack else None,
        spacing=stack.spacing if stack else None,
        orientation=_orientation(stack) if stack else "",
        problem=problem,
        derived="DERIVED" in first.image_type,
    )


def _header_problem(headers: Sequence[DicomHeader]) -> str | None:
    """What is wrong with single files; a clause about some of them names the first."""
    bad = [header for header in headers if header.problem]
    if bad:
        problem = str(bad[0].problem)
        if len(bad) == len(headers):
            plural = "slice" if len(headers) == 1 else "slices"
            return f"{problem}: {len(bad)} {plural}" if problem == "a localizer" else problem
        return f"{problem} in {len(bad)} of {len(headers)} files, first {bad[0].path.name}"
    if len({header.photometric for header in headers}) > 1:
        return "MONOCHROME1 and MONOCHROME2 slices mixed"
    return None


def _orientation(stack: SliceStack) -> str:
    step = np.abs(np.cross(stack.affine[:3, 0], stack.affine[:3, 1]))
    step /= np.linalg.norm(step)
    name = ("sagittal", "coronal", "axial")[int(step.argmax())]
    return name if step.max() > _OBLIQUE else f"oblique {name}"
