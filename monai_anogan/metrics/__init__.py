"""What is judged by numbers: maps at voxel and case level, the yardstick beside them, samples."""

from monai_anogan.metrics.case import case_auroc
from monai_anogan.metrics.froc import FALSE_FINDINGS, Froc
from monai_anogan.metrics.intervals import auroc_interval, binomial_interval
from monai_anogan.metrics.sample_quality import diversity, sliced_wasserstein
from monai_anogan.metrics.voxel import VoxelMetrics, VoxelPool
from monai_anogan.metrics.yardstick import darker_than_usual

__all__ = [
    "FALSE_FINDINGS",
    "Froc",
    "VoxelMetrics",
    "VoxelPool",
    "auroc_interval",
    "binomial_interval",
    "case_auroc",
    "darker_than_usual",
    "diversity",
    "sliced_wasserstein",
]
