"""The MONAI `ImageReader` over DICOM series: one checked volume, or one clear error."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from monai.config import PathLike
from monai.data import ImageReader
from monai.utils import MetaKeys, SpaceKeys, ensure_tuple
from numpy.typing import NDArray

from monai_anogan.errors import InputError
from monai_anogan.io.dicom_file import is_dicom_file
from monai_anogan.io.dicom_volume import load_volume
from monai_anogan.io.series_list import find_series

__all__ = ["DicomSeriesReader"]

# Left to MONAI's own readers, which are tried after this one.
_OTHER_FORMATS = (".nii", ".nii.gz", ".nrrd", ".mha", ".mhd", ".npy", ".npz")


class DicomSeriesReader(ImageReader):
    """Reads a DICOM folder, or the series of a DICOM file, as `LoadImaged(reader=...)`.

    The meta data carries, besides MONAI's own keys, `affine` (4, 4) voxel -> RAS mm,
    `dicom_files` (list[str] in slice order), `dicom_frames` (list[int]: the frame of each slice,
    counted through the files one after another), `series_uid`, `modality`, `series_description`.

    Args:
        series: UID, number or description of the series to read, see `choose_series`; by default
            the usable one with the most voxels, or for a single file the series it belongs to.
    """

    def __init__(self, series: str | None = None) -> None:
        super().__init__()
        self.series = series

    def verify_suffix(self, filename: Sequence[PathLike] | PathLike) -> bool:
        """True for folders that hold DICOM and for files that are DICOM by name or first bytes."""
        return all(_is_dicom(Path(name)) for name in ensure_tuple(filename))

    def read(self, data: Sequence[PathLike] | PathLike, **kwargs: Any) -> Path:
        """Notes what to load; `get_data` loads it.

        `LoadImage` takes any error raised here as a reason to try its next reader, silently. So
        only the file types of those readers are refused here, and everything else in `get_data`.

        Raises:
            InputError: a NIfTI, NRRD or NumPy file, or several paths.
        """
        paths = [Path(name) for name in ensure_tuple(data)]
        if len(paths) != 1:
            raise InputError(f"a DICOM volume must be one folder or file, got {len(paths)} paths")
        if paths[0].name.lower().endswith(_OTHER_FORMATS):
            raise InputError(f"{paths[0]} must be DICOM for this reader, got another format")
        return paths[0]

    def get_data(self, img: Path) -> tuple[NDArray[np.float32], dict[str, Any]]:
        """Loads the volume.

        Returns:
            The array (I, J, K) in scanner units, and its meta data.

        Raises:
            InputError: nothing there is a usable volume.
        """
        series = find_series(img, self.series)
        array, affine = load_volume(series)
        meta: dict[str, Any] = {
            MetaKeys.AFFINE: affine,
            MetaKeys.ORIGINAL_AFFINE: affine.copy(),
            MetaKeys.SPACE: SpaceKeys.RAS,
            MetaKeys.SPATIAL_SHAPE: np.asarray(array.shape),
            MetaKeys.ORIGINAL_CHANNEL_DIM: float("nan"),  # MONAI's word for no channel
            "dicom_files": [str(path) for path in series.files],
            "dicom_frames": list(series.frames),
            "series_uid": series.uid,
            "modality": series.modality,
            "series_description": series.description,
        }
        return array, meta


def _is_dicom(path: Path) -> bool:
    if path.is_dir():
        return any(is_dicom_file(file) for file in path.rglob("*"))
    return path.suffix.lower() in (".dcm", ".dicom") or is_dicom_file(path)
