"""What is judged by numbers: maps at voxel and case level, the yardstick beside them, samples."""

from monai_anogan.metrics.case import case_auroc
from monai_anogan.metrics.froc import FALSE_FINDINGS, Froc
from monai_anogan.metrics.intervals import auroc_interval, binomial_interval
from monai_anogan.metrics.operating_point import (
    OperatingPoint,
    operating_point,
    youden_threshold,
)
from monai_anogan.metrics.ranking import Ranking, ranking
from monai_anogan.metrics.sample_quality import diversity, sliced_wasserstein
from monai_anogan.metrics.voxel import VoxelMetrics, VoxelPool
from monai_anogan.metrics.yardstick import darker_than_usual

__all__ = [
    "FALSE_FINDINGS",
    "Froc",
    "OperatingPoint",
    "Ranking",
    "VoxelMetrics",
    "VoxelPool",
    "auroc_interval",
    "binomial_interval",
    "case_auroc",
    "darker_than_usual",
    "diversity",
    "operating_point",
    "ranking",
    "sliced_wasserstein",
    "youden_threshold",
]
