"""A lesion painted into a healthy volume, with its mask: for demonstrations and for choosing."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage, special

__all__ = ["paint_lesion"]


def paint_lesion(
    volume: NDArray[np.float32],
    inside: NDArray[np.bool_],
    affine: NDArray[np.float64],
    *,
    centre_mm: Sequence[float],
    radii_mm: Sequence[float],
    grey: float,
    opacity: float = 0.9,
    ragged: float = 0.25,
    seed: int = 0,
) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """Blend an irregular ellipsoid of one grey value into a volume.

    Args:
        volume: (I, J, K) in scanner units.
        inside: (I, J, K), the organ; nothing outside it is changed.
        affine: (4, 4) voxel to RAS, mm.
        centre_mm: RAS.
        radii_mm: half axes along right, front and up.
        grey: what the lesion looks like, in the volume's units.
        opacity: share of `grey` in the middle of the lesion, in (0, 1].
        ragged: how irregular the outline is; 0 is a smooth ellipsoid.
        seed: of the outline.

    Returns:
        The painted volume, and the lesion: where the share of `grey` is half of `opacity` or more.
    """
    grid = np.stack(np.meshgrid(*map(np.arange, volume.shape), indexing="ij"), axis=-1)
    away = (grid @ affine[:3, :3].T + affine[:3, 3] - np.asarray(centre_mm)) / np.asarray(radii_mm)
    voxel_mm = np.linalg.norm(affine[:3, :3], axis=0)
    noise = np.random.default_rng(seed).standard_normal(volume.shape)
    outline = ndimage.gaussian_filter(noise, 5.0 / voxel_mm)
    distance = np.linalg.norm(away, axis=-1) + ragged * outline / outline.std()
    share = inside * special.expit((1 - distance) * 12)  # soft edge
    painted = volume + opacity * share * (grey - volume)
    return painted.astype(np.float32), (share >= 0.5) & inside
