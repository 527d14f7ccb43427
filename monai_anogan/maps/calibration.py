"""Numbers that mean something, learned from healthy scans that the model was never trained on.

Voxels: the scale of `VoxelScale`. Findings and scans: conformal p-values (Vovk, Gammerman and
Shafer 2005, "Algorithmic learning in a random world"; for outliers: Bates et al. 2023, Annals of
Statistics 51). With T_i the largest region mass of healthy scan i, a region of mass s gets

    p(s) = (1 + #{i : T_i >= s}) / (n + 1)

If a new healthy scan is exchangeable with the n ones, its largest region has p <= alpha with
probability alpha or less, for any n and any model: at most alpha of new healthy scans raise a
finding. A finding is the largest of a scan's regions or stands beside a larger one, so this covers
all findings of a scan together. Each T_i is measured with the voxel scale of the other scans
(cross-fitting): with its own it would look quieter than a new scan does. A map whose background no
healthy scan has is turned down before (see `Background`): the one that a calibration learns first.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from monai_anogan.errors import AnoganError
from monai_anogan.maps.background import Background, background
from monai_anogan.maps.regions import region_masses
from monai_anogan.maps.voxel_scale import VoxelScale, exceedance, rate_grid

__all__ = ["Calibration", "scans_needed"]

FEWEST_SCANS = 5  # below, the scale of voxels itself is a guess


class Calibration:
    """From raw maps to calibrated scores, a threshold and p-values; fitted on healthy scans.

    Args:
        voxel_rate: share of the voxels of healthy scans at or above the threshold.

    Attributes:
        background_: of raw maps, fitted on all scans.
        scale_: the scale of voxels, fitted on all scans.
        masses_: (n,) largest region mass of each healthy scan, score times ml, cross-fitted.
        rates_: (n,) share of each healthy scan's voxels above the threshold, cross-fitted: how well
            `voxel_rate` is kept on a scan that the scale has not seen.
    """

    background_: Background
    scale_: VoxelScale
    masses_: NDArray[np.float64]
    rates_: NDArray[np.float64]

    def __init__(self, voxel_rate: float = 1e-3) -> None:
        if not 0 < voxel_rate < 1:
            raise ValueError(f"voxel_rate must be between 0 and 1, got {voxel_rate}")
        self.voxel_rate = voxel_rate

    @property
    def threshold(self) -> float:
        """Lowest calibrated score of a region."""
        return float(-np.log10(self.voxel_rate))

    def fit(
        self,
        maps: Sequence[ArrayLike],
        masks: Sequence[ArrayLike],
        voxel_ml: float,
        backgrounds: ArrayLike | None = None,
    ) -> Self:
        """Learn from healthy scans that the model was not trained on.

        Args:
            maps: the raw map of each scan, (D, H, W), higher is more abnormal.
            masks: the organ in each, same shape; True inside.
            voxel_ml: volume of a voxel in ml, the same in all.
            backgrounds: (n,) of the maps; None takes the upper quartile of each.

        Raises:
            AnoganError: There are fewer than five scans, or too few voxels in them.
        """
        if len(maps) < FEWEST_SCANS:
            raise AnoganError(
                f"a calibration must have {FEWEST_SCANS} healthy scans or more, got {len(maps)}; "
                "the smallest p-value of n scans is 1 / (n + 1)"
            )
        organs = [np.asarray(m) > 0 for m in masks]
        if backgrounds is None:
            raws = [np.asarray(m) for m in maps]
            backgrounds = [background(m[o]) for m, o in zip(raws, organs, strict=True)]
        behind = np.asarray(backgrounds, float)
        self.background_ = Background().fit(behind)
        volumes = [self.background_.turn_down(m, own) for m, own in zip(maps, behind, strict=True)]
        inside = [v[o] for v, o in zip(volumes, organs, strict=True)]
        levels, sizes = rate_grid(inside), np.array([v.size for v in inside], float)
        rates = np.stack([exceedance(v, levels) for v in inside])
        self.scale_ = VoxelScale().fit(levels, rates, voxels=sizes.sum())
        self.masses_, self.rates_ = np.zeros(len(volumes)), np.zeros(len(volumes))
        for i, (raw, organ) in enumerate(zip(maps, organs, strict=True)):
            others = np.arange(len(volumes)) != i
            volume = Background().fit(behind[others]).turn_down(raw, behind[i])
            scale = VoxelScale().fit(levels, rates[others], voxels=sizes[others].sum())
            score = scale(volume) * organ
            masses = region_masses(score, self.threshold, voxel_ml)[1]
            self.masses_[i] = masses.max(initial=0.0)
            self.rates_[i] = (score[organ] >= self.threshold).mean()
        return self

    def score(self, raw: ArrayLike, mask: ArrayLike) -> NDArray[np.float32]:
        """The calibrated map: -log10 of the healthy exceedance rate, 0 outside the mask.

        Args:
            raw: (D, H, W) raw map, turned down by `background_` (see `TurnDownd`).
            mask: (D, H, W), True inside the organ.

        Raises:
            AnoganError: The calibration is not fitted.
        """
        self._check_fitted()
        return self.scale_(raw) * (np.asarray(mask) > 0)

    def p_values(self, masses: ArrayLike) -> NDArray[np.float64]:
        """Conformal p-values of regions by their masses, (R,); 1 / (n + 1) is the smallest.

        Raises:
            AnoganError: The calibration is not fitted.
        """
        self._check_fitted()
        own = np.asarray(masses, dtype=np.float64)
        as_heavy = (self.masses_ >= own[..., None]).sum(axis=-1)
        return (1 + as_heavy) / (len(self.masses_) + 1)

    def check_alpha(self, alpha: float) -> None:
        """Refuse a promise that so few healthy scans cannot keep with any finding at all.

        Raises:
            AnoganError: `alpha` is below the smallest p-value, or not between 0 and 1.
        """
        self._check_fitted()
        count = len(self.masses_)
        if not 0 < alpha < 1 or count < scans_needed(alpha):
            raise AnoganError(
                f"alpha must be from 1 / (n + 1) = {1 / (count + 1):.4f} for {count} healthy scans "
                f"to below 1, got {alpha:g}; calibrate on more healthy scans for a smaller one"
            )

    def statement(self, alpha: float) -> str:
        """What the numbers promise, in words for a reader of the results."""
        self._check_fitted()
        count = len(self.masses_)
        kept = np.floor(alpha * (count + 1)) / (count + 1)
        return (
            f"Calibrated on {count} healthy scans that the model was not trained on. A score of "
            f"{self.threshold:g} is met or exceeded by {self.voxel_rate:.2g} of the voxels of a "
            f"healthy scan ({self.rates_.mean():.2g} on scans left out one by one, "
            f"{self.rates_.max():.2g} on the worst). At most {kept:.3g} of new healthy scans "
            f"exchangeable with these raise a finding at alpha = {alpha:g}."
        )

    def state(self) -> dict[str, Any]:
        """Everything learned, as plain numbers."""
        self._check_fitted()
        return {
            "voxel_rate": self.voxel_rate,
            "background": self.background_.limit_,
            "levels": self.scale_.levels_.tolist(),
            "scores": self.scale_.scores_.tolist(),
            "masses": self.masses_.tolist(),
            "rates": self.rates_.tolist(),
        }

    @classmethod
    def from_state(cls, state: Mapping[str, Any]) -> Self:
        """A fitted calibration from its state."""
        fitted = cls(state["voxel_rate"])
        fitted.background_ = Background.of(state["background"])
        fitted.scale_ = VoxelScale.of(state["levels"], state["scores"])
        fitted.masses_, fitted.rates_ = np.array(state["masses"]), np.array(state["rates"])
        return fitted

    def _check_fitted(self) -> None:
        if not hasattr(self, "masses_"):
            raise AnoganError("the calibration must be fitted before it scores; call fit first")


def scans_needed(alpha: float) -> int:
    """Healthy scans of the smallest calibration that can promise `alpha`, above 0 and below 1.

    Raises:
        AnoganError: `alpha` is not.
    """
    if not 0 < alpha < 1:
        raise AnoganError(f"alpha must be above 0 and below 1, got {alpha:g}")
    count = FEWEST_SCANS
    while 1 / (count + 1) > alpha:
        count += 1
    return count
