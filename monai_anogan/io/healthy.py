"""The healthy scans a user calibrates on: whatever way they lie in a folder."""

from __future__ import annotations

import os
from pathlib import Path

from monai_anogan.errors import InputError
from monai_anogan.io.cohort import read_cohort
from monai_anogan.io.inputs import find_inputs

__all__ = ["find_healthy"]


def find_healthy(path: str | os.PathLike[str], split: str = "val") -> list[dict[str, str]]:
    """List healthy scans.

    Args:
        path: a cohort with `subjects.csv` (of which one split is taken), a folder of NIfTI files,
            or a folder with one folder a scan, DICOM or NIfTI.
        split: of the cohort; the model must not have been trained on it.

    Returns:
        One `{"image": path}` a scan, sorted.

    Raises:
        InputError: There is no scan, or one cannot be read.
    """
    folder = Path(path)
    if not folder.is_dir():
        raise InputError(f"the healthy scans must be in a folder, got {folder}")
    if (folder / "subjects.csv").is_file():
        return read_cohort(folder, split)
    below = sorted(f for f in folder.iterdir() if f.is_dir() and not f.name.startswith("."))
    has_files = any(f.is_file() and not f.name.startswith(".") for f in folder.iterdir())
    if has_files or not below:
        return find_inputs(folder)
    return [item for place in below for item in find_inputs(place)]
