"""Image planes: where each slice of a DICOM file lies in the patient, read from its header."""

from __future__ import annotations

import math
import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydicom.dataset import Dataset
from pydicom.tag import Tag

from monai_anogan.io.plane_variant import VARIANT_TAGS, Fields, read_variant

__all__ = ["PLANE_TAGS", "ImagePlane", "read_planes"]

_SCALE_SLOPE = 0x2005100E  # of Philips, private creator "Philips MR Imaging DD 001"
_PHILIPS_GROUP = 0x2005140F  # the sequence that holds it in an enhanced file
_KEYWORDS = (
    "SOPInstanceUID",
    "ImagePositionPatient",
    "ImageOrientationPatient",
    "NumberOfFrames",
    "Rows",
    "Columns",
    "PixelSpacing",
    "RescaleIntercept",
    "RescaleSlope",
    "SharedFunctionalGroupsSequence",
    "PerFrameFunctionalGroupsSequence",
)
PLANE_TAGS = [*map(int, map(Tag, _KEYWORDS)), *VARIANT_TAGS, _SCALE_SLOPE]


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
    scale_slope: float | None  # Philips' own divisor, where there is one
    variant: tuple[tuple[str, str], ...]  # e.g. (("echo time", "4.92"),)


def read_planes(fields: Fields, path: Path) -> tuple[ImagePlane, ...]:
    """Reads every plane of a classic (one) or enhanced multi-frame (many) image.

    Args:
        fields: the header's values by keyword (by tag, where private).
        path: the file it came from, kept in each plane.

    Returns:
        The planes in the file's own frame order; none when a position, an orientation, a pixel
        spacing or a size is missing or is no finite number.
    """
    planes = []
    for frame, groups in enumerate(_frames(fields)):
        plane = _plane(groups, fields, path, frame)
        if plane is None:
            return ()
        planes.append(plane)
    return tuple(planes)


def _frames(fields: Fields) -> Iterator[list[Fields]]:
    """What describes each frame, nearest first."""
    per_frame = fields.get("PerFrameFunctionalGroupsSequence")
    if not per_frame:
        # A classic file is one frame; more without functional groups have no place of their own.
        if int(fields.get("NumberOfFrames") or 1) == 1:
            yield [fields]
        return
    shared = list(fields.get("SharedFunctionalGroupsSequence") or [])[:1]
    for item in per_frame:
        yield [item, *shared, fields]


def _plane(groups: Sequence[Fields], fields: Fields, path: Path, frame: int) -> ImagePlane | None:
    position = _numbers(_find(groups, "PlanePositionSequence", "ImagePositionPatient"), 3)
    orientation = _numbers(_find(groups, "PlaneOrientationSequence", "ImageOrientationPatient"), 6)
    spacing = _numbers(_find(groups, "PixelMeasuresSequence", "PixelSpacing"), 2)
    rows, columns = fields.get("Rows"), fields.get("Columns")
    if not (position and orientation and spacing and rows and columns) or min(spacing) <= 0:
        return None
    slope = _numbers(_find(groups, "PixelValueTransformationSequence", "RescaleSlope"), 1)
    intercept = _numbers(_find(groups, "PixelValueTransformationSequence", "RescaleIntercept"), 1)
    return ImagePlane(
        path=path,
        frame=frame,
        sop_uid=str(fields.get("SOPInstanceUID") or ""),
        position=position,
        orientation=orientation,
        pixel_spacing=spacing,
        size=(int(rows), int(columns)),
        rescale=(slope[0] if slope else 1.0, intercept[0] if intercept else 0.0),
        scale_slope=_scale_slope(groups),
        variant=read_variant(groups),
    )


def _find(groups: Sequence[Fields], sequence: str, keyword: str) -> Any:
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


def _scale_slope(groups: Sequence[Fields]) -> float | None:
    """Philips' own scale slope of a frame; None where there is none or it makes no sense."""
    for group in groups:
        if isinstance(group, Dataset):
            inner = [i[_SCALE_SLOPE] for i in _items(group, _PHILIPS_GROUP) if _SCALE_SLOPE in i]
            value = inner[0].value if inner else None
        else:
            value = group.get(_SCALE_SLOPE)
        if isinstance(value, bytes) and len(value) == 4:  # VR unknown, as in implicit files
            (value,) = struct.unpack("<f", value)
        slope = _numbers(value, 1)
        if slope and slope[0] > 0:
            return slope[0]
    return None


def _items(group: Dataset, tag: int) -> list[Dataset]:
    value: Any = group[tag].value if tag in group else None
    listed = isinstance(value, Sequence) and not isinstance(value, str | bytes)
    return [item for item in value if isinstance(item, Dataset)] if listed else []
