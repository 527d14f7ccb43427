"""From residuals to the anomaly map and the score of a scan."""

from monai_anogan.maps.residual import CaseScored, ResidualMapd, case_score

__all__ = ["CaseScored", "ResidualMapd", "case_score"]
