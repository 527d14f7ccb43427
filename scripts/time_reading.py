"""Time our reading of a folder with one DICOM series against SimpleITK's, turn by turn.

    python scripts/time_reading.py FOLDER

Both begin with the folder alone and end with the array. Ours scans and checks every header anew.
"""

from __future__ import annotations

import argparse
import logging
import statistics
import time
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
import SimpleITK as sitk  # noqa: N813

from monai_anogan.io import choose_series, load_volume, scan_dicom
from monai_anogan.io.dicom_header import forget_headers


def ours(folder: Path) -> np.ndarray:
    """Headers scanned and checked, series chosen, volume loaded."""
    forget_headers()
    return load_volume(choose_series(scan_dicom(folder)))[0]


def simpleitk(folder: Path) -> np.ndarray:
    """The series' files found and sorted by GDCM, volume loaded."""
    reader = sitk.ImageSeriesReader()
    uid = reader.GetGDCMSeriesIDs(str(folder))[0]
    reader.SetFileNames(reader.GetGDCMSeriesFileNames(str(folder), uid))
    return sitk.GetArrayFromImage(reader.Execute())


def main() -> None:
    """Print the medians and their ratio."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--turns", type=int, default=15)
    arguments = parser.parse_args()
    warnings.simplefilter("ignore")
    logging.disable(logging.WARNING)
    readers: list[Callable[[Path], np.ndarray]] = [ours, simpleitk]
    seconds: dict[str, list[float]] = {reader.__name__: [] for reader in readers}
    for _ in range(arguments.turns):
        for reader in readers:
            begin = time.perf_counter()
            reader(arguments.folder)
            seconds[reader.__name__].append(time.perf_counter() - begin)
    medians = {name: statistics.median(times) for name, times in seconds.items()}
    for name, median in medians.items():
        print(f"{name:10s} {median:.3f} s")
    print(f"ratio      {medians['ours'] / medians['simpleitk']:.2f}")


if __name__ == "__main__":
    main()
