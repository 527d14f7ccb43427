"""DICOM Parametric Map out: a float32 map whose every frame sits where its source slice sits."""

from __future__ import annotations

import os
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import highdicom as hd
import numpy as np
from highdicom.pm import ParametricMap, RealWorldValueMapping
from numpy.typing import ArrayLike, NDArray
from pydicom import config
from pydicom.dataset import Dataset
from pydicom.sr.codedict import codes
from pydicom.sr.coding import Code
from pydicom.uid import ExplicitVRLittleEndian

from monai_anogan.io import SliceStack, load_stack
from monai_anogan.outputs.source_header import read_source_header

__all__ = ["write_parametric_map"]

_SCORE = hd.sr.CodedConcept("anomaly_score", "99MONAIANOGAN", "Anomaly score")
_DISCLAIMER = "Higher is more abnormal. Research use only."


def write_parametric_map(
    volume: ArrayLike,
    dicom_files: Sequence[str | os.PathLike[str]],
    path: str | os.PathLike[str],
    *,
    version: str,
    dicom_frames: Sequence[int] | None = None,
    description: str = "Anomaly map (research use only)",
    model: str = "",
    anatomy: Code = codes.SCT.Brain,
    series_number: int = 9100,
) -> None:
    """Writes a map as a DICOM Parametric Map that refers to the source series.

    Args:
        volume: (I, J, K) on the source's grid, finite; stored as float32 without rescaling.
        dicom_files: the source series: all its slices, or its enhanced multi-frame file(s).
        path: the file to write, explicit VR little endian.
        version: version of this software.
        dicom_frames: which of the files' frames are the source's slices, counted through the files
            one after another; all of them by default.
        description: the series description, at most 64 characters.
        model: name and version of the model that made the map.
        anatomy: the region shown; some readers refuse a map that states none.
        series_number: number of the new series within the source's study.

    Raises:
        InputError: the source files can no longer be read as the volume they were.
        ValueError: the map has another shape than the source, or values that are not finite.
    """
    stack = load_stack([Path(file) for file in dicom_files], dicom_frames)
    array = np.asarray(volume, dtype=np.float32)
    if array.shape != stack.shape:
        raise ValueError(f"volume must have its source's shape {stack.shape}, got {array.shape}")
    if not np.isfinite(array).all():
        raise ValueError("volume must be finite, got NaN or infinity; fill them first")
    # Source decimals may be longer than DICOM allows; they are read and carried all the same.
    with config.disable_value_validation(), warnings.catch_warnings():
        warnings.filterwarnings("ignore", "The string .* is unlikely to represent")  # patient names
        source = _source(stack, array)
        parametric_map = ParametricMap(
            source_images=source.images,
            further_source_images=source.further_images,
            plane_positions=source.plane_positions,
            pixel_array=source.frames,
            series_instance_uid=hd.UID(),
            series_number=series_number,
            sop_instance_uid=hd.UID(),
            instance_number=1,
            manufacturer="monai_anogan",
            manufacturer_model_name=model[:64] or "monai_anogan",
            software_versions=version,
            device_serial_number="0",
            contains_recognizable_visual_features=False,
            real_world_value_mappings=[_score_mapping(array)],
            voi_lut_transformations=[_window(array)],
            content_label="ANOMALY_MAP",
            content_description=_DISCLAIMER,
            transfer_syntax_uid=ExplicitVRLittleEndian,
            series_description=description[:64],
        )
        _add_anatomy(parametric_map, anatomy)
        parametric_map.save_as(path)


@dataclass(frozen=True)
class _Source:
    """The source as highdicom wants it, and the map cut into frames to match."""

    images: list[Dataset]  # headers: every classic slice, or one enhanced multi-frame
    further_images: list[Dataset] | None  # more enhanced files of the same volume
    plane_positions: list[hd.PlanePositionSequence] | None  # None: those of `images`, in order
    frames: NDArray[np.float32]  # (frames, rows, columns)


def _source(stack: SliceStack, array: NDArray[np.float32]) -> _Source:
    frames = np.ascontiguousarray(array.transpose(2, 1, 0))
    paths = list(dict.fromkeys(plane.path for plane in stack.planes))
    headers = [read_source_header(path, stack.spacing[2]) for path in paths]
    if "PerFrameFunctionalGroupsSequence" not in headers[0]:
        for header in headers:  # equal up to rounding, and highdicom wants them equal
            header.ImageOrientationPatient = headers[0].ImageOrientationPatient
        return _Source(headers, None, None, frames)
    order = [plane.frame for plane in stack.planes]
    if len(headers) == 1 and sorted(order) == list(range(headers[0].NumberOfFrames)):
        # An enhanced file may keep its frames in any order.
        return _Source(headers, None, None, frames[np.argsort(order)])
    # highdicom takes all frames of one enhanced file: here they refer to slices by place alone.
    positions = [hd.PlanePositionSequence("PATIENT", plane.position) for plane in stack.planes]
    return _Source(headers[:1], headers[1:] or None, positions, frames)


def _score_mapping(array: NDArray[np.float32]) -> RealWorldValueMapping:
    """The stored value is the score."""
    return RealWorldValueMapping(
        lut_label="anomaly_score",
        lut_explanation=_DISCLAIMER,
        unit=codes.UCUM.NoUnits,
        value_range=(float(array.min()), float(array.max())),
        slope=1.0,
        intercept=0.0,
        quantity_definition=_SCORE,
    )


def _window(array: NDArray[np.float32]) -> hd.VOILUTTransformation:
    """A display range from zero to the highest scores."""
    top = max(float(np.percentile(array, 99.9)), 1e-3)
    return hd.VOILUTTransformation(
        window_center=top / 2,
        window_width=top,
        voi_lut_function="LINEAR_EXACT",  # the plain one may not be narrower than 1
    )


def _add_anatomy(parametric_map: ParametricMap, anatomy: Code) -> None:
    item = Dataset()
    item.AnatomicRegionSequence = [hd.sr.CodedConcept.from_code(anatomy)]
    item.FrameLaterality = "U"
    parametric_map.SharedFunctionalGroupsSequence[0].FrameAnatomySequence = [item]
