"""The `anogan` command on what it cannot use: one clear line, a status, and nothing written."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import matplotlib.image
import nibabel as nib
import numpy as np
import pydicom
import pytest

Refused = Callable[..., str]
AFFINE = np.diag([2.0, 2, 2, 1])


def save_nifti(path: Path, volume: np.ndarray) -> Path:
    nib.save(nib.Nifti1Image(volume, AFFINE), path)
    return path


@pytest.fixture
def series(head_series: Path, tmp_path: Path) -> Path:
    """A copy of the DICOM head to spoil."""
    return Path(shutil.copytree(head_series, tmp_path / "series"))


def test_refuses_a_folder_with_nothing_in_it(refused: Refused, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    assert "must hold DICOM or NIfTI images, got an empty one" in refused(tmp_path / "empty")


def test_refuses_a_path_that_is_not_there(refused: Refused, tmp_path: Path) -> None:
    assert "must exist" in refused(tmp_path / "nowhere")


@pytest.mark.parametrize("name", ["notes.txt", "notes.nii.gz", "notes [red].nii", "notes.dcm"])
def test_refuses_text_whatever_its_name(refused: Refused, tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text("Dear colleague, please find the scan attached.\n" * 20)
    assert name in refused(tmp_path / name)


@pytest.mark.parametrize("name", ["photo.png", "photo.jpg"])
def test_refuses_a_colour_photograph(refused: Refused, tmp_path: Path, name: str) -> None:
    colours = np.random.default_rng(0).random((32, 32, 3)).astype(np.float32)
    matplotlib.image.imsave(tmp_path / name, colours)
    assert "must be an image" in refused(tmp_path / name)


def test_refuses_a_colour_dicom_series(refused: Refused, series: Path) -> None:
    for path in series.iterdir():
        image = pydicom.dcmread(path)
        image.SamplesPerPixel, image.PhotometricInterpretation = 3, "RGB"
        image.PlanarConfiguration, image.PixelRepresentation = 0, 0
        image.BitsAllocated = image.BitsStored = 8
        image.HighBit = 7
        image.PixelData = bytes(3 * image.Rows * image.Columns)
        image.save_as(path)
    assert "colour" in refused(series)


def test_refuses_a_series_with_a_missing_slice(refused: Refused, series: Path) -> None:
    (series / "IM0040.dcm").unlink()
    assert "missing" in refused(series)


def test_refuses_a_truncated_dicom_file(refused: Refused, series: Path) -> None:
    path = series / "IM0040.dcm"
    path.write_bytes(path.read_bytes()[:-4000])
    assert "IM0040.dcm" in refused(series)


def test_refuses_ct_for_a_model_of_mr(refused: Refused, series: Path) -> None:
    for path in series.iterdir():
        image = pydicom.dcmread(path)
        image.SOPClassUID = image.file_meta.MediaStorageSOPClassUID = pydicom.uid.CTImageStorage
        image.Modality = "CT"
        image.save_as(path)
    assert "must have MR scans, got CT" in refused(series)


def test_refuses_a_series_that_is_not_there(refused: Refused, head_series: Path) -> None:
    assert "T2 head" in refused(head_series, "--series", "T2 head")


def test_refuses_to_choose_a_series_in_a_nifti_file(refused: Refused, head_cohort: Path) -> None:
    complaint = refused(head_cohort / "head0.nii.gz", "--series", "1")
    assert "--series must go with a DICOM folder" in complaint


def test_refuses_a_truncated_nifti_file(
    refused: Refused, head_cohort: Path, tmp_path: Path
) -> None:
    whole = (head_cohort / "head0.nii.gz").read_bytes()
    (tmp_path / "half.nii.gz").write_bytes(whole[: len(whole) // 2])
    assert "copy it again" in refused(tmp_path / "half.nii.gz")


COLOUR = np.dtype([("R", "u1"), ("G", "u1"), ("B", "u1")])
NOISE = np.random.default_rng(0).random((64, 64, 64)).astype(np.float32)


@pytest.mark.parametrize(
    ("volume", "complaint"),
    [
        (np.where(NOISE < 0.001, np.nan, NOISE), "NaN or infinite"),
        (np.stack([NOISE[:32, :32, :32]] * 3, axis=-1), "must be one 3D volume"),
        (np.full((32, 32, 32), 7.0, np.float32), "must have contrast"),
        (np.zeros((32, 32, 32), COLOUR), "got colours"),
        (NOISE[:, :, :4], "must have 8 voxels or more along each axis"),
        (NOISE, "must show a whole brain"),
    ],
    ids=["NaN", "4D", "flat", "colours", "four slices", "noise"],
)
def test_refuses_a_volume_that_is_no_scan_of_a_brain(
    refused: Refused, tmp_path: Path, volume: np.ndarray, complaint: str
) -> None:
    assert complaint in refused(save_nifti(tmp_path / "volume.nii.gz", volume))


def test_refuses_two_cases_of_one_name(refused: Refused, tmp_path: Path) -> None:
    folder = tmp_path / "twins"
    folder.mkdir()
    for name in ("head.nii", "head.nii.gz"):
        save_nifti(folder / name, NOISE[:16, :16, :16])
    assert "two cases 'head'" in refused(folder)
