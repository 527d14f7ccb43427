"""From residuals to the anomaly map, its calibrated score, findings, and the score of a scan."""

from monai_anogan.maps.calibration import Calibration
from monai_anogan.maps.findings import Finding, Findings, find
from monai_anogan.maps.residual import CaseScored, ResidualMapd, case_score
from monai_anogan.maps.voxel_scale import VoxelScale

__all__ = [
    "Calibration",
    "CaseScored",
    "Finding",
    "Findings",
    "ResidualMapd",
    "VoxelScale",
    "case_score",
    "find",
]
