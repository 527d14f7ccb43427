"""Severity bands: how rare a voxel's score is on healthy scans, in three steps with a colour each.

A calibrated score is -log10 of the share of healthy voxels that reach it (`maps/voxel_scale.py`),
so that a share is a threshold: 0.5 % is 2.3, 0.1 % is 3, 0.01 % is 4.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import matplotlib as mpl
import numpy as np
from numpy.typing import NDArray

__all__ = ["BANDS", "COLOUR_MAP", "Band", "severity", "write_colour_table"]

COLOUR_MAP = "inferno"  # perceptually uniform, and dark where a scan is dark
STEPS = 256


@dataclass(frozen=True)
class Band:
    """The voxels that at most a share of healthy voxels is like."""

    label: int  # in the label volume
    name: str
    rate: float  # share of healthy voxels that reach it
    colour: tuple[int, int, int]  # RGB, 0 to 255

    @property
    def threshold(self) -> float:
        """Lowest calibrated score."""
        return float(-np.log10(self.rate))


def _colour(place: float) -> tuple[int, int, int]:
    red, green, blue = (round(255 * part) for part in mpl.colormaps[COLOUR_MAP](place)[:3])
    return red, green, blue


BANDS = (
    Band(1, "unusual 0.5%", 5e-3, _colour(0.55)),
    Band(2, "rare 0.1%", 1e-3, _colour(0.72)),
    Band(3, "extreme 0.01%", 1e-4, _colour(0.92)),
)


def severity(anomaly_map: NDArray[np.float32]) -> NDArray[np.uint8]:
    """The highest band that each voxel reaches, 0 for none.

    Args:
        anomaly_map: calibrated scores, any shape.
    """
    return np.digitize(anomaly_map, [band.threshold for band in BANDS]).astype(np.uint8)


def write_colour_table(path: str | Path) -> None:
    """Write the colours of the float map as a colour table that 3D Slicer loads (.ctbl)."""
    lines = ["# monai_anogan anomaly map, research use only; columns: index name R G B A"]
    for step in range(STEPS):
        red, green, blue = _colour(step / (STEPS - 1))
        lines.append(f"{step} {step} {red} {green} {blue} 255")
    Path(path).write_text("\n".join(lines) + "\n", encoding="utf-8")
