"""DICOM Parametric Map out: a float32 map whose every frame sits where its source slice sits."""

from __future__ import annotations

import os
from collections.abc import Sequence

import highdicom as hd
import numpy as np
from highdicom.pm import ParametricMap, RealWorldValueMapping
from numpy.typing import ArrayLike, NDArray
from pydicom.dataset import Dataset
from pydicom.sr.codedict import codes
from pydicom.sr.coding import Code
from pydicom.uid import ExplicitVRLittleEndian

from monai_anogan.outputs.anatomy import region_of
from monai_anogan.outputs.coded_terms import METHOD, RAW, SCORE, UNITLESS
from monai_anogan.outputs.equipment import general_equipment
from monai_anogan.outputs.frame_order import FrameOrder, order_frames
from monai_anogan.outputs.source_images import carrying_over, read_source_images

__all__ = ["write_parametric_map"]

_DISCLAIMER = "Higher is more abnormal. Research use only."


def write_parametric_map(
    volume: ArrayLike,
    dicom_files: Sequence[str | os.PathLike[str]],
    path: str | os.PathLike[str],
    *,
    version: str,
    calibrated: bool = False,
    top: float = 1.0,
    frame_order: FrameOrder = FrameOrder.descending,
    dicom_frames: Sequence[int] | None = None,
    description: str = "Anomaly map (research use only)",
    model: str = "",
    series_number: int = 9100,
) -> ParametricMap:
    """Writes a map as a DICOM Parametric Map (PS3.3 A.75) that refers to the source series.

    Args:
        volume: (I, J, K) on the source's grid, finite; stored as float32 without rescaling.
        dicom_files: the source series: all its slices, or its enhanced multi-frame file(s).
        path: the file to write, explicit VR little endian.
        version: version of this software.
        calibrated: whether values are -log10 of the healthy exceedance rate, or raw.
        top: the score at the upper end of the display range, the same for every case of a model.
        frame_order: which end the frames begin at.
        dicom_frames: which of the files' frames are the source's slices, counted through the files
            one after another; all of them by default.
        description: the series description, at most 64 characters.
        model: name and version of the model that made the map.
        series_number: number of the new series within the source's study.

    Returns:
        What was written.

    Raises:
        InputError: the source files can no longer be read as the volume they were.
        ValueError: the map has another shape than the source, or values that are not finite.
    """
    with carrying_over():
        source = read_source_images(dicom_files, dicom_frames)
        array = _checked(volume, source.stack.shape)
        parametric_map = ParametricMap(
            source_images=source.images,
            further_source_images=source.further_images,
            plane_positions=source.plane_positions,
            pixel_array=source.frames(array),
            series_instance_uid=hd.UID(),
            series_number=series_number,
            sop_instance_uid=hd.UID(),
            instance_number=1,
            **general_equipment(version, model),
            contains_recognizable_visual_features=False,
            real_world_value_mappings=[_score_mapping(array, calibrated)],
            voi_lut_transformations=[_window(top)],
            content_label="ANOMALY_MAP",
            content_description=_DISCLAIMER,
            derivation=METHOD,
            transfer_syntax_uid=ExplicitVRLittleEndian,
            series_description=description[:64],
        )
        _add_anatomy(parametric_map, region_of(source.images[0]))
        parametric_map.ContentCreatorName = None  # type 2: no person made it
        order_frames(parametric_map, frame_order)
        parametric_map.save_as(path)
    return parametric_map


def _checked(volume: ArrayLike, shape: tuple[int, ...]) -> NDArray[np.float32]:
    array = np.asarray(volume, dtype=np.float32)
    if array.shape != shape:
        raise ValueError(f"volume must have its source's shape {shape}, got {array.shape}")
    if not np.isfinite(array).all():
        raise ValueError("volume must be finite, got NaN or infinity; fill them first")
    return array


def _score_mapping(array: NDArray[np.float32], calibrated: bool) -> RealWorldValueMapping:
    """The stored value is the score; says what it is and how it was got (PS3.3 C.7.6.16.2.11)."""
    mapping = RealWorldValueMapping(
        lut_label="anomaly_score" if calibrated else "anomaly_raw",
        lut_explanation=_DISCLAIMER,
        unit=UNITLESS,
        value_range=(float(array.min()), float(array.max())),
        slope=1.0,
        intercept=0.0,
        quantity_definition=SCORE if calibrated else RAW,
    )
    method = hd.sr.CodeContentItem(name=codes.SCT.MeasurementMethod, value=METHOD)
    mapping.QuantityDefinitionSequence.append(method)
    return mapping


def _window(top: float) -> hd.VOILUTTransformation:
    """A display range from zero; fitted to a case, it would paint the noise of healthy ones red."""
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
