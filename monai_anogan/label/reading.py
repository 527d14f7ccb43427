"""What the software made of one scan: the numbers that all answers to a reader are cut from."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Self

import nibabel as nib
import numpy as np
from nibabel.orientations import apply_orientation, io_orientation, ornt_transform
from numpy.typing import NDArray

from monai_anogan.errors import InputError
from monai_anogan.maps import Finding
from monai_anogan.pipeline import Detection

__all__ = ["Reading"]


@dataclass(frozen=True)
class Reading:
    """One scan; volumes are (I, J, K) on its own grid."""

    affine: NDArray[np.float64]  # (4, 4) voxel to RAS, mm
    anomaly_map: NDArray[np.float32]  # calibrated score, or raw without a calibration
    labels: NDArray[np.uint16]  # 0 or the label of a finding
    case_score: float  # higher is more abnormal
    findings: tuple[Finding, ...] | None  # by p-value; None without a calibration
    facts: dict[str, Any]  # what else a reader is told, as plain values

    @classmethod
    def of(cls, detection: Detection) -> Self:
        """The reading of a case that went through the pipeline."""
        found, heat = detection.findings, detection.anomaly_map[0].numpy().astype(np.float32)
        labels = (
            detection.labels[0].numpy() if detection.labels is not None else np.zeros_like(heat)
        )
        facts: dict[str, Any] = {"warnings": list(detection.warnings)}
        if found is not None:
            facts |= {
                "scan_p_value": found.p_value,
                "alpha": found.alpha,
                "threshold": found.threshold,
                "calibration": found.statement,
            }
        return cls(
            affine=detection.source.affine.numpy().astype(np.float64),
            anomaly_map=heat,
            labels=labels.astype(np.uint16),
            case_score=float(detection.case_score),
            findings=None if found is None else tuple(found),
            facts=facts,
        )

    def on_grid_of(self, image: str | Path) -> Reading:
        """The same numbers in the voxel order of a NIfTI file that shows the same scan.

        Raises:
            InputError: The file does not lie where the scan lies: a viewer would show the numbers
                in the wrong place.
        """
        shown = nib.load(image)
        turn = ornt_transform(io_orientation(self.affine), io_orientation(shown.affine))
        heat = apply_orientation(self.anomaly_map, turn)
        affine = self.affine @ nib.orientations.inv_ornt_aff(turn, self.anomaly_map.shape)
        if heat.shape != shown.shape or not np.allclose(affine, shown.affine, atol=1e-2):
            raise InputError(
                f"the viewer's copy of the scan must lie where its DICOM series lies, {image} has "
                f"shape {shown.shape} and not {heat.shape}, or another place; "
                "the series may have missing slices: look at it with anogan series"
            )
        labels = np.ascontiguousarray(apply_orientation(self.labels, turn))
        return replace(self, affine=affine, anomaly_map=np.ascontiguousarray(heat), labels=labels)
