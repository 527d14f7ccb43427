"""DICOM Secondary Capture out: the map over each slice in colours, for viewers that know no other.

The images lie where their slices lie, so that a viewer can link them; but their pixels are colours,
not scores. For numbers there are the Parametric Map and the NIfTI file.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import highdicom as hd
import numpy as np
from numpy.typing import ArrayLike, NDArray
from pydicom.dataset import Dataset
from pydicom.sr.codedict import codes
from pydicom.uid import ExplicitVRLittleEndian
from pydicom.valuerep import format_number_as_ds

from monai_anogan.io import SliceStack, load_stack
from monai_anogan.outputs.equipment import general_equipment
from monai_anogan.outputs.overlay_image import SMALLEST, OverlayStyle, draw_overlay
from monai_anogan.outputs.source_header import read_source_header
from monai_anogan.outputs.source_images import carrying_over

__all__ = ["write_overlay_series"]

_DERIVATION = "Anomaly map blended over the slice. Research use only."


def write_overlay_series(
    volume: ArrayLike,
    scan: ArrayLike,
    dicom_files: Sequence[str | os.PathLike[str]],
    folder: str | os.PathLike[str],
    *,
    version: str,
    top: float = 1.0,
    dicom_frames: Sequence[int] | None = None,
    description: str = "Anomaly overlay (research use only)",
    model: str = "",
    series_number: int = 9101,
) -> list[Path]:
    """Writes a series of Secondary Capture images (PS3.3 A.8.1), one for each slice.

    Args:
        volume: (I, J, K) map on the source's grid.
        scan: (I, J, K) the source in scanner units.
        dicom_files: the source series.
        folder: created if absent.
        version: version of this software.
        top: the score that gets the brightest colour.
        dicom_frames: which of the files' frames are the source's slices, see `load_stack`.
        description: the series description, at most 64 characters.
        model: name and version of the model that made the map.
        series_number: number of the new series within the source's study.

    Returns:
        The files in slice order.

    Raises:
        InputError: the source files can no longer be read as the volume they were.
        ValueError: map and scan do not have the source's shape.
    """
    stack = load_stack([Path(file) for file in dicom_files], dicom_frames)
    scores, values = np.asarray(volume), np.asarray(scan)
    if not scores.shape == values.shape == stack.shape:
        raise ValueError(
            f"volume and scan must have their source's shape {stack.shape}, got {scores.shape} "
            f"and {values.shape}"
        )
    place, uid = Path(folder), hd.UID()
    place.mkdir(parents=True, exist_ok=True)
    paths = []
    with carrying_over():
        headers = {
            path: read_source_header(path, stack.spacing[2])
            for path in dict.fromkeys(plane.path for plane in stack.planes)
        }
        style = _style(headers[stack.planes[0].path], stack, values, top)
        for k, plane in enumerate(stack.planes):
            image = hd.sc.SCImage.from_ref_dataset(
                headers[plane.path],
                draw_overlay(values[:, :, k].T, scores[:, :, k].T, style),
                photometric_interpretation="RGB",
                bits_allocated=8,
                coordinate_system="PATIENT",
                patient_orientation=_sides(plane.orientation),
                series_instance_uid=uid,
                series_number=series_number,
                sop_instance_uid=hd.UID(),
                instance_number=k + 1,
                **general_equipment(version, model),
                series_description=description[:64],
                transfer_syntax_uid=ExplicitVRLittleEndian,
            )
            _place(image, headers[plane.path], stack, k, style.scale)
            paths.append(place / f"{k + 1:04d}.dcm")
            image.save_as(paths[-1])
    return paths


def _style(header: Dataset, stack: SliceStack, values: NDArray[Any], top: float) -> OverlayStyle:
    columns, rows, _ = stack.shape
    scale = max(1, -(-SMALLEST // min(rows, columns)))
    return OverlayStyle(_window(header, values), top, scale, bar=max(60, rows * scale // 4))


def _window(header: Dataset, values: NDArray[Any]) -> tuple[float, float]:
    """The source's own window; without one, from the 1st to the 99.5th percentile."""
    shared = header.get("SharedFunctionalGroupsSequence") or [Dataset()]
    per_frame = header.get("PerFrameFunctionalGroupsSequence") or [Dataset()]
    groups = (header, shared[0], per_frame[0])
    items = [
        item for group in groups for item in (group, *group.get("FrameVOILUTSequence", [])[:1])
    ]
    for item in items:
        centre, width = (_first(item.get(name)) for name in ("WindowCenter", "WindowWidth"))
        if centre is not None and width is not None and width > 1:
            return centre, width
    low, high = np.percentile(values, (1, 99.5))
    return float(low + high) / 2 + 0.5, float(high - low) + 1


def _first(value: Any) -> float | None:
    """The first of a value or a list of values; None for nothing."""
    if value is None or value == "":
        return None
    return float(value if isinstance(value, float | int | str) else value[0])


def _place(image: Dataset, header: Dataset, stack: SliceStack, k: int, scale: int) -> None:
    """Where the drawn pixels lie, and of which image they are."""
    plane = stack.planes[k]
    height, width = (spacing / scale for spacing in plane.pixel_spacing)
    row, column = np.asarray(plane.orientation).reshape(2, 3)
    shift = (1 - scale) / 2 * (width * row + height * column)  # to the centre of the first pixel
    image.ImagePositionPatient = _decimals(np.asarray(plane.position) + shift)
    image.ImageOrientationPatient = _decimals(plane.orientation)
    image.PixelSpacing = _decimals((height, width))
    image.SliceThickness = _decimals(stack.spacing[2:])[0]
    image.FrameOfReferenceUID = header.FrameOfReferenceUID
    image.PositionReferenceIndicator = image.Laterality = ""
    image.ConversionType = "WSD"  # workstation
    image.BurnedInAnnotation = "NO"  # none that tells who the patient is
    image.DerivationDescription = _DERIVATION
    reference = Dataset()
    reference.ReferencedSOPClassUID = header.SOPClassUID
    reference.ReferencedSOPInstanceUID = header.SOPInstanceUID
    if "PerFrameFunctionalGroupsSequence" in header:
        reference.ReferencedFrameNumber = plane.frame + 1
    purpose = hd.sr.CodedConcept.from_code(codes.DCM.SourceImageForImageProcessingOperation)
    reference.PurposeOfReferenceCodeSequence = [purpose]
    image.SourceImageSequence = [reference]


def _sides(orientation: Sequence[float]) -> tuple[str, str]:
    """The side of the patient that rows, and columns, run towards (PS3.3 C.7.6.1.1.1)."""
    row, column = np.asarray(orientation).reshape(2, 3)
    axes = (int(np.abs(row).argmax()), int(np.abs(column).argmax()))
    to_row, to_column = (
        ("LR", "PA", "HF")[axis][int(direction[axis] < 0)]
        for axis, direction in zip(axes, (row, column), strict=True)
    )
    return to_row, to_column


def _decimals(values: Sequence[float] | NDArray[np.float64]) -> list[str]:
    return [format_number_as_ds(float(value)) for value in values]
