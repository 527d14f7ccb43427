"""What is judged by numbers: maps at voxel and case level, the yardstick beside them, samples."""

from monai_anogan.metrics.case import case_auroc
from monai_anogan.metrics.sample_quality import diversity, sliced_wasserstein
from monai_anogan.metrics.voxel import VoxelMetrics, VoxelPool
from monai_anogan.metrics.yardstick import darker_than_usual

__all__ = [
    "VoxelMetrics",
    "VoxelPool",
    "case_auroc",
    "darker_than_usual",
    "diversity",
    "sliced_wasserstein",
]
