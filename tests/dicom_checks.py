"""What tests of DICOM folders look at, whatever they ask of it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pydicom

from monai_anogan.io import scan_dicom

__all__ = ["position_of", "the_problem"]


def the_problem(folder: Path) -> str:
    """The problem of the only series in a folder."""
    (series,) = scan_dicom(folder)
    assert series.problem is not None
    assert "\n" not in series.problem
    return series.problem


def position_of(path: Path) -> np.ndarray:
    """ImagePositionPatient, (3,) LPS mm."""
    return np.array(pydicom.dcmread(path, stop_before_pixels=True).ImagePositionPatient, float)
