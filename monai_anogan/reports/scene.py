"""What the overview shows of a case: which part, through which point, in which greys."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from nibabel.affines import apply_affine, from_matvec, voxel_sizes
from numpy.typing import ArrayLike, NDArray
from scipy import ndimage

from monai_anogan.reports.planes import canonical

__all__ = ["Scene", "compose"]

MARGIN_MM = 12.0  # around the organ, so that its surroundings are seen
PEAK_SIGMA_MM = 2.0  # a location is a neighbourhood, not a single noisy voxel


@dataclass(frozen=True)
class Scene:
    """A case in RAS, cropped to what is worth seeing."""

    image: NDArray[np.float32]  # (R, A, S), scanner units
    reconstruction: NDArray[np.float32]  # (R, A, S), scanner units
    anomaly_map: NDArray[np.float32]  # (R, A, S), higher is more abnormal
    affine: NDArray[np.float64]  # (4, 4) voxel to RAS, mm
    spacing: NDArray[np.float64]  # (3,) mm
    window: tuple[float, float]  # scanner units shown black and white
    peak: NDArray[np.intp]  # (3,) voxel of the most abnormal location
    levels: NDArray[np.intp]  # axial slices that hold the organ, lowest and highest

    def voxel_at(self, place_mm: ArrayLike) -> NDArray[np.intp]:
        """The voxel at a place in RAS mm, the nearest one if it lies outside."""
        voxel = np.round(apply_affine(np.linalg.inv(self.affine), np.asarray(place_mm)))
        return np.clip(voxel.astype(np.intp), 0, np.array(self.image.shape) - 1)


def compose(
    image: ArrayLike,
    reconstruction: ArrayLike,
    anomaly_map: ArrayLike,
    affine: NDArray[np.float64],
    mask: ArrayLike | None,
    place_mm: ArrayLike | None = None,
) -> Scene:
    """Reorient, crop and window a case.

    Args:
        image: (I, J, K) scan in scanner units, any orientation.
        reconstruction: (I, J, K) in the same units.
        anomaly_map: (I, J, K).
        affine: (4, 4) voxel to RAS, mm.
        mask: (I, J, K) of the organ; None takes whatever is brighter than the air.
        place_mm: RAS, the most abnormal location, as of the first finding; None takes the highest
            of the map.

    Raises:
        ValueError: The volumes are not on one three-dimensional grid.
    """
    shapes = {np.shape(v) for v in (image, reconstruction, anomaly_map, mask) if v is not None}
    if len(shapes) != 1 or len(min(shapes)) != 3:
        raise ValueError(f"volumes must share one (I, J, K) grid, got {sorted(shapes)}")
    scan, own = canonical(image, affine)
    healthy, heat = canonical(reconstruction, affine)[0], canonical(anomaly_map, affine)[0]
    organ = _brighter_than_air(scan) if mask is None else canonical(mask, affine)[0] > 0
    if not organ.any():
        organ = np.ones_like(scan, dtype=bool)
    spacing = voxel_sizes(own)
    low, high = _bounds(organ, spacing)
    box = tuple(slice(a, b) for a, b in zip(low, high, strict=True))
    window = np.percentile(scan[organ], (1.0, 99.5))
    levels = np.flatnonzero(organ[box].any(axis=(0, 1)))[[0, -1]]
    scene = Scene(
        image=scan[box],
        reconstruction=healthy[box],
        anomaly_map=heat[box],
        affine=own @ from_matvec(np.eye(3), low),
        spacing=spacing,
        window=(float(window[0]), float(max(window[1], window[0] + 1e-6))),
        peak=_most_abnormal(np.where(organ, heat, 0)[box], organ[box], spacing),
        levels=levels,
    )
    return scene if place_mm is None else replace(scene, peak=scene.voxel_at(place_mm))


def _brighter_than_air(scan: NDArray[np.float32]) -> NDArray[np.bool_]:
    low, high = np.percentile(scan, (0.5, 99.5))
    return scan > low + 0.12 * (high - low)


def _bounds(
    organ: NDArray[np.bool_], spacing: NDArray[np.float64]
) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """First voxel and the one past the last of the organ's box with its margin, inside the grid."""
    box = ndimage.find_objects(organ.astype(np.uint8))[0]
    margin = np.ceil(MARGIN_MM / spacing).astype(int)
    low = np.maximum(np.array([s.start for s in box]) - margin, 0)
    return low, np.minimum(np.array([s.stop for s in box]) + margin, organ.shape)


def _most_abnormal(
    heat: NDArray[np.float32], organ: NDArray[np.bool_], spacing: NDArray[np.float64]
) -> NDArray[np.intp]:
    """The peak of the map, lightly smoothed; the middle of the organ where the map is silent."""
    smooth = ndimage.gaussian_filter(heat, PEAK_SIGMA_MM / spacing)
    if smooth.max() > 0:
        return np.array(np.unravel_index(smooth.argmax(), smooth.shape))
    return np.round(ndimage.center_of_mass(organ)).astype(np.intp)
