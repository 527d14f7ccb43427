"""Image planes: where each slice of a DICOM file lies in the patient, read from its header."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydicom.dataset import Dataset

__all__ = ["ImagePlane", "read_planes"]

# What may tell two images at one position apart: words for a person, then the DICOM keyword.
_VARIANTS = {
    "echo time": "EchoTime",
    "effective echo time": "EffectiveEchoTime",
    "image type": "ImageType",
    "frame type": "FrameType",
    "acquisition number": "AcquisitionNumber",
    "time point": "TemporalPositionIdentifier",
    "time point index": "TemporalPositionIndex",
    "trigger time": "TriggerTime",
    "b-value": "DiffusionBValue",
    "inversion time": "InversionTime",
}
_VARIANT_GROUPS = (
    "MREchoSequence",
    "MRDiffusionSequence",
    "FrameContentSequence",
    "MRImageFrameTypeSequence",
)


@dataclass(frozen=True)
class ImagePlane:
    """One slice: its place in the patient, and the frame of the file that holds it."""

    path: Path
    frame: int  # 0-based within the file
    sop_uid: str
    position: tuple[float, ...]  # (3,) LPS mm, centre of the first pixel
    orientation: tuple[float, ...]  # (6,) direction along a row, then along a column, LPS
    pixel_spacing: tuple[float, ...]  # (2,) mm between rows, between columns
    size: tuple[int, int]  # rows, columns
    rescale: tuple[float, float]  # slope, intercept: stored values -> scanner units
    variant: tuple[tuple[str, str], ...]  # e.g. (("echo time", "4.92"),)


def read_planes(dataset: Dataset, path: Path) -> tuple[ImagePlane, ...]:
    """Reads every plane of a classic (one) or enhanced multi-frame (many) image.

    Args:
        dataset: the header; pixel data is not needed.
        path: the file it came from, kept in each plane.

    Returns:
        The planes in the file's own frame order; none when a position, an orientation, a pixel
        spacing or a size is missing or is no finite number.
    """
    planes = []
    for frame, groups in enumerate(_frames(dataset)):
        plane = _plane(groups, dataset, path, frame)
        if plane is None:
            return ()
        planes.append(plane)
    return tuple(planes)


def _frames(dataset: Dataset) -> Iterator[list[Dataset]]:
    """The datasets that describe each frame, nearest first."""
    per_frame = dataset.get("PerFrameFunctionalGroupsSequence")
    if not per_frame:
        # A classic file is one frame; more without functional groups have no place of their own.
        if int(dataset.get("NumberOfFrames") or 1) == 1:
            yield [dataset]
        return
    shared = list(dataset.get("SharedFunctionalGroupsSequence") or [])[:1]
    for item in per_frame:
        yield [item, *shared, dataset]


def _plane(
    groups: Sequence[Dataset], dataset: Dataset, path: Path, frame: int
) -> ImagePlane | None:
    position = _numbers(_find(groups, "PlanePositionSequence", "ImagePositionPatient"), 3)
    orientation = _numbers(_find(groups, "PlaneOrientationSequence", "ImageOrientationPatient"), 6)
    spacing = _numbers(_find(groups, "PixelMeasuresSequence", "PixelSpacing"), 2)
    rows, columns = dataset.get("Rows"), dataset.get("Columns")
    if not (position and orientation and spacing and rows and columns) or min(spacing) <= 0:
        return None
    slope = _numbers(_find(groups, "PixelValueTransformationSequence", "RescaleSlope"), 1)
    intercept = _numbers(_find(groups, "PixelValueTransformationSequence", "RescaleIntercept"), 1)
    return ImagePlane(
        path=path,
        frame=frame,
        sop_uid=str(dataset.get("SOPInstanceUID", "")),
        position=position,
        orientation=orientation,
        pixel_spacing=spacing,
        size=(int(rows), int(columns)),
        rescale=(slope[0] if slope else 1.0, intercept[0] if intercept else 0.0),
        variant=_variant(groups),
    )


def _find(groups: Sequence[Dataset], sequence: str, keyword: str) -> Any:
    """The value from the nearest dataset that has it, in its functional group or plainly."""
    for group in groups:
        for item in [*(group.get(sequence) or [])[:1], group]:
            value = item.get(keyword)
            if value is not None:
                return value
    return None


def _numbers(value: Any, count: int) -> tuple[float, ...] | None:
    """`count` finite float64 numbers, or None when the value is anything else."""
    values = [value] if count == 1 and isinstance(value, (int, float, str)) else value
    try:
        numbers = tuple(float(v) for v in values)
    except (TypeError, ValueError):
        return None
    return numbers if len(numbers) == count and all(map(math.isfinite, numbers)) else None


def _variant(groups: Sequence[Dataset]) -> tuple[tuple[str, str], ...]:
    items = [i for g in groups for name in _VARIANT_GROUPS for i in (g.get(name) or [])[:1]]
    found = []
    for words, keyword in _VARIANTS.items():
        values = (item.get(keyword) for item in [*items, groups[-1]])
        value = next((v for v in values if v is not None), None)
        if value is not None:
            found.append((words, str(value)))
    return tuple(found)
