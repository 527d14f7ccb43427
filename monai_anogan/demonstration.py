"""The demonstration: a healthy template with a painted lesion, written as a DICOM MR series."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from monai_anogan.errors import AnoganError
from monai_anogan.outputs import write_mr_series

__all__ = ["make_demonstration", "paint_infarct"]

CENTRE_MM = (34.0, -22.0, 24.0)  # RAS, in the white matter of the right hemisphere
RADII_MM = (13.0, 17.0, 12.0)
BACKGROUND = 0.0


def make_demonstration(folder: str | Path, *, seed: int = 0) -> list[Path]:
    """Write the demonstration series: nilearn's ICBM152 2009 T1 (1 mm) with a painted infarct.

    Args:
        folder: created if absent.
        seed: of the lesion's outline; the same seed gives the same files.

    Returns:
        The DICOM files, feet to head.

    Raises:
        AnoganError: nilearn, from the extra `demo`, is not installed.
    """
    try:
        from nilearn.datasets import load_mni152_template
    except ImportError as error:
        raise AnoganError(
            "the demonstration needs nilearn; install it with: pip install 'monai-anogan[demo]'"
        ) from error
    template = load_mni152_template(resolution=1)
    volume = np.asarray(template.get_fdata(), dtype=np.float32)
    scaled = volume / volume.max() * 1000
    painted = paint_infarct(scaled, template.affine, seed=seed)
    return write_mr_series(
        painted,
        template.affine,
        folder,
        description="ICBM152 T1, painted lesion",
        seed=f"demonstration {seed}",
    )


def paint_infarct(
    volume: NDArray[np.float32],
    affine: NDArray[np.float64],
    *,
    centre_mm: tuple[float, float, float] = CENTRE_MM,
    radii_mm: tuple[float, float, float] = RADII_MM,
    seed: int = 0,
) -> NDArray[np.float32]:
    """Darken an irregular ellipsoid towards the grey of fluid, as an old infarct looks in T1.

    Args:
        volume: (I, J, K) skull-stripped T1; the background is 0 and stays so.
        affine: (4, 4) voxel to RAS, mm.
        centre_mm: RAS.
        radii_mm: half axes along right, front and up.
        seed: of the outline.
    """
    grid = np.stack(np.meshgrid(*map(np.arange, volume.shape), indexing="ij"), axis=-1)
    away = (grid @ affine[:3, :3].T + affine[:3, 3] - centre_mm) / radii_mm
    noise = np.random.default_rng(seed).standard_normal(volume.shape)
    ragged = ndimage.gaussian_filter(noise, 5.0)
    distance = np.linalg.norm(away, axis=-1) + 0.25 * ragged / ragged.std()
    share = 0.9 / (1 + np.exp((distance - 1) * 12))  # soft edge
    fluid = np.percentile(volume[volume > 0], 3)
    return np.where(volume > BACKGROUND, volume + share * (fluid - volume), volume).astype(
        "float32"
    )
