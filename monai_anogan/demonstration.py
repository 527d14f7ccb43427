"""The demonstration: a healthy template with a painted lesion, written as a DICOM MR series."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from monai_anogan.errors import AnoganError
from monai_anogan.outputs import write_mr_series
from monai_anogan.transforms import paint_lesion

__all__ = ["make_demonstration"]

CENTRE_MM = (34.0, -22.0, 24.0)  # RAS, in the white matter of the right hemisphere
RADII_MM = (13.0, 17.0, 12.0)


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
    inside = scaled > 0
    painted, _ = paint_lesion(
        scaled,
        inside,
        template.affine,
        centre_mm=CENTRE_MM,
        radii_mm=RADII_MM,
        grey=float(np.percentile(scaled[inside], 3)),  # fluid, as an old infarct in T1
        seed=seed,
    )
    return write_mr_series(
        painted,
        template.affine,
        folder,
        description="ICBM152 T1, painted lesion",
        seed=f"demonstration {seed}",
    )
