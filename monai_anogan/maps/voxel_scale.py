"""How rare a voxel of the raw map is on healthy scans: the scale that gives a map its unit.

A raw residual of 0.4 means nothing by itself. With S(r) the healthy exceedance rate, the share of
voxels of a healthy scan whose raw score is r or more, averaged over scans,

    score(r) = -log10 S(r)

so that 3 is met or exceeded by one voxel in a thousand of a healthy scan, whatever the model, the
filter and the scanner. The scale is the same for every scan: a healthy scan looks quiet.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from monai_anogan.errors import AnoganError

__all__ = ["VoxelScale", "exceedance", "rate_grid"]

FEWEST_VOXELS = 50  # a rate counted on fewer voxels than this is not trusted: extrapolate instead


class VoxelScale:
    """The monotone map from raw scores to -log10 of the healthy exceedance rate.

    Attributes:
        levels_: (L,) raw scores, rising.
        scores_: (L,) calibrated scores there, rising from 0. Between them the scale is linear;
            beyond the last it goes on with the slope of the last tenfold drop, as an exponential
            tail would, so that no two raw scores become one.
    """

    levels_: NDArray[np.float64]
    scores_: NDArray[np.float64]

    def fit(self, levels: ArrayLike, rates: ArrayLike, *, voxels: float) -> Self:
        """Learn the scale from exceedance rates.

        Args:
            levels: (L,) raw scores, rising.
            rates: (n, L), the share of each healthy scan's voxels at or above each level; every
                scan weighs the same.
            voxels: of all scans together, which limits how small a rate can be counted.

        Raises:
            AnoganError: There are too few voxels to count any rate below one.
        """
        raw, mean = np.asarray(levels, float), np.asarray(rates, float).mean(axis=0)
        # A step of the curve is where the rate falls: equal rates would give one score twice.
        keep = (mean >= FEWEST_VOXELS / voxels) & (np.diff(mean, prepend=2.0) < 0)
        if keep.sum() < 3:
            raise AnoganError(
                f"a calibration must have more healthy voxels, got {voxels:.0f} with "
                f"{keep.sum()} different rates; give whole scans"
            )
        self.levels_, self.scores_ = raw[keep], -np.log10(mean[keep])
        return self

    @classmethod
    def of(cls, levels: ArrayLike, scores: ArrayLike) -> Self:
        """The scale through known points, (L,) and (L,), both rising."""
        scale = cls()
        scale.levels_, scale.scores_ = np.asarray(levels, float), np.asarray(scores, float)
        return scale

    def __call__(self, raw: ArrayLike) -> NDArray[np.float32]:
        """Calibrated scores of raw ones, any shape.

        Raises:
            AnoganError: The scale is not fitted.
        """
        if not hasattr(self, "levels_"):
            raise AnoganError("the calibration must be fitted before it scores; call fit first")
        values = np.asarray(raw, dtype=np.float64)
        inside = np.interp(values, self.levels_, self.scores_)
        beyond = np.maximum(values - self.levels_[-1], 0) * self._tail_slope()
        return (inside + beyond).astype(np.float32)

    def _tail_slope(self) -> float:
        """Score a unit of raw score gains over the last tenfold drop of the rate."""
        start = int(np.searchsorted(self.scores_, self.scores_[-1] - 1.0))
        start = min(start, len(self.scores_) - 2)
        rise = self.scores_[-1] - self.scores_[start]
        return float(rise / (self.levels_[-1] - self.levels_[start]))


def rate_grid(scans: Sequence[NDArray[np.float32]], count: int = 256) -> NDArray[np.float64]:
    """Raw scores at which exceedance rates are worth counting, densest in the tail.

    Args:
        scans: raw scores inside the mask of each scan, (V,).
        count: of levels, at most.
    """
    pooled = np.sort(np.concatenate(scans))
    rates = np.logspace(0, -np.log10(len(pooled)), count)
    return np.unique(pooled[np.ceil((1 - rates) * (len(pooled) - 1)).astype(int)]).astype(float)


def exceedance(values: NDArray[np.float32], levels: NDArray[np.float64]) -> NDArray[np.float64]:
    """The share of `values`, (V,), at or above each of `levels`, (L,)."""
    below = np.searchsorted(np.sort(values), levels.astype(values.dtype), side="left")
    return 1 - below / len(values)
