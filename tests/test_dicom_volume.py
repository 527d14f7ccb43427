"""Voxels and affine of a loaded series are those of the scanner, whatever the file's encoding."""

from __future__ import annotations

import time
from pathlib import Path

import nibabel as nib
import numpy as np
import pydicom
import pytest
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    JPEGLSLossless,
    RLELossless,
)

from monai_anogan.errors import InputError
from monai_anogan.io import DicomSeries, choose_series, load_stack, load_volume, scan_dicom
from monai_anogan.outputs import write_mr_series


def load(folder: Path) -> tuple[np.ndarray, np.ndarray]:
    return load_volume(choose_series(scan_dicom(folder)))


def in_world(volume: np.ndarray, affine: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The volume with its axes nearest to right, front, head: comparable whatever its storage."""
    image = nib.as_closest_canonical(nib.Nifti1Image(volume.astype(np.float32), affine))
    return np.asarray(image.dataobj), image.affine


def test_a_written_volume_comes_back_voxel_for_voxel(phantom_series):
    volume, affine = load(phantom_series.folder)
    assert volume.dtype == np.float32
    assert affine.dtype == np.float64
    assert np.array_equal(volume, phantom_series.volume)
    assert np.allclose(affine, phantom_series.affine, atol=1e-9)


def test_axes_are_reordered_on_writing_but_no_voxel_moves_in_the_world(tmp_path):
    volume = np.random.default_rng(0).integers(0, 900, (6, 7, 8))
    affine = np.array([[0, 0, -2.0, 9], [1.5, 0, 0, -4], [0, 1.25, 0, 3], [0, 0, 0, 1]])
    write_mr_series(volume, affine, tmp_path, description="turned")
    loaded, loaded_affine = load(tmp_path)
    assert loaded.shape == (8, 6, 7)
    expected, expected_affine = in_world(volume, affine)
    got, got_affine = in_world(loaded, loaded_affine)
    assert np.array_equal(got, expected)
    assert np.allclose(got_affine, expected_affine, atol=1e-9)


def test_each_slice_is_rescaled_by_its_own_slope_and_intercept(phantom_series, edit_dicom):
    for k, path in enumerate(phantom_series.files):
        edit_dicom(path, RescaleSlope=f"{0.5 + k}", RescaleIntercept=f"{-k}")
    volume, _ = load(phantom_series.folder)
    k = np.arange(12)
    assert np.allclose(volume, phantom_series.volume * (0.5 + k) - k)


def test_monochrome1_mr_is_turned_so_that_bright_is_high(phantom_series, edit_dicom):
    for path in phantom_series.files:
        edit_dicom(path, PhotometricInterpretation="MONOCHROME1")
    volume, _ = load(phantom_series.folder)
    truth = phantom_series.volume
    assert np.array_equal(volume, truth.min() + truth.max() - truth)


def test_monochrome1_ct_keeps_its_hounsfield_units(phantom_series, edit_dicom):
    for path in phantom_series.files:
        edit_dicom(
            path,
            PhotometricInterpretation="MONOCHROME1",
            Modality="CT",
            SOPClassUID="1.2.840.10008.5.1.4.1.1.2",
        )
    assert np.array_equal(load(phantom_series.folder)[0], phantom_series.volume)


def test_shuffled_frames_of_an_enhanced_file_are_put_in_order(enhanced_series):
    volume, affine = load(enhanced_series.folder)
    assert np.array_equal(volume, enhanced_series.volume)
    assert np.allclose(affine, enhanced_series.affine, atol=1e-9)


def test_an_enhanced_volume_may_be_split_over_files(split_enhanced_series):
    volume, affine = load(split_enhanced_series.folder)
    assert np.array_equal(volume, split_enhanced_series.volume)
    assert np.allclose(affine, split_enhanced_series.affine, atol=1e-9)


@pytest.mark.parametrize("syntax", [JPEGLSLossless, RLELossless])
def test_compressed_slices_are_read(phantom_series, syntax):
    for path in phantom_series.files:
        dataset = pydicom.dcmread(path)
        dataset.PixelRepresentation = 0  # the encoders want unsigned pixels
        dataset.PixelData = (dataset.pixel_array + 50).astype("<u2").tobytes()
        dataset.compress(syntax, generate_instance_uid=False)
        dataset.save_as(path)
    assert np.array_equal(load(phantom_series.folder)[0], phantom_series.volume + 50)


@pytest.mark.parametrize("syntax", [DeflatedExplicitVRLittleEndian, ExplicitVRBigEndian])
def test_rare_encodings_are_read(phantom_series, syntax):
    for path in phantom_series.files:
        dataset = pydicom.dcmread(path)
        if syntax == ExplicitVRBigEndian:
            dataset.PixelData = dataset.pixel_array.byteswap().tobytes()
        dataset.file_meta.TransferSyntaxUID = syntax
        little = syntax.is_little_endian
        pydicom.dcmwrite(
            path, dataset, implicit_vr=False, little_endian=little, force_encoding=True
        )
    assert np.array_equal(load(phantom_series.folder)[0], phantom_series.volume)


@pytest.mark.parametrize("compressed", [False, True])
@pytest.mark.parametrize("kept", [0.6, 0.9])
def test_truncated_pixel_data_is_an_error_that_names_the_file(phantom_series, compressed, kept):
    path = phantom_series.files[3]
    if compressed:
        dataset = pydicom.dcmread(path)
        dataset.compress(RLELossless, generate_instance_uid=False)
        dataset.save_as(path)
    whole = path.read_bytes()
    pixels = whole.find(b"\xe0\x7f\x10\x00")
    path.write_bytes(whole[: pixels + int(kept * (len(whole) - pixels))])
    with pytest.raises(
        InputError, match=r"truncated pixel data .* in 1 of 12 files, first IM0004.dcm"
    ) as caught:
        load(phantom_series.folder)
    assert "\n" not in str(caught.value)


def test_a_file_that_vanishes_after_the_scan_is_an_error(phantom_series):
    series = choose_series(scan_dicom(phantom_series.folder))
    phantom_series.files[3].unlink()
    with pytest.raises(InputError, match=r"IM0004.dcm must be a slice of the volume"):
        load_volume(series)


def test_a_series_with_a_problem_is_not_loaded(phantom_series):
    phantom_series.files[3].unlink()
    (series,) = scan_dicom(phantom_series.folder)
    assert isinstance(series, DicomSeries)
    with pytest.raises(InputError, match="must be a volume, got slices missing between"):
        load_volume(series)


def test_the_geometry_is_read_again_from_the_files_in_any_order(phantom_series):
    stack = load_stack(phantom_series.files[::-1])
    assert [plane.path for plane in stack.planes] == phantom_series.files
    assert np.allclose(stack.affine, phantom_series.affine, atol=1e-9)


def test_the_real_mprage_equals_simpleitk(shared_data):
    sitk = pytest.importorskip("SimpleITK", reason="SimpleITK is not installed")
    folder = shared_data / "dicom" / "t1_mprage_mixed"
    start = time.perf_counter()
    series = choose_series(scan_dicom(folder))
    volume, affine = load_volume(series)
    assert time.perf_counter() - start < 10
    reader = sitk.ImageSeriesReader()
    names = reader.GetGDCMSeriesFileNames(str(series.files[0].parent), series.uid)
    reader.SetFileNames(names)
    image = reader.Execute()
    lps = np.eye(4)
    lps[:3, :3] = np.reshape(image.GetDirection(), (3, 3)) * image.GetSpacing()
    lps[:3, 3] = image.GetOrigin()
    assert [str(path) for path in series.files] == list(names)
    assert np.allclose(affine, np.diag([-1, -1, 1, 1]) @ lps, atol=1e-3)
    assert np.array_equal(volume, sitk.GetArrayFromImage(image).transpose(2, 1, 0))


@pytest.mark.parametrize(
    "name",
    [
        "ge/anatomical/001",
        "ge/anatomical/001_implicit",
        "generic/anatomical/001",
        "generic/anatomical/001_implicit",
        "generic/anatomical/002_non_isotropic",
        "generic/compressed/001",
        "generic/compressed_j2k/001",
        "generic/compressed_jpeg/001",
        "generic/compressed_jpegls/001",
        "generic/compressed_rle/001",
        "hitachi/anatomical/001",
        "hitachi/anatomical/001_implicit",
        "philips_enhanced/anatomical/001",
        "philips_enhanced/anatomical/001_implicit",
        "siemens_multiframe/anatomical/001",
    ],
)
def test_every_vendor_equals_its_ground_truth_in_the_world(shared_data, name):
    vendors = shared_data / "dicom" / "vendors"
    truth = nib.load(vendors / f"{name}_ground_truth.nii.gz")
    expected, expected_affine = in_world(np.squeeze(truth.get_fdata()), truth.affine)
    got, got_affine = in_world(*load(vendors / name))
    assert np.allclose(got, expected, rtol=1e-6, atol=1e-3)
    assert np.allclose(got_affine, expected_affine, atol=1e-4)


@pytest.mark.parametrize("number", range(1, 10))
def test_every_transfer_syntax_gives_the_same_pixels(shared_data, tmp_path, number):
    """The files are mosaics, which are no volume: one is shown four times, in four places."""
    folder = shared_data / "dicom" / "transfer_syntaxes"
    dataset = pydicom.dcmread(folder / "In" / f"{number}.dcm")
    dataset.ImageType = ["ORIGINAL", "PRIMARY", "M", "ND"]
    for k in range(4):
        step = np.cross(dataset.ImageOrientationPatient[:3], dataset.ImageOrientationPatient[3:])
        dataset.ImagePositionPatient = list(3.0 * k * step)
        dataset.SOPInstanceUID = f"1.2.3.{k + 1}"
        dataset.save_as(tmp_path / f"{k}.dcm")
    mosaic = load(tmp_path)[0][:, :, 2]
    tiles = mosaic.reshape(6, 64, 6, 64).transpose(2, 0, 1, 3).reshape(36, 64, 64)[:35]
    truth = np.asarray(nib.load(folder / "Ref" / f"{number}.nii").dataobj)
    assert np.array_equal(tiles.transpose(1, 2, 0)[:, ::-1], truth)
