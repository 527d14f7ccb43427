"""How much healthy tissue stands out in a raw map, and a map turned down where that is too much.

A scan of another scanner, blurred or noisy, is unexplained all over: its folds then look like
another scan's lesions. A lesion is a small part of an organ, so the upper quartile of the raw map
tells of the scan and hardly of what is in it. Where it is beyond what healthy scans have, the map
is turned down, never up: no scan becomes louder, and a healthy one stays as it is.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from typing import TYPE_CHECKING, Any, Self

import numpy as np
import torch
from monai.transforms import Transform
from numpy.typing import ArrayLike, NDArray

if TYPE_CHECKING:
    from monai_anogan.maps.calibration_file import CalibrationFile

__all__ = ["Background", "TurnDownd", "background"]

BEYOND = 3.0  # standard deviations above the mean of healthy scans


def background(raw: ArrayLike, mask: ArrayLike) -> float:
    """The upper quartile of a raw map in its organ, both (D, H, W)."""
    return float(np.percentile(np.asarray(raw)[np.asarray(mask) > 0], 75))


class Background:
    """The backgrounds that healthy scans have.

    Attributes:
        limit_: the largest that is left as it is.
    """

    limit_: float

    def fit(self, backgrounds: ArrayLike) -> Self:
        """Learn from those of healthy scans, (n,), two or more."""
        known = np.asarray(backgrounds, dtype=np.float64)
        self.limit_ = float(known.mean() + BEYOND * known.std(ddof=1))
        return self

    @classmethod
    def of(cls, limit: float) -> Self:
        """With a known limit."""
        fitted = cls()
        fitted.limit_ = float(limit)
        return fitted

    def gain(self, own: float) -> float:
        """What a map of background `own` is to be multiplied by, 1 or less."""
        return 1.0 if own <= self.limit_ else self.limit_ / own

    def turn_down(self, raw: ArrayLike, mask: ArrayLike) -> NDArray[np.float32]:
        """A raw map, (D, H, W), multiplied by its gain."""
        return np.asarray(raw, np.float32) * np.float32(self.gain(background(raw, mask)))


class TurnDownd(Transform):
    """Turn the raw map of a scan down whose background no healthy scan has.

    Args:
        calibration: with the backgrounds of healthy scans; None leaves every map as it is.
        map_key: the raw map, (1, D, H, W).
        mask_key: the organ.
        gain_key: where goes what the map was multiplied by, 1 or less.
    """

    def __init__(
        self,
        calibration: CalibrationFile | None,
        map_key: str = "anomaly_map",
        mask_key: str = "mask",
        gain_key: str = "map_gain",
    ) -> None:
        self.calibration = calibration
        self.map_key, self.mask_key, self.gain_key = map_key, mask_key, gain_key

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        gain = 1.0
        if self.calibration is not None and self.calibration.fits:
            raw, mask = (torch.as_tensor(data[k])[0].cpu() for k in (self.map_key, self.mask_key))
            usual = self.calibration.calibration.background_
            gain = usual.gain(background(raw.numpy(), mask.numpy()))
        return {**data, self.map_key: data[self.map_key] * gain, self.gain_key: gain}
