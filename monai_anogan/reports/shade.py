"""The one scale a map is shown in: unit and colours, never fitted to a case."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

__all__ = ["Shade"]

BEGIN = 2 / 3  # of the threshold: from here on a calibrated score is painted
TWICE = 2.0  # thresholds: the brightest colour


@dataclass(frozen=True)
class Shade:
    """How scores become colours, the same for every case of a model."""

    unit: str  # what the colour bar says
    vmax: float  # score that gets the brightest colour
    visible: tuple[float, float]  # scores: below the first nothing is painted, above the second all
    threshold: float | None = None  # score that outlines are drawn at, if any

    def __post_init__(self) -> None:
        if not self.vmax > 0:
            raise ValueError(f"vmax must be above zero, got {self.vmax}")

    @classmethod
    def calibrated(cls, threshold: float) -> Self:
        """For -log10 of the healthy exceedance rate: 3 is one voxel in a thousand."""
        unit = "Anomaly score: -log10 of the share of healthy voxels that reach it"
        return cls(unit, TWICE * threshold, (BEGIN * threshold, threshold), threshold)

    @classmethod
    def raw(cls, vmax: float) -> Self:
        """For the map of a model that is not calibrated."""
        unit = "Anomaly score: raw, not calibrated"
        return cls(unit, vmax, (0.08 * vmax, 0.45 * vmax))
