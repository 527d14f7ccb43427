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
from monai_anogan.io.dicom_file import is_dicom_file
from monai_anogan.io.dicom_header import DicomHeader, read_header
from monai_anogan.io.image_plane import ImagePlane
from monai_anogan.io.mixed_series import drop_copies, split_parts
from monai_anogan.io.refusal import COPY_AGAIN, Refusal
from monai_anogan.io.slice_checks import find_stack_refusal
from monai_anogan.io.slice_stack import SliceStack, stack_planes

__all__ = ["DicomSeries", "count_others", "scan_dicom"]

_log = logging.getLogger(__name__)
_OBLIQUE = np.cos(np.radians(10.0))  # a normal further than this from an axis is called oblique
_PHASE = {"P", "PHASE"}  # values 3 and later of Image Type and Frame Type, and the component


@dataclass(frozen=True)
class DicomSeries:
    """One series as found on disk, or one of the volumes mixed in it."""

    uid: str
    study_uid: str
    modality: str
    description: str
    number: int | None
    slices: int  # K, or how many images there are
    files: tuple[Path, ...]  # slice order k = 0..K-1 if usable; one for enhanced multi-frame
    frames: tuple[int, ...]  # of slice k if usable, counted through the files one after another
    shape: tuple[int, int, int] | None  # I (columns), J (rows), K (slices)
    spacing: tuple[float, float, float] | None  # mm along i, j, k
    orientation: str  # "axial", "oblique sagittal", ...; "" when unknown
    problem: str | None  # None: a usable volume; else one clause that says why not
    cure: str = ""  # what a person can do about the problem
    derived: bool = False  # computed from other images rather than measured
    part: int = 0  # 1, 2, ... among the volumes mixed in the series; 0: the series is one
    part_name: str = ""  # what tells it from the others: "echo time 20"


def scan_dicom(folder: str | os.PathLike[str], *, recursive: bool = True) -> list[DicomSeries]:
    """Finds every DICOM series in a folder by its headers alone.

    Files that are not DICOM are skipped, and their number is logged.

    Args:
        folder: where to look.
        recursive: look in the folders below, too.

    Returns:
        All series, usable or not, by series number; one entry for each volume of a mixed one.

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
        if header is None or not header.series_uid:
            skipped += 1
        else:
            groups[header.study_uid, header.series_uid].append(header)
    _log.info("%d series found, %d files that are not DICOM skipped", len(groups), skipped)
    found = [series for headers in groups.values() for series in _parts(drop_copies(headers))]
    return sorted(found, key=_by_number)


def count_others(folder: str | os.PathLike[str]) -> tuple[int, list[Path]]:
    """The files that belong to no series: how many are not DICOM, and which seem to be broken."""
    others = [p for p in _walk(Path(folder), True) if not (h := read_header(p)) or not h.series_uid]
    broken = [path for path in others if read_header(path) is None and is_dicom_file(path)]
    return len(others) - len(broken), broken


def _walk(root: Path, recursive: bool) -> Iterator[Path]:
    for place, folders, names in os.walk(root):
        folders.sort()
        if not recursive:
            folders.clear()
        yield from (Path(place, name) for name in sorted(names))


def _by_number(series: DicomSeries) -> tuple[float, str, int]:
    return (float("inf") if series.number is None else series.number, series.uid, series.part)


def _parts(headers: Sequence[DicomHeader]) -> list[DicomSeries]:
    """The volumes mixed in a series; one that cannot be told from the rest makes it one."""
    if not all(header.planes for header in headers):
        return [_series(headers, [p for h in headers for p in h.planes])]
    parts = split_parts([plane for header in headers for plane in header.planes])
    if len(parts) == 1:
        return [_series(headers, next(iter(parts.values())))]
    owners = {header.path: header for header in headers}
    return [
        _series([owners[path] for path in dict.fromkeys(p.path for p in planes)], planes, k, name)
        for k, (name, planes) in enumerate(parts.items(), start=1)
    ]


def _series(
    headers: Sequence[DicomHeader], planes: Sequence[ImagePlane], part: int = 0, name: str = ""
) -> DicomSeries:
    first = headers[0]
    refusal = _header_refusal(headers) or find_stack_refusal(planes) or _phase(planes)
    stack = stack_planes(planes) if refusal is None else None
    paths = [plane.path for plane in stack.planes] if stack else [h.path for h in headers]
    files = tuple(dict.fromkeys(paths))
    return DicomSeries(
        uid=first.series_uid,
        study_uid=first.study_uid,
        modality=first.modality,
        description=first.description,
        number=first.number,
        slices=len(planes) or len(headers),
        files=files,
        frames=_frames(headers, files, stack) if stack else (),
        shape=stack.shape if stack else None,
        spacing=stack.spacing if stack else None,
        orientation=_orientation(stack) if stack else "",
        problem=refusal.problem if refusal else None,
        cure=refusal.cure if refusal else "",
        derived="DERIVED" in first.image_type,
        part=part,
        part_name=name,
    )


def _frames(
    headers: Sequence[DicomHeader], files: Sequence[Path], stack: SliceStack
) -> tuple[int, ...]:
    counts = {header.path: len(header.planes) for header in headers}
    begins, total = {}, 0
    for path in files:
        begins[path] = total
        total += counts[path]
    return tuple(begins[plane.path] + plane.frame for plane in stack.planes)


def _header_refusal(headers: Sequence[DicomHeader]) -> Refusal | None:
    """What is wrong with single files; a clause about some of them names the first."""
    bad = [header for header in headers if header.refusal]
    if bad and bad[0].refusal:
        problem, cure = bad[0].refusal.problem, bad[0].refusal.cure
        if len(bad) < len(headers):
            some = f"{problem} in {len(bad)} of {len(headers)} files, first {bad[0].path.name}"
            return Refusal(some, cure)
        plural = "slice" if len(headers) == 1 else "slices"
        localizer = f"{problem}: {len(bad)} {plural}" if problem == "a localizer" else problem
        return Refusal(localizer, cure)
    if len({header.photometric for header in headers}) > 1:
        return Refusal("MONOCHROME1 and MONOCHROME2 slices mixed", COPY_AGAIN)
    if len({header.frame_of_reference for header in headers}) > 1:
        return Refusal("slices of different frames of reference", "give one of them")
    return None


def _phase(planes: Sequence[ImagePlane]) -> Refusal | None:
    for plane in planes:
        variant = dict(plane.variant)
        types = (variant.get(name, "").upper().split("\\") for name in ("image type", "frame type"))
        words = {word for values in types for word in values[2:]}
        if _PHASE & {*words, variant.get("component", "").upper()}:
            return Refusal("a phase image (field map), not anatomy", "choose another series")
    return None


def _orientation(stack: SliceStack) -> str:
    step = np.abs(np.cross(stack.affine[:3, 0], stack.affine[:3, 1]))
    step /= np.linalg.norm(step)
    name = ("sagittal", "coronal", "axial")[int(step.argmax())]
    return name if step.max() > _OBLIQUE else f"oblique {name}"
