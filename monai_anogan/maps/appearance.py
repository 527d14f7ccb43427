"""What can be measured of any scan, healthy or not, to tell whether it is of the kind one knows.

Medians, deciles and coarse averages: a lesion moves them little, another contrast, organ,
resolution or orientation moves them far.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from nibabel.affines import voxel_sizes
from numpy.typing import NDArray
from scipy import ndimage

__all__ = ["Appearance", "measure"]

GRID = 12  # cells of a thumbnail along each axis
DECILES = (10, 25, 50, 75, 90)
FOREGROUND = 0.05  # of the 99th percentile of the source; air lies below


@dataclass(frozen=True)
class Appearance:
    """One scan as a few numbers and a thumbnail."""

    measures: dict[str, float]  # by name; what they are is said in `domain.KNOWN`
    thumbnail: NDArray[np.float32]  # (12, 12, 12) mean grey in [-1, 1] of the cells of its box
    cover: NDArray[np.float32]  # (12, 12, 12) share of each cell that is organ


def measure(
    image: NDArray[np.float32],
    mask: NDArray[np.bool_],
    raw: NDArray[np.float32],
    affine: NDArray[np.float64],
    source: NDArray[np.float32],
    source_affine: NDArray[np.float64],
) -> Appearance:
    """Measure a scan.

    Args:
        image: (D, H, W) in RAS and network space, [-1, 1].
        mask: (D, H, W), the organ.
        raw: (D, H, W) raw anomaly map.
        affine: (4, 4) voxel to RAS, mm, of these three.
        source: (I, J, K) the scan as it came, scanner units.
        source_affine: (4, 4) its own.
    """
    spacing = voxel_sizes(affine)
    box = ndimage.find_objects(mask.astype(np.uint8))[0]
    inside, organ = image[box], mask[box]
    values = image[mask]
    extent = np.array(organ.shape) * spacing
    measures = {
        "voxel": float(voxel_sizes(source_affine).max()),
        "volume": float(mask.sum() * spacing.prod() / 1000),
        "width": float(extent[0]),
        "length": float(extent[1]),
        "height": float(extent[2]),
        "share": _share_of_foreground(source, source_affine, measures_ml=mask.sum() * spacing.prod()),
        "residual": float(np.median(raw[mask])),
    }
    for decile in DECILES:
        measures[f"grey{decile}"] = float(np.percentile(values, decile))
    for axis, name in enumerate("xyz"):
        measures[f"detail_{name}"] = _detail(inside, organ, axis)
    return Appearance(measures, _pool(inside), _pool(organ.astype(np.float32)))


def _share_of_foreground(source, affine, *, measures_ml) -> float:
    """Share of the scan's foreground that is organ: a half with skull and neck, all without."""
    scan = np.abs(source)
    bright = (scan > FOREGROUND * np.percentile(scan[scan > 0], 99)).sum()
    return float(measures_ml / (bright * abs(np.linalg.det(affine[:3, :3]))))


def _detail(image, organ, axis: int) -> float:
    """Median step of grey between neighbours along an axis, inside the organ."""
    both = np.logical_and(*(np.take(organ, r, axis) for r in _pairs(organ.shape[axis])))
    steps = np.abs(np.diff(image, axis=axis))
    return float(np.median(steps[both]))


def _pairs(count: int):
    return np.arange(count - 1), np.arange(1, count)


def _pool(volume: NDArray[np.float32]) -> NDArray[np.float32]:
    pooled = torch.nn.functional.adaptive_avg_pool3d(torch.from_numpy(volume)[None], GRID)
    return pooled[0].numpy()
