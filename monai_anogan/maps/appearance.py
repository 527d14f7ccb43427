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

GRID = 12  # cells of a thumbnail along each axis
RIM_MM, DEEP_MM = 9.0, 15.0  # in a brain: fluid and grey matter; white matter and ventricles
CELL_MM = 15.0  # 180 mm in all: a brain and a little around it
DECILES = (10, 25, 50, 75, 90)
FAR_MM = 8.0  # where grey values hardly tell of each other any more
FOREGROUND = 0.05  # of the 99th percentile of the source; air lies below


@dataclass(frozen=True)
class Appearance:
    """One scan as a few numbers and a thumbnail."""

    measures: dict[str, float]  # by name; what they are is said in `domain.TRAITS`
    thumbnail: NDArray[np.float32]  # (12, 12, 12) mean grey in [-1, 1] of cells around its middle


def measure(
    image: NDArray[np.float32],
    mask: NDArray[np.bool_],
    rebuilt: NDArray[np.float32],
    map_background: float,
    affine: NDArray[np.float64],
    source: NDArray[np.float32],
    source_affine: NDArray[np.float64],
) -> Appearance:
    """Measure a scan.

    Args:
        image: (D, H, W) in RAS and network space, [-1, 1].
        mask: (D, H, W), the organ.
        rebuilt: (D, H, W) its healthy reconstruction.
        map_background: of its raw anomaly map, see `background`.
        affine: (4, 4) voxel to RAS, mm, of these three volumes.
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
        "inside": _inside(inside, organ, affine),
        "residual": float(np.median(np.abs(image - rebuilt)[mask])),
        "raw": map_background,
    }
    measures |= {f"grey{p}": float(np.percentile(image[mask], p)) for p in DECILES}
    details = [_detail(inside, organ, axis) for axis in range(3)]
    measures |= {f"detail_{a}": detail for a, detail in zip("xyz", details, strict=True)}
    measures["sharpness"] = _sharpness(details, inside, organ, affine)
    return Appearance(measures, _thumbnail(image, mask, affine))


def voxel_ml(affine: NDArray[np.float64]) -> float:
    """The volume of a voxel in ml, of an affine in mm."""
    return abs(float(np.linalg.det(affine[:3, :3]))) / 1000


def _foreground_ml(source: NDArray[np.float32], affine: NDArray[np.float64]) -> float:
    """Volume of what is brighter than air: of a head twice to three times its brain."""
    bright = np.abs(source)
    return float((bright > FOREGROUND * np.percentile(bright, 99)).sum()) * voxel_ml(affine)


def _detail(
    image: NDArray[np.float32], organ: NDArray[np.bool_], axis: int, apart: int = 1
) -> float:
    """Median step of grey between voxels so far apart along an axis, inside the organ."""
    ahead, behind = [slice(None)] * 3, [slice(None)] * 3
    ahead[axis], behind[axis] = slice(apart, None), slice(None, -apart)
    one, other = tuple(ahead), tuple(behind)
    both = organ[one] & organ[other]
    return float(np.median(np.abs(image[one] - image[other])[both])) if both.any() else 0.0


def _sharpness(
    details: list[float],
    image: NDArray[np.float32],
    organ: NDArray[np.bool_],
    affine: NDArray[np.float64],
) -> float:
    """Steps between neighbours as a share of steps over 8 mm, mean of the axes.

    People differ in how much their grey steps, a scanner's resolution and noise in this share.
    """
    apart = np.maximum(2, np.round(FAR_MM / voxel_sizes(affine))).astype(int)
    far = [_detail(image, organ, axis, apart[axis]) for axis in range(3)]
    return float(np.mean([d / f if f else 0.0 for d, f in zip(details, far, strict=True)]))


def _inside(
    image: NDArray[np.float32], organ: NDArray[np.bool_], affine: NDArray[np.float64]
) -> float:
    """How much brighter the organ is inside than at its rim: its contrast, however it lies."""
    padded = np.pad(organ, 1)
    depth = ndimage.distance_transform_edt(padded, sampling=voxel_sizes(affine))[1:-1, 1:-1, 1:-1]
    deep = organ & (depth > min(DEEP_MM, depth.max() / 2))
    return float(np.median(image[deep]) - np.median(image[organ & (depth <= RIM_MM)]))


def _thumbnail(
    image: NDArray[np.float32], mask: NDArray[np.bool_], affine: NDArray[np.float64]
) -> NDArray[np.float32]:
    """Cell means in a cube around the organ's middle, which may reach beyond the volume.

    Around the middle and not between the ends: how much of the brainstem a mask holds would shift
    every cell.
    """
    middle = np.argwhere(mask).mean(axis=0)
    reach = np.maximum(CELL_MM / voxel_sizes(affine), 1.0) * GRID / 2
    low, high = np.round(middle - reach).astype(int), np.round(middle + reach).astype(int)
    before, after = np.maximum(-low, 0), np.maximum(high - image.shape, 0)
    padded = np.pad(image, list(zip(before, after, strict=True)), constant_values=BACKGROUND)
    box = tuple(slice(a, b) for a, b in zip(low + before, high + before, strict=True))
    cube = torch.from_numpy(np.ascontiguousarray(padded[box], dtype=np.float32))[None]
    return torch.nn.functional.adaptive_avg_pool3d(cube, GRID)[0].numpy()
