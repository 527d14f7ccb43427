"""Fixtures for every test: the shared data, if there, and DICOM series made on the spot."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import highdicom as hd
import numpy as np
import pydicom
import pytest

from monai_anogan.outputs import write_mr_series

SHARED_DATA = Path(__file__).resolve().parents[2] / "shared" / "data"
EditDicom = Callable[..., None]


@dataclass(frozen=True)
class PhantomSeries:
    """A DICOM MR series on disk and the truth it was made from."""

    folder: Path
    files: list[Path]  # slice order
    volume: np.ndarray  # (20, 24, 12) float32, every voxel different in every direction
    affine: np.ndarray  # (4, 4) voxel -> RAS mm, slightly oblique, 2 x 1.5 x 3 mm


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The development data beside the repository."""
    if not SHARED_DATA.is_dir():
        pytest.skip(f"the development data is not here ({SHARED_DATA})")
    return SHARED_DATA


@pytest.fixture
def phantom_series(tmp_path: Path) -> PhantomSeries:
    """A real, small DICOM MR series: oblique axial, in `tmp_path / "phantom"`."""
    volume = np.random.default_rng(7).integers(-50, 2000, (20, 24, 12)).astype(np.float32)
    affine = oblique_affine((-2.0, -1.5, 3.0), (18.25, 20.5, -7.125))
    folder = tmp_path / "phantom"
    files = write_mr_series(volume, affine, folder, description="phantom T1", seed="phantom")
    return PhantomSeries(folder, files, volume, affine)


@pytest.fixture
def enhanced_series(phantom_series: PhantomSeries, tmp_path: Path) -> PhantomSeries:
    """The phantom as ONE enhanced multi-frame file, its frames in shuffled order."""
    enhanced = hd.legacy.LegacyConvertedEnhancedMRImage(
        [pydicom.dcmread(path) for path in phantom_series.files],
        series_instance_uid=hd.UID(),
        series_number=2,
        sop_instance_uid=hd.UID(),
        instance_number=1,
    )
    order = np.random.default_rng(3).permutation(len(phantom_series.files))
    frames = np.frombuffer(enhanced.PixelData, "<i2").reshape(len(order), -1)
    enhanced.PixelData = frames[order].tobytes()
    items = enhanced.PerFrameFunctionalGroupsSequence
    enhanced.PerFrameFunctionalGroupsSequence = [items[k] for k in order]
    folder = tmp_path / "enhanced"
    folder.mkdir()
    path = folder / "multiframe"
    enhanced.save_as(path)
    return PhantomSeries(folder, [path], phantom_series.volume, phantom_series.affine)


@pytest.fixture
def split_enhanced_series(enhanced_series: PhantomSeries) -> PhantomSeries:
    """The phantom as two enhanced files, five and seven frames, slices interleaved."""
    whole = enhanced_series.files[0]
    files = []
    for number, part in enumerate((slice(0, 5), slice(5, 12)), start=1):
        dataset = pydicom.dcmread(whole)
        pixels = dataset.pixel_array[part]
        items = list(dataset.PerFrameFunctionalGroupsSequence)
        dataset.PerFrameFunctionalGroupsSequence = items[part]
        dataset.NumberOfFrames = len(pixels)
        dataset.PixelData = pixels.tobytes()
        dataset.InstanceNumber = number
        dataset.SOPInstanceUID = hd.UID()
        dataset.file_meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
        files.append(whole.parent / f"part{number}")
        dataset.save_as(files[-1])
    whole.unlink()
    return PhantomSeries(
        enhanced_series.folder, files, enhanced_series.volume, enhanced_series.affine
    )


@pytest.fixture
def edit_dicom() -> EditDicom:
    """Rewrites a DICOM file with some elements changed (None removes one)."""
    return _edit


def _edit(path: Path, *, to: Path | None = None, **values: Any) -> None:
    with pydicom.config.disable_value_validation():
        dataset = pydicom.dcmread(path)
        for keyword, value in values.items():
            if value is None:
                del dataset[keyword]
            else:
                setattr(dataset, keyword, value)
        dataset.file_meta.MediaStorageSOPInstanceUID = dataset.get("SOPInstanceUID", "")
        dataset.save_as(to or path)


def oblique_affine(
    steps: tuple[float, float, float], origin: tuple[float, float, float]
) -> np.ndarray:
    """Voxel steps (mm, signed) turned by a few degrees about two axes."""
    a, b = np.radians([6.0, -4.0])
    about_x = np.array([[1, 0, 0], [0, np.cos(a), -np.sin(a)], [0, np.sin(a), np.cos(a)]])
    about_z = np.array([[np.cos(b), -np.sin(b), 0], [np.sin(b), np.cos(b), 0], [0, 0, 1]])
    affine = np.eye(4)
    affine[:3, :3] = about_z @ about_x @ np.diag(steps)
    affine[:3, 3] = origin
    return affine
