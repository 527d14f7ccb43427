"""How much healthy tissue stands out in a raw map, and a map turned down where that is too much.

A scan of another scanner, blurred or noisy, is unexplained all over: its folds then look like
another scan's lesions. A lesion is a small part of an organ, so a percentile of the raw map not too
high tells of the scan and hardly of what is in it. Where it is beyond what healthy scans have, the
map is turned down, never up: no scan becomes louder, and a healthy one stays as it is.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from monai.transforms import Transform
from numpy.typing import ArrayLike, NDArray

if TYPE_CHECKING:
    from monai_anogan.maps.calibration_file import CalibrationFile

__all__ = ["Background", "TurnDownd", "background"]

BEYOND = 3.0  # standard deviations above the mean of healthy scans
UPPER_QUARTILE = 75.0


def background(inside: ArrayLike) -> float:
    """The upper quartile of what a raw map holds in its organ, (N,); 0 where it holds nothing."""
    values = np.asarray(inside)
    return float(np.percentile(values, UPPER_QUARTILE)) if values.size else 0.0


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

    def turn_down(self, raw: ArrayLike, own: float) -> NDArray[np.float32]:
        """A raw map, (D, H, W), of background `own` multiplied by its gain."""
        return np.asarray(raw, np.float32) * np.float32(self.gain(own))


class TurnDownd(Transform):
    """Turn the raw map of a scan down whose background no healthy scan has.

    Args:
        calibration: with the backgrounds of healthy scans; None leaves every map as it is.
        map_key: the raw map, (1, D, H, W).
        background_key: its background, a float.
        gain_key: where goes what the map was multiplied by, 1 or less.
    """

    def __init__(
        self,
        calibration: CalibrationFile | None,
        map_key: str = "anomaly_map",
        background_key: str = "map_background",
        gain_key: str = "map_gain",
    ) -> None:
        self.calibration = calibration
        self.map_key, self.background_key, self.gain_key = map_key, background_key, gain_key

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        gain = 1.0
        if self.calibration is not None and self.calibration.fits:
            gain = self.calibration.calibration.background_.gain(data[self.background_key])
        return {**data, self.map_key: data[self.map_key] * gain, self.gain_key: gain}
