"""Measurement groups: the numbers of a scan and of each finding, as TID 1500 wants them."""

from __future__ import annotations

from typing import Any

import highdicom as hd
import numpy as np
from highdicom import sr
from pydicom.dataset import Dataset
from pydicom.sr.codedict import codes
from pydicom.sr.coding import Code

from monai_anogan.maps import Finding, Findings
from monai_anogan.outputs import coded_terms as terms
from monai_anogan.outputs.anatomy import region_of
from monai_anogan.outputs.equipment import ALGORITHM
from monai_anogan.outputs.segmentation import tracking_id
from monai_anogan.outputs.source_images import SourceImages

__all__ = ["MeasurementGroups"]

_ABNORMAL = codes.SCT.MorphologicallyAbnormalStructure


class MeasurementGroups:
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
