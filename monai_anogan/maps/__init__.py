"""From residuals to the anomaly map, its calibrated score, findings, and the score of a scan."""

from monai_anogan.maps.appearance import Appearance, measure
from monai_anogan.maps.background import Background, TurnDownd, background
from monai_anogan.maps.calibrated import UNLIKE, Calibrated, CheckDomaind, appearance_of
from monai_anogan.maps.calibration import Calibration, scans_needed
from monai_anogan.maps.calibration_file import CalibrationFile, load_calibration, weights_digest
from monai_anogan.maps.comparison import Comparison, load_comparison
from monai_anogan.maps.comparison_map import ComparisonMapd
from monai_anogan.maps.domain import Domain, Verdict
from monai_anogan.maps.findings import Finding, Findings, find
from monai_anogan.maps.heal import Heal, load_heal
from monai_anogan.maps.residual import CaseScored, ResidualMapd, case_score
from monai_anogan.maps.scale_features import context_features, scale_features
from monai_anogan.maps.second_opinion import (
    SecondOpinion,
    in_own_spreads,
    load_second_opinion,
)
from monai_anogan.maps.two_looks import Perceptron, TwoLooks
from monai_anogan.maps.voxel_scale import VoxelScale
from monai_anogan.maps.wide_look import WideLook, load_wide_look, see_wide

__all__ = [
    "UNLIKE",
    "Appearance",
    "Background",
    "Calibrated",
    "Calibration",
    "CalibrationFile",
    "CaseScored",
    "CheckDomaind",
    "Comparison",
    "ComparisonMapd",
    "Domain",
    "Finding",
    "Findings",
    "Heal",
    "Perceptron",
    "ResidualMapd",
    "SecondOpinion",
    "TurnDownd",
    "TwoLooks",
    "Verdict",
    "VoxelScale",
    "WideLook",
    "appearance_of",
    "background",
    "case_score",
    "context_features",
    "find",
    "in_own_spreads",
    "load_calibration",
    "load_comparison",
    "load_heal",
    "load_second_opinion",
    "load_wide_look",
    "measure",
    "scale_features",
    "scans_needed",
    "see_wide",
    "weights_digest",
]
