"""From residuals to the anomaly map and the score of a scan."""

from monai_anogan.maps.deviation import DeviationMapd
from monai_anogan.maps.residual import CaseScored, ResidualMapd, case_score
from monai_anogan.maps.usual import UsualResidual

__all__ = ["CaseScored", "DeviationMapd", "ResidualMapd", "UsualResidual", "case_score"]
