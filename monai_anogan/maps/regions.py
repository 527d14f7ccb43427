"""Connected regions above a threshold, and the one number that ranks them.

The number is the region's mass, the integral of the score over its volume, after the cluster mass
of Bullmore et al. 1999 (IEEE Transactions on Medical Imaging 18): it grows with the extent of a
region and with its height. Chosen on lesions painted on `val` scans, 15 of a kind: at alpha 0.0625
it finds 12 dark and 6 bright ones, the integral of what exceeds the threshold 11 and 5, the volume
12 and 6, the peak none.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

__all__ = ["region_masses"]

TOUCHING = np.ones((3, 3, 3))  # voxels that share a corner are one region


def region_masses(
    score: NDArray[np.float32], threshold: float, voxel_ml: float
) -> tuple[NDArray[np.int32], NDArray[np.float64]]:
    """Label the regions at or above a threshold and weigh them.

    Args:
        score: (D, H, W) calibrated scores, 0 outside the mask.
        threshold: lowest score of a region, above 0.
        voxel_ml: volume of a voxel in ml.

    Returns:
        Labels (D, H, W), 0 where there is no region, and masses (R,) in score times ml, that of
        label 1 first.
    """
    labels, count = ndimage.label(score >= threshold, structure=TOUCHING)
    masses = ndimage.sum_labels(score, labels, np.arange(1, count + 1))
    return labels.astype(np.int32), np.asarray(masses, dtype=np.float64) * voxel_ml
