"""DICOM SR out: the measurements of each finding as a TID 1500 Measurement Report (PS3.16)."""

from __future__ import annotations

import os
from collections.abc import Sequence

import highdicom as hd
import numpy as np
from highdicom import sr
from numpy.typing import ArrayLike
from pydicom.dataset import Dataset
from pydicom.sr.codedict import codes
from pydicom.uid import ExplicitVRLittleEndian, generate_uid

from monai_anogan.maps import Findings
from monai_anogan.outputs.equipment import ALGORITHM, general_equipment
from monai_anogan.outputs.measurement_groups import MeasurementGroups
from monai_anogan.outputs.source_images import (
    carrying_over,
    read_source_images,
)

__all__ = ["write_measurement_report"]


def write_measurement_report(
    found: Findings,
    labels: ArrayLike,
    dicom_files: Sequence[str | os.PathLike[str]],
    path: str | os.PathLike[str],
    *,
    version: str,
    segmentation: Dataset | None = None,
    parametric_map: Dataset | None = None,
    dicom_frames: Sequence[int] | None = None,
    description: str = "Anomaly measurements (research use only)",
    model: str = "",
    series_number: int = 9103,
) -> sr.Comprehensive3DSR:
    """Writes the measurements of a case: one group for the scan, and one for each finding.

    A scan without findings has a report too, that says so. The numbers are those of
    `findings.json`, measured on the model's grid. A finding that has a segment is a volumetric
    region of interest (TID 1411); one without is a measurement group (TID 1501).

    Args:
        found: of the scan.
        labels: (I, J, K) on the source's grid, 0 or the label of a finding.
        dicom_files: the source series.
        path: the file to write, explicit VR little endian.
        version: version of this software.
        segmentation: whose segments the findings are.
        parametric_map: that the scores were measured on.
        dicom_frames: which of the files' frames are the source's slices, see `load_stack`.
        description: the series description, at most 64 characters.
        model: name and version of the model that made the map.
        series_number: number of the new series within the source's study.

    Returns:
        What was written.

    Raises:
        InputError: the source files can no longer be read as the volume they were.
    """
    with carrying_over():
        source = read_source_images(dicom_files, dicom_frames)
        writer = MeasurementGroups(source, np.asarray(labels), found, version, model)
        groups = [writer.scan()]
        groups += [writer.finding(one, segmentation, parametric_map) for one in found]
        content = sr.MeasurementReport(
            observation_context=_observer(version, model),
            procedure_reported=codes.SCT.ImagingProcedure,
            imaging_measurements=groups,
            title=codes.DCM.ImagingMeasurementReport,
            referenced_images=[_library_entry(header) for header in source.all_images],
        )
        _say_once(content[0])
        _separate(content[0])
        results = [result for result in (segmentation, parametric_map) if result is not None]
        report = sr.Comprehensive3DSR(
            evidence=[*source.all_images, *results],
            content=content,
            series_instance_uid=hd.UID(),
            series_number=series_number,
            sop_instance_uid=hd.UID(),
            instance_number=1,
            **general_equipment(version, model),
            is_complete=True,
            is_final=False,  # no person has looked at it
            is_verified=False,
            transfer_syntax_uid=ExplicitVRLittleEndian,
            series_description=description[:64],
        )
        report.save_as(path)
    return report


def _observer(version: str, model: str) -> sr.ObservationContext:
    """This software, a device (TID 1004)."""
    device = sr.DeviceObserverIdentifyingAttributes(
        uid=generate_uid(entropy_srcs=[ALGORITHM, version, model]),
        name=ALGORITHM,
        manufacturer_name=ALGORITHM,
        model_name=model[:64] or ALGORITHM,
    )
    context = sr.ObserverContext(
        observer_type=codes.DCM.Device, observer_identifying_attributes=device
    )
    return sr.ObservationContext(observer_device_context=context)


def _library_entry(header: Dataset) -> Dataset:
    """An image as highdicom's image library takes it, without descriptors of a cross-section.

    Those (TID 1604) are left out because an enhanced image has a position for each frame and none
    of its own, and because for hundreds of slices they take seconds and say what the images say.
    """
    entry = Dataset()
    for keyword in ("SOPClassUID", "SOPInstanceUID", "FrameOfReferenceUID", "Rows", "Columns"):
        setattr(entry, keyword, header[keyword].value)
    entry.Modality = ""  # by which highdicom tells a cross-section; the code is of the SOP class
    return entry


def _say_once(root: Dataset) -> None:
    """Moves the descriptors that all images share from each image to their group (TID 1600)."""
    (library,) = (
        item
        for item in root.ContentSequence
        if item.ConceptNameCodeSequence[0].CodeValue == codes.DCM.ImageLibrary.value
    )
    for group in library.ContentSequence:
        images = list(group.ContentSequence)
        group.ContentSequence = [*images[0].ContentSequence, *images]
        for image in images:
            del image.ContentSequence


def _separate(item: Dataset) -> None:
    """Makes every container a list of items (PS3.3 C.18.8): as running text it shows no names."""
    if item.ValueType == "CONTAINER":
        item.ContinuityOfContent = "SEPARATE"
    for child in item.get("ContentSequence") or []:
        _separate(child)
