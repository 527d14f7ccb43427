"""The other hemisphere as a proposal for what a hole held: a brain laid over its own mirror image.

Healthy tissue of the other side, at the same place, is how enantiomorphic normalisation fills a
lesion (Nachev et al. 2008, NeuroImage 39).
"""

from __future__ import annotations

import numpy as np
import SimpleITK as sitk  # noqa: N813  # the name its users know
from numpy.typing import NDArray

__all__ = ["mirrored"]

NEARLY = 0.999  # of a voxel must be known after the turn


def mirrored(
    volume: NDArray[np.float32], brain: NDArray[np.bool_], hole: NDArray[np.bool_]
) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """Turn a brain into its mirror image, moved rigidly to where it fits the brain best.

    Args:
        volume: (R, A, S), the first axis from left to right, voxels of one size along all axes.
        brain: (R, A, S), where there is tissue.
        hole: (R, A, S), what may not be looked at, here and as a source.

    Returns:
        The mirror image (R, A, S), and where it shows tissue from outside the hole.
    """
    tissue = brain & ~hole
    fixed, moving = _image(volume), _image(volume[::-1])
    flipped = _image(tissue[::-1].astype(np.float32))
    turn = _fit(fixed, moving, _image(~hole), _image(~hole[::-1]), np.argwhere(brain).mean(0))
    image = sitk.Resample(moving, fixed, turn, sitk.sitkLinear, float(volume.min()))
    share = sitk.Resample(flipped, fixed, turn, sitk.sitkLinear, 0.0)
    return _array(image), _array(share) > NEARLY


def _fit(
    fixed: sitk.Image,
    moving: sitk.Image,
    seen: sitk.Image,
    seen_moving: sitk.Image,
    centre: NDArray[np.float64],
) -> sitk.Transform:
    """The rigid motion under which the mirror image fits best, by correlation."""
    motion = sitk.Euler3DTransform()
    motion.SetCenter(centre.tolist())
    motion.SetTranslation([fixed.GetSize()[0] - 1 - 2 * float(centre[0]), 0.0, 0.0])
    fit = sitk.ImageRegistrationMethod()
    fit.SetMetricAsCorrelation()
    fit.SetMetricFixedMask(seen)
    fit.SetMetricMovingMask(seen_moving)
    fit.SetInterpolator(sitk.sitkLinear)
    fit.SetOptimizerAsRegularStepGradientDescent(1.0, 1e-2, 50)
    fit.SetOptimizerScalesFromPhysicalShift()
    fit.SetShrinkFactorsPerLevel([4, 2])
    fit.SetSmoothingSigmasPerLevel([2, 1])
    fit.SetNumberOfThreads(1)  # sums in one order: the same scan gives the same fill
    fit.SetInitialTransform(motion, inPlace=True)
    fit.Execute(fixed, moving)
    return motion


def _image(volume: NDArray) -> sitk.Image:
    """A volume (R, A, S) as SimpleITK's, which takes the last axis first."""
    values = volume.astype(np.uint8) if volume.dtype == np.bool_ else volume
    return sitk.GetImageFromArray(np.ascontiguousarray(values.transpose(2, 1, 0)))


def _array(image: sitk.Image) -> NDArray[np.float32]:
    return sitk.GetArrayFromImage(image).transpose(2, 1, 0)
