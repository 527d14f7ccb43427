"""A filled scan is its source with other values in the hole: bit for bit the same elsewhere."""

import nibabel as nib
import numpy as np
import pydicom
import pytest
from conftest import oblique_affine
from external_tools import errors_of_dciodvfy
from painted_case import make_series

from monai_anogan.io import DicomSeriesReader, load_stored
from monai_anogan.outputs import holds_other_volumes, write_filled_nifti, write_filled_series
from monai_anogan.outputs.stored_values import to_stored

SHAPE = (12, 14, 10)
AFFINE = oblique_affine((2.0, -1.5, 3.0), (18.0, -20.0, 7.0))


def hole_in(shape):
    hole = np.zeros(shape, bool)
    hole[tuple(slice(n // 3, n // 3 + 3) for n in shape)] = True
    return hole


@pytest.mark.parametrize(
    ("dtype", "slope", "inter"),
    [
        (np.int16, 1, 0),
        (np.uint8, 3.7, -12.5),
        (np.int16, 0.013, 5),
        (np.float32, 1, 0),
        (">i2", 1, 0),
        (np.float64, 1, 0),
    ],
)
@pytest.mark.parametrize("kind", [nib.Nifti1Image, nib.Nifti2Image])
def test_nifti_keeps_type_scale_place_and_every_stored_value(tmp_path, kind, dtype, slope, inter):
    rng = np.random.default_rng(0)
    stored = rng.integers(0, 255, SHAPE).astype(dtype)
    if stored.dtype.kind == "f":
        stored += rng.uniform(0, 1, SHAPE).astype(dtype) / 3
    header = kind.header_class(endianness=">" if dtype == ">i2" else "<")
    image = kind(stored, AFFINE, header)
    image.header.set_slope_inter(slope, inter)
    nib.save(image, tmp_path / "scan.nii")
    hole, scan = hole_in(SHAPE), stored.astype(np.float64) * slope + inter
    filled = np.where(hole, scan.mean() + 0.4, scan).astype(np.float32)
    write_filled_nifti(filled, hole, tmp_path / "scan.nii", tmp_path / "out.nii.gz", version="1")
    source, result = nib.load(tmp_path / "scan.nii"), nib.load(tmp_path / "out.nii.gz")
    before, after = source.dataobj.get_unscaled(), result.dataobj.get_unscaled()
    assert after.dtype == before.dtype
    assert before[~hole].tobytes() == after[~hole].tobytes()
    assert np.array_equal(result.affine, source.affine)
    assert (result.dataobj.slope, result.dataobj.inter) == (
        source.dataobj.slope,
        source.dataobj.inter,
    )
    assert type(result) is kind
    off = np.abs(np.asarray(result.dataobj)[hole] - (scan.mean() + 0.4)).max()
    assert off <= (slope / 2 * 1.001 if before.dtype.kind in "iu" else 1e-4)
    assert b"monai_anogan" in bytes(result.header["descrip"])


def test_stored_values_are_the_nearest_and_stay_in_their_range():
    values = np.array([-1e6, 4.4, 4.6, 1e6], np.float32)
    assert to_stored(values, 1, 0, np.int16).tolist() == [-32768, 4, 5, 32767]
    assert to_stored(values, 2, 1, np.uint8).tolist() == [0, 2, 2, 255]
    assert to_stored(values, 1, 0, np.uint16, bits=12).tolist() == [0, 4, 5, 4095]
    assert to_stored(values, 1, 0, np.int16, bits=12).tolist() == [-2048, 4, 5, 2047]


def filled_copy(series, folder):
    """A series, and the one written with another value in a hole, both as loaded."""
    before, meta = DicomSeriesReader().get_data(series)
    stored = load_stored(meta["dicom_files"], meta["dicom_frames"])
    hole = hole_in(before.shape)
    new = float(before.min() + before.max()) / 2 + 0.3
    filled = np.where(hole, new, before).astype(np.float32)
    files = write_filled_series(filled, hole, stored, folder, version="1.2", model="m 3")
    after, there = DicomSeriesReader().get_data(folder)
    assert np.array_equal(after[~hole], before[~hole])
    largest_step = max(abs(slope) for slope, _ in stored.rescales)
    assert np.abs(after[hole] - new).max() <= largest_step / 2 * 1.001
    np.testing.assert_allclose(there["affine"], meta["affine"], atol=1e-6)
    return meta, [pydicom.dcmread(path) for path in meta["dicom_files"]], files


KINDS = ("mr axial", "mr sagittal", "mr oblique", "ct axial", "mr enhanced", "mr enhanced split")


@pytest.mark.parametrize("kind", KINDS)
def test_a_series_differs_in_the_hole_alone_and_says_what_it_is(tmp_path, kind):
    series = make_series(kind, tmp_path)
    meta, sources, files = filled_copy(series, tmp_path / "filled")
    images = [pydicom.dcmread(path) for path in files]
    uids = {image.SOPInstanceUID for image in images}
    assert len(uids) == len(sources)
    assert not uids & {source.SOPInstanceUID for source in sources}
    assert len({image.SeriesInstanceUID for image in images} | {meta["series_uid"]}) == 2
    for source, image in zip(sources, images, strict=True):
        assert image.StudyInstanceUID == source.StudyInstanceUID
        assert image.FrameOfReferenceUID == source.FrameOfReferenceUID
        assert image.PatientID == source.PatientID
        assert image.ImageType[0] == "DERIVED"
        assert image.SourceImageSequence[0].ReferencedSOPInstanceUID == source.SOPInstanceUID
        assert image.file_meta.MediaStorageSOPInstanceUID == image.SOPInstanceUID
        assert "Research use only" in image.DerivationDescription
        assert "research use only" in image.SeriesDescription
        assert image.ContributingEquipmentSequence[-1].SoftwareVersions == "1.2"


def test_dciodvfy_finds_no_error(tmp_path):
    series = make_series("mr oblique", tmp_path)
    for path in filled_copy(series, tmp_path / "filled")[2]:
        assert errors_of_dciodvfy(path) == []


@pytest.mark.parametrize(
    "place",
    [
        "vendors/generic/compressed_jpegls/001",
        "vendors/generic/anatomical/002_non_isotropic",
        "vendors/ge/anatomical/001_implicit",
        "vendors/philips_enhanced/anatomical/001",
        "vendors/siemens_multiframe/anatomical/001",
    ],
)
def test_series_of_real_scanners_differ_in_the_hole_alone(shared_data, tmp_path, place):
    filled_copy(shared_data / "dicom" / place, tmp_path / "filled")


def test_inverted_pixels_are_filled_inverted(tmp_path, phantom_series, edit_dicom):
    for path in phantom_series.files:
        edit_dicom(path, PhotometricInterpretation="MONOCHROME1")
    _, _, files = filled_copy(phantom_series.folder, tmp_path / "filled")
    assert pydicom.dcmread(files[0]).PhotometricInterpretation == "MONOCHROME1"


def test_slices_of_different_slopes_are_filled_each_in_its_own(
    tmp_path, phantom_series, edit_dicom
):
    for k, path in enumerate(phantom_series.files):
        edit_dicom(path, RescaleSlope=str(1 + k / 4), RescaleIntercept=str(-k))
    filled_copy(phantom_series.folder, tmp_path / "filled")


def test_a_file_with_frames_of_other_volumes_is_told_apart(enhanced_series):
    whole = load_stored(enhanced_series.files)
    assert not holds_other_volumes(whole)
    assert holds_other_volumes(load_stored(enhanced_series.files, sorted_part(whole)))


def sorted_part(stored):
    """The frames of the lower slices."""
    return [plane.frame for plane in stored.stack.planes[:6]]
