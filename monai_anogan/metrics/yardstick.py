"""The trivial method that every result is shown beside: dark voxels of the brain are suspicious.

Plain intensity often beats published generative methods (Meissen et al. 2021, "Challenging current
semi-supervised anomaly segmentation methods for brain MRI", arXiv:2109.06023), so a method that
does not beat it clearly has shown nothing. With x the intensity and p the percentiles inside the
mask M:

    y = clip((x - p_0.5) / (p_99.5 - p_0.5), 0, 1)
    score = median over 5x5 voxels of the axial slice of (1 - y inside M, 0 outside)

The zero outside keeps the rim of dark fluid at the surface of the brain from being called a lesion.
Measured on 2 mm T1, given true brain masks, on 15 + 15 semi-synthetic cases: infarcts AP 0.416,
AUROC 0.947, best Dice 0.599; multiple sclerosis AP 0.004. A median over 5x5x5 voxels does better
(AP 0.60 on the infarcts): the 5x5 one is the plain yardstick, not the best that intensity can do.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import ndimage

from monai_anogan.errors import InputError

__all__ = ["darker_than_usual"]


def darker_than_usual(
    image: ArrayLike,
    mask: ArrayLike,
    *,
    percentiles: tuple[float, float] = (0.5, 99.5),
    size: tuple[int, int, int] = (5, 5, 1),
) -> NDArray[np.float32]:
    """Score each voxel by how dark it is for this brain.

    Args:
        image: (I, J, K) volume in RAS, at 2 mm for the numbers above, in any unit.
        mask: (I, J, K); True (or above zero) inside the brain.
        percentiles: of the intensities inside the mask, the darkest and the brightest that count.
        size: extent in voxels of the median filter along I, J, K; (1, 1, 1) for none.

    Returns:
        (I, J, K) scores in [0, 1], 0 outside the mask.

    Raises:
        InputError: The grids differ, the mask is empty, or the brain has no contrast.
    """
    volume, inside = np.asarray(image, dtype=np.float32), np.asarray(mask) > 0
    if volume.shape != inside.shape:
        raise InputError(
            f"image and mask must be on one grid, got {volume.shape} and {inside.shape}; "
            "resample one of them"
        )
    if not inside.any():
        raise InputError("the mask must hold voxels, got an empty one; is this the organ?")
    low, high = np.percentile(volume[inside], percentiles)
    if not high > low:
        raise InputError(f"the brain must have contrast, got {low:g} almost everywhere")
    brightness = np.clip((volume - low) / (high - low), 0, 1)
    darkness = np.where(inside, 1 - brightness, 0).astype(np.float32)
    return np.where(inside, ndimage.median_filter(darkness, size=size), np.float32(0))
