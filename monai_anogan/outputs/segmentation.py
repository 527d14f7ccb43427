"""DICOM Segmentation out: one binary segment for each finding, on the source's slices."""

from __future__ import annotations

import os
from collections.abc import Sequence

import highdicom as hd
import matplotlib as mpl
import numpy as np
from highdicom.seg import Segmentation, SegmentDescription
from numpy.typing import ArrayLike
from pydicom.sr.codedict import codes
from pydicom.sr.coding import Code
from pydicom.uid import ExplicitVRLittleEndian

from monai_anogan.maps import Finding
from monai_anogan.outputs.anatomy import region_of
from monai_anogan.outputs.equipment import algorithm_sequence, general_equipment
from monai_anogan.outputs.source_images import carrying_over, read_source_images

__all__ = ["tracking_id", "write_segmentation"]

_COLOURS = mpl.colormaps["tab10"]  # told apart by most eyes; findings come by their p-value
_CATEGORY = codes.SCT.MorphologicallyAbnormalStructure


def write_segmentation(
    labels: ArrayLike,
    findings: Sequence[Finding],
    dicom_files: Sequence[str | os.PathLike[str]],
    path: str | os.PathLike[str],
    *,
    version: str,
    dicom_frames: Sequence[int] | None = None,
    description: str = "Anomaly findings (research use only)",
    model: str = "",
    series_number: int = 9102,
) -> Segmentation:
    """Writes findings as a DICOM Segmentation (PS3.3 A.51) that refers to the source series.

    A finding so small that it has no voxel on the source's grid becomes no segment: segments are
    numbered without gaps, and told by their tracking ids.

    Args:
        labels: (I, J, K) on the source's grid, 0 or the label of a finding.
        findings: those to write.
        dicom_files: the source series: all its slices, or its enhanced multi-frame file(s).
        path: the file to write, explicit VR little endian.
        version: version of this software.
        dicom_frames: which of the files' frames are the source's slices, see `load_stack`.
        description: the series description, at most 64 characters.
        model: name and version of the model that made the map.
        series_number: number of the new series within the source's study.

    Returns:
        What was written.

    Raises:
        InputError: the source files can no longer be read as the volume they were.
        ValueError: the labels have another shape than the source, or hold none of the findings; a
            Segmentation cannot be empty (PS3.3 C.8.20.2: one item or more).
    """
    volume = np.asarray(labels).astype(np.uint16)  # resampled ones may come as float
    shown = [finding for finding in findings if (volume == finding.label).any()]
    if not shown:
        raise ValueError("labels must hold a finding, got none; a Segmentation cannot be empty")
    with carrying_over():
        source = read_source_images(dicom_files, dicom_frames)
        if volume.shape != source.stack.shape:
            raise ValueError(
                f"labels must have their source's shape {source.stack.shape}, got {volume.shape}"
            )
        region = region_of(source.images[0])
        segmentation = Segmentation(
            source_images=source.images,
            further_source_images=source.further_images,
            plane_positions=source.plane_positions,
            pixel_array=source.frames(_numbered(volume, shown)),
            segmentation_type="BINARY",
            segment_descriptions=[
                _describe(number, finding, region, version, model)
                for number, finding in enumerate(shown, start=1)
            ],
            series_instance_uid=hd.UID(),
            series_number=series_number,
            sop_instance_uid=hd.UID(),
            instance_number=1,
            **general_equipment(version, model),
            content_label="FINDINGS",
            content_description="Regions unlike healthy scans. Research use only.",
            transfer_syntax_uid=ExplicitVRLittleEndian,
            series_description=description[:64],
        )
        segmentation.ContentCreatorName = None  # type 2: no person made it
        segmentation.save_as(path)
    return segmentation


def tracking_id(finding: Finding) -> str:
    """What a finding is called in every object of a case."""
    return f"Finding {finding.label}"


def _numbered(volume: np.ndarray, shown: Sequence[Finding]) -> np.ndarray:
    """Labels to segment numbers, 0 elsewhere."""
    numbers = np.zeros(max(int(volume.max()), *(f.label for f in shown)) + 1, np.uint16)
    for number, finding in enumerate(shown, start=1):
        numbers[finding.label] = number
    return numbers[volume]


def _describe(
    number: int, finding: Finding, region: Code, version: str, model: str
) -> SegmentDescription:
    red, green, blue = (round(255 * part) for part in _COLOURS((number - 1) % _COLOURS.N)[:3])
    described = SegmentDescription(
        segment_number=number,
        segment_label=tracking_id(finding),
        segmented_property_category=_CATEGORY,
        segmented_property_type=_CATEGORY,  # abnormal, and no model of ours knows what it is
        algorithm_type="AUTOMATIC",
        algorithm_identification=algorithm_sequence(version, model),
        tracking_uid=hd.UID(),
        tracking_id=tracking_id(finding),
        anatomic_regions=[region],
        display_color=hd.color.CIELabColor.from_rgb(red, green, blue),
    )
    described.SegmentDescription = (
        f"p {finding.p_value:.3g}, peak score {finding.peak:.1f}, {finding.volume_ml:.2f} ml. "
        "Research use only."
    )
    return described
