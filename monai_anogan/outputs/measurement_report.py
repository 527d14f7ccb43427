"""DICOM SR out: the measurements of each finding as a TID 1500 Measurement Report (PS3.16)."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

import highdicom as hd
import numpy as np
from highdicom import sr
from numpy.typing import ArrayLike
from pydicom.dataset import Dataset
from pydicom.sr.codedict import codes
from pydicom.sr.coding import Code
from pydicom.uid import ExplicitVRLittleEndian, generate_uid

from monai_anogan.maps import Finding, Findings
from monai_anogan.outputs import coded_terms as terms
from monai_anogan.outputs.anatomy import region_of
from monai_anogan.outputs.equipment import ALGORITHM, general_equipment
from monai_anogan.outputs.segmentation import tracking_id
from monai_anogan.outputs.source_images import (
    SourceImages,
    carrying_over,
    read_source_images,
)

__all__ = ["write_measurement_report"]

_ABNORMAL = codes.SCT.MorphologicallyAbnormalStructure


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
        writer = _Groups(source, np.asarray(labels), found, version, model)
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


class _Groups:
    """Makes the measurement groups of one scan."""

    def __init__(
        self, source: SourceImages, labels: np.ndarray, found: Findings, version: str, model: str
    ) -> None:
        self.source, self.labels, self.found = source, labels, found
        self.version, self.model = version, model
        self.common = {
            "finding_sites": [sr.FindingSite(region_of(source.images[0]))],
            "qualitative_evaluations": [
                sr.QualitativeEvaluation(terms.INTENDED_USE, terms.RESEARCH_ONLY)
            ],
        }

    def scan(self) -> sr.MeasurementsAndQualitativeEvaluations:
        """How many findings there are, and what the whole scan's p-value is."""
        return sr.MeasurementsAndQualitativeEvaluations(
            tracking_identifier=sr.TrackingIdentifier(uid=hd.UID(), identifier="Scan"),
            measurements=[
                _number(terms.FINDINGS, len(self.found)),
                _number(terms.P_VALUE, self.found.p_value),
                _number(terms.THRESHOLD, self.found.threshold),
            ],
            algorithm_id=self._algorithm(f"alpha: {self.found.alpha:g}", self.found.statement),
            **self.common,
        )

    def finding(
        self, finding: Finding, segmentation: Dataset | None, parametric_map: Dataset | None
    ) -> sr.Template:
        """The group of one finding."""
        segments = segmentation.SegmentSequence if segmentation is not None else []
        mine = [item for item in segments if item.TrackingID == tracking_id(finding)]
        uid = mine[0].TrackingUID if mine else hd.UID()
        group = {
            "tracking_identifier": sr.TrackingIdentifier(uid, tracking_id(finding)),
            "finding_type": _ABNORMAL,
            "algorithm_id": self._algorithm(),
            "measurements": _measurements(finding, parametric_map),
            **self.common,
        }
        if segmentation is None or not mine:
            return sr.MeasurementsAndQualitativeEvaluations(**group)
        segment = sr.ReferencedSegment(
            sop_class_uid=segmentation.SOPClassUID,
            sop_instance_uid=segmentation.SOPInstanceUID,
            segment_number=mine[0].SegmentNumber,
            source_images=self._images_of(finding),
        )
        return sr.VolumetricROIMeasurementsAndQualitativeEvaluations(
            referenced_segment=segment, **group
        )

    def _algorithm(self, *parameters: str) -> sr.AlgorithmIdentification:
        """What measured (TID 4019)."""
        told = [*([f"model: {self.model}"] if self.model else []), *parameters]
        return sr.AlgorithmIdentification(ALGORITHM, self.version, parameters=told or None)

    def _images_of(self, finding: Finding) -> list[sr.SourceImageForSegmentation]:
        """The source images that a finding has voxels on."""
        slices = np.flatnonzero((self.labels == finding.label).any(axis=(0, 1)))
        frames: dict[tuple[str, str], list[int]] = {}
        for k in slices.tolist():
            header, frame = self.source.image_of(k)
            of_image = frames.setdefault((header.SOPClassUID, header.SOPInstanceUID), [])
            of_image += [frame] if frame is not None else []
        return [
            sr.SourceImageForSegmentation(*image, sorted(numbers) or None)
            for image, numbers in frames.items()
        ]


def _measurements(finding: Finding, parametric_map: Dataset | None) -> list[sr.Measurement]:
    """Numbers of a finding; positions in LPS mm, the patient's coordinates of DICOM."""
    x, y, z = finding.centroid_mm
    maps = None
    if parametric_map is not None:
        uids = (parametric_map.SOPClassUID, parametric_map.SOPInstanceUID)
        maps = [sr.SourceImageForMeasurement(*uids)]
    scores = [(codes.SCT.Maximum, finding.peak), (codes.SCT.Mean, finding.mean)]
    return [
        _number(codes.SCT.Volume, finding.volume_ml, terms.MILLILITRE),
        _number(
            codes.SCT.Diameter,
            finding.diameter_mm,
            codes.UCUM.Millimeter,
            derivation=codes.SCT.Maximum,
        ),
        *(
            _number(terms.SCORE, value, derivation=kind, referenced_images=maps)
            for kind, value in scores
        ),
        _number(terms.P_VALUE, finding.p_value),
        *(
            _number(axis, place, codes.UCUM.Millimeter)
            for axis, place in zip(terms.CENTROID, (-x, -y, z), strict=True)
        ),
    ]


def _number(
    name: sr.CodedConcept | Code, value: float, unit: Code = terms.UNITLESS, **how: Any
) -> sr.Measurement:
    """A measurement (TID 300) of six digits."""
    rounded = value if isinstance(value, int) else float(f"{value:.6g}")
    return sr.Measurement(name=name, value=rounded, unit=unit, **how)


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
