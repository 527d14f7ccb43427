"""`LoadImaged` gets the right DICOM volume from our reader, or our error and no other reader's."""

from __future__ import annotations

import nibabel as nib
import numpy as np
import pytest
from monai.data import DataLoader, Dataset, decollate_batch
from monai.transforms import Compose, EnsureChannelFirstd, LoadImage, LoadImaged

from monai_anogan.errors import InputError
from monai_anogan.io import DicomSeriesReader
from monai_anogan.outputs import write_mr_series


def bare(series: str | None = None) -> LoadImaged:
    """Not in a Compose, which wraps every error in a RuntimeError."""
    return LoadImaged(keys="image", reader=DicomSeriesReader(series=series))


def loader(series: str | None = None) -> Compose:
    return Compose([bare(series), EnsureChannelFirstd(keys="image")])


def test_a_folder_becomes_a_meta_tensor_with_its_affine_and_files(phantom_series):
    image = loader()({"image": phantom_series.folder})["image"]
    assert image.shape == (1, 20, 24, 12)
    assert np.array_equal(image[0].numpy(), phantom_series.volume)
    assert np.allclose(image.affine.numpy(), phantom_series.affine, atol=1e-9)
    assert image.meta["dicom_files"] == [str(path) for path in phantom_series.files]
    assert image.meta["modality"] == "MR"
    assert image.meta["series_description"] == "phantom T1"
    assert image.meta["series_uid"].startswith("1.2.")
    assert image.meta["filename_or_obj"] == str(phantom_series.folder)


def test_the_files_survive_a_data_loader(phantom_series):
    batch = next(iter(DataLoader(Dataset([{"image": phantom_series.folder}], loader()))))
    (item,) = decollate_batch(batch)
    assert list(item["image"].meta["dicom_files"]) == [str(p) for p in phantom_series.files]
    assert np.allclose(item["image"].affine.numpy(), phantom_series.affine, atol=1e-9)


def test_an_enhanced_file_has_one_entry(enhanced_series):
    image = loader()({"image": enhanced_series.files[0]})["image"]
    assert image.meta["dicom_files"] == [str(enhanced_series.files[0])]
    assert np.array_equal(image[0].numpy(), enhanced_series.volume)


def test_one_file_stands_for_its_whole_series_and_no_larger_one_beside_it(phantom_series, tmp_path):
    volume = np.arange(40 * 40 * 20).reshape(40, 40, 20)
    for path in write_mr_series(volume, np.eye(4), tmp_path / "larger", description="larger"):
        path.rename(phantom_series.folder / f"larger{path.name}")
    image = loader()({"image": phantom_series.files[5]})["image"]
    assert np.array_equal(image[0].numpy(), phantom_series.volume)


def test_the_series_asked_for_is_read(phantom_series):
    small = np.arange(6 * 6 * 5).reshape(6, 6, 5)
    write_mr_series(
        small,
        np.diag([-1.0, -1, 1, 1]),
        phantom_series.folder / "b",
        description="T2",
        series_number=8,
    )
    assert np.array_equal(loader("8")({"image": phantom_series.folder})["image"][0], small)
    with pytest.raises(InputError, match="must be one of those in the folder"):
        bare("9")({"image": phantom_series.folder})


def test_monai_never_falls_back_to_another_reader(phantom_series, tmp_path):
    """LoadImage tries its next reader when one fails in `read`, and would average the gap away."""
    phantom_series.files[5].unlink()
    with pytest.raises(InputError, match="slices missing between"):
        bare()({"image": phantom_series.folder})
    photo = tmp_path / "photo.png"
    photo.write_bytes(b"\x89PNG\r\n\x1a\n")
    with pytest.raises(InputError, match="must be a DICOM or NIfTI image"):
        bare()({"image": photo})
    with pytest.raises(InputError, match="must exist"):
        bare()({"image": tmp_path / "nowhere"})


def test_nifti_is_left_to_monai(tmp_path):
    volume = np.arange(60, dtype=np.float32).reshape(3, 4, 5)
    nib.save(nib.Nifti1Image(volume, np.diag([2.0, 2, 2, 1])), tmp_path / "scan.nii.gz")
    image = loader()({"image": tmp_path / "scan.nii.gz"})["image"]
    assert np.array_equal(image[0].numpy(), volume)
    assert np.array_equal(image.affine.numpy(), np.diag([2.0, 2, 2, 1]))


def test_verify_suffix_knows_dicom_by_its_content(phantom_series, enhanced_series, tmp_path):
    reader = DicomSeriesReader()
    (tmp_path / "notes").mkdir()
    (tmp_path / "notes" / "a.txt").write_text("text")
    assert reader.verify_suffix(phantom_series.folder)
    assert reader.verify_suffix(phantom_series.files[0])
    assert reader.verify_suffix(enhanced_series.files[0])  # no suffix
    assert not reader.verify_suffix(tmp_path / "notes")
    assert not reader.verify_suffix(tmp_path / "notes" / "a.txt")


def test_the_reader_is_found_by_its_dotted_name(phantom_series):
    image = LoadImage(reader="monai_anogan.io.DicomSeriesReader", series="1")(phantom_series.folder)
    assert np.array_equal(image.numpy(), phantom_series.volume)
