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

from monai_anogan.transforms import BACKGROUND

__all__ = ["DECILES", "GRID", "Appearance", "measure", "voxel_ml"]

REACH = 2.3  # standard deviations of the organ's voxels; an ellipsoid ends at 2.24
GRID = 12  # cells of a thumbnail along each axis
DECILES = (10, 25, 50, 75, 90)
FOREGROUND = 0.05  # of the 99th percentile of the source; air lies below


@dataclass(frozen=True)
class Appearance:
    """One scan as a few numbers and a thumbnail."""

    measures: dict[str, float]  # by name; what they are is said in `domain.TRAITS`
    thumbnail: NDArray[np.float32]  # (12, 12, 12) mean grey in [-1, 1] of the cells around it
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
    box = ndimage.find_objects(mask.astype(np.uint8))[0]
    inside, organ = image[box], mask[box]
    extent = np.array(organ.shape) * voxel_sizes(affine)
    organ_ml = float(mask.sum()) * voxel_ml(affine)
    measures = {
        "voxel": float(voxel_sizes(source_affine).max()),
        "volume": organ_ml,
        "width": float(extent[0]),
        "length": float(extent[1]),
        "height": float(extent[2]),
        "share": organ_ml / max(_foreground_ml(source, source_affine), 1.0),
        "residual": float(np.median(raw[mask])),
    }
    measures |= {f"grey{p}": float(np.percentile(image[mask], p)) for p in DECILES}
    measures |= {f"detail_{a}": _detail(inside, organ, i) for i, a in enumerate("xyz")}
    cells = _cells(mask)
    cover = mask.astype(np.float32)
    return Appearance(measures, _pool(image, cells, BACKGROUND), _pool(cover, cells, 0.0))


def voxel_ml(affine: NDArray[np.float64]) -> float:
    """The volume of a voxel in ml, of an affine in mm."""
    return abs(float(np.linalg.det(affine[:3, :3]))) / 1000


def _foreground_ml(source: NDArray[np.float32], affine: NDArray[np.float64]) -> float:
    """Volume of what is brighter than air: of a head twice to three times its brain."""
    bright = np.abs(source)
    return float((bright > FOREGROUND * np.percentile(bright, 99)).sum()) * voxel_ml(affine)


def _detail(image: NDArray[np.float32], organ: NDArray[np.bool_], axis: int) -> float:
    """Median step of grey between neighbours along an axis, inside the organ."""
    ahead, behind = [slice(None)] * 3, [slice(None)] * 3
    ahead[axis], behind[axis] = slice(1, None), slice(None, -1)
    both = organ[tuple(ahead)] & organ[tuple(behind)]
    return float(np.median(np.abs(np.diff(image, axis=axis))[both])) if both.any() else 0.0


def _cells(mask: NDArray[np.bool_]) -> list[tuple[int, int]]:
    """First voxel and the one past the last of the thumbnail along each axis.

    From the organ's middle and its spread: its outermost voxels (how much of the brainstem a mask
    holds) would shift everything.
    """
    places = np.argwhere(mask)
    middle, reach = places.mean(axis=0), REACH * places.std(axis=0)
    low, high = np.round(middle - reach).astype(int), np.round(middle + reach).astype(int) + 1
    return [(int(a), int(max(b, a + GRID))) for a, b in zip(low, high, strict=True)]


def _pool(
    volume: NDArray[np.float32], cells: list[tuple[int, int]], outside: float
) -> NDArray[np.float32]:
    """Cell means on a grid of 12 x 12 x 12, which may reach beyond the volume."""
    sides = [(max(0, -a), max(0, b - n)) for (a, b), n in zip(cells, volume.shape, strict=True)]
    padded = np.pad(volume, sides, constant_values=outside)
    box = tuple(slice(a + s[0], b + s[0]) for (a, b), s in zip(cells, sides, strict=True))
    inside = torch.from_numpy(np.ascontiguousarray(padded[box], dtype=np.float32))[None]
    return torch.nn.functional.adaptive_avg_pool3d(inside, GRID)[0].numpy()
