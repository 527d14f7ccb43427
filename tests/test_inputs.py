"""A user's path becomes cases, and what is no scan gets one clear line."""

from __future__ import annotations

import gzip

import nibabel as nib
import numpy as np
import pytest
from monai.transforms import LoadImage
from PIL import Image

from monai_anogan.errors import InputError
from monai_anogan.io import DicomSeriesReader, find_inputs


def save_nifti(path, dtype=np.int16):
    volume = np.random.default_rng(0).integers(0, 100, (9, 8, 7)).astype(dtype)
    nib.save(nib.Nifti1Image(volume, np.eye(4)), path)


def test_a_dicom_folder_is_one_case(phantom_series):
    (phantom_series.folder / "readme.txt").write_text("a scan")
    assert find_inputs(phantom_series.folder) == [{"image": str(phantom_series.folder)}]
    assert find_inputs(phantom_series.folder.parent) == [
        {"image": str(phantom_series.folder.parent)}
    ]


def test_one_dicom_file_is_one_case_that_loads_its_series(phantom_series):
    (case,) = find_inputs(phantom_series.files[4])
    image = LoadImage(reader=DicomSeriesReader())(case["image"])
    assert np.array_equal(image.numpy(), phantom_series.volume)


@pytest.mark.parametrize("name", ["scan.nii", "scan.nii.gz", "SCAN.NII.GZ"])
@pytest.mark.parametrize("dtype", [np.uint8, np.int16, np.float32])
def test_a_nifti_file_is_one_case(tmp_path, name, dtype):
    save_nifti(tmp_path / name, dtype)
    assert find_inputs(tmp_path / name) == [{"image": str(tmp_path / name)}]


def test_a_folder_of_nifti_files_is_a_case_each_in_the_order_of_names(tmp_path):
    for name in ("b.nii.gz", "a.nii", "c.nii.gz"):
        save_nifti(tmp_path / name)
    (tmp_path / "notes.txt").write_text("text")
    (tmp_path / "._a.nii").write_bytes(b"macOS leaves these")
    names = [case["image"].rsplit("/", 1)[1] for case in find_inputs(tmp_path)]
    assert names == ["a.nii", "b.nii.gz", "c.nii.gz"]


def test_dicom_and_nifti_in_one_folder_are_not_guessed_at(phantom_series):
    save_nifti(phantom_series.folder / "scan.nii.gz")
    with pytest.raises(InputError, match="got both in"):
        find_inputs(phantom_series.folder)


def test_what_is_no_scan_gets_one_line(tmp_path):
    (tmp_path / "empty").mkdir()
    (tmp_path / "texts").mkdir()
    (tmp_path / "texts" / "a.txt").write_text("hello")
    Image.fromarray(np.zeros((8, 8, 3), np.uint8)).save(tmp_path / "photo.jpg")
    (tmp_path / "fake.nii").write_text("not a scan at all " * 40)
    (tmp_path / "fake.nii.gz").write_bytes(gzip.compress(b"not a scan at all " * 40))
    (tmp_path / "plain.nii.gz").write_text("not even packed " * 40)
    clauses = {
        "nowhere": "must exist",
        "empty": "got an empty one",
        "texts": "got 1 files that are neither",
        "texts/a.txt": "must be an image",
        "photo.jpg": "must be an image",
        "fake.nii": "must be a whole NIfTI file",
        "fake.nii.gz": "must be a whole NIfTI file",
        "plain.nii.gz": "must be a whole NIfTI file",
    }
    for name, clause in clauses.items():
        with pytest.raises(InputError, match=clause) as caught:
            find_inputs(tmp_path / name)
        assert "\n" not in str(caught.value)
        assert name in str(caught.value)


@pytest.mark.parametrize("name", ["scan.nii", "scan.nii.gz"])
@pytest.mark.parametrize("kept", [0.2, 0.7, 0.95])
def test_a_truncated_nifti_file_is_named(tmp_path, name, kept):
    save_nifti(tmp_path / name, np.float64)
    whole = (tmp_path / name).read_bytes()
    (tmp_path / name).write_bytes(whole[: int(kept * len(whole))])
    with pytest.raises(InputError, match=name):
        find_inputs(tmp_path / name)
    with pytest.raises(InputError, match=name):
        find_inputs(tmp_path)


def test_the_real_study_is_one_case(shared_data):
    folder = shared_data / "dicom" / "t1_mprage_mixed"
    assert find_inputs(folder) == [{"image": str(folder)}]


def test_every_real_nifti_is_accepted(shared_data):
    assert len(find_inputs(shared_data / "dicom" / "transfer_syntaxes" / "Ref")) == 9
    assert len(find_inputs(shared_data / "brain_t1" / "t1")) == 160
