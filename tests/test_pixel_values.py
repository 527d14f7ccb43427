"""Values come out as the scanner meant them, whatever decodes them and however they are scaled."""

from __future__ import annotations

import zlib
from pathlib import Path

import numpy as np
import pydicom
import pytest
from dicom_checks import the_problem
from external_tools import run_tool
from pydicom.data import get_testdata_file
from pydicom.uid import ExplicitVRBigEndian, ImplicitVRLittleEndian

from monai_anogan.errors import InputError
from monai_anogan.io import dicom_header, find_series, load_volume


def volume_of(path: Path) -> np.ndarray:
    return load_volume(find_series(path))[0]


def as_four_slices(name: str, folder: Path) -> Path:
    """One of pydicom's own files as a series of four equal slices, its pixel bytes untouched."""
    dataset = pydicom.dcmread(get_testdata_file(name, download=False))
    for k in range(4):
        step = np.cross(dataset.ImageOrientationPatient[:3], dataset.ImageOrientationPatient[3:])
        dataset.ImagePositionPatient = list(np.round(3.0 * k * step, 6))
        dataset.SOPInstanceUID = dataset.file_meta.MediaStorageSOPInstanceUID = f"1.2.3.{k + 1}"
        dataset.save_as(folder / f"{k}.dcm")
    return folder


@pytest.mark.parametrize(
    "name",
    [
        "MR_small_RLE.dcm",
        "MR_small_bigendian.dcm",
        "MR_small_expb.dcm",
        "MR_small_implicit.dcm",
        "MR_small_jp2klossless.dcm",
        "MR_small_jpeg_ls_lossless.dcm",
        "MR_small_padded.dcm",
    ],
)
def test_pydicoms_encodings_of_one_slice_give_the_same_values(tmp_path, name):
    plain = np.frombuffer(
        pydicom.dcmread(get_testdata_file("MR_small.dcm", download=False)).PixelData, "<i2"
    ).reshape(64, 64)
    volume = volume_of(as_four_slices(name, tmp_path))
    assert np.array_equal(volume, np.stack([plain.T] * 4, axis=-1))


@pytest.mark.parametrize(
    ("name", "low", "high"),
    [("693_J2KI.dcm", -4000, 3000), ("J2K_pixelrep_mismatch.dcm", -2000, 3000)],
)
def test_lossy_and_mislabelled_jpeg_2000_give_hounsfield_units(tmp_path, name, low, high):
    volume = volume_of(as_four_slices(name, tmp_path))
    assert low <= volume.min() < -900  # air
    assert 30 < volume.max() <= high  # tissue
    assert np.array_equal(volume[..., 0], volume[..., 3])


def test_jpeg_extended_of_12_bits_gives_what_dcmtk_gives(tmp_path):
    """One slice, said to be MR in four places; dcmdjpeg of DCMTK 3.6.7 gives it this range."""
    dataset = pydicom.dcmread(get_testdata_file("JPGExtended.dcm", download=False))
    dataset.SOPClassUID = pydicom.uid.MRImageStorage
    dataset.Modality, dataset.PixelSpacing = "MR", [1, 1]
    dataset.ImageOrientationPatient = [1, 0, 0, 0, 1, 0]
    for k in range(4):
        dataset.ImagePositionPatient = [0, 0, k]
        dataset.SOPInstanceUID = f"1.2.3.{k + 1}"
        dataset.save_as(tmp_path / f"{k}.dcm")
    volume = volume_of(tmp_path)
    assert volume.shape == (256, 1024, 4)
    assert (volume.min(), volume.max()) == (0, 264)
    assert volume.mean() == pytest.approx(14.369991302490234)


def test_bits_beyond_those_stored_do_not_count(phantom_series, edit_dicom):
    for path in phantom_series.files:
        dataset = pydicom.dcmread(path)
        values = dataset.pixel_array.astype(np.int32) & 0x0FFF  # 12 bits, two's complement
        dirt = np.random.default_rng(0).integers(0, 16, values.shape) << 12
        edit_dicom(
            path, BitsStored=12, HighBit=11, PixelData=(values | dirt).astype("<u2").tobytes()
        )
    assert np.array_equal(volume_of(phantom_series.folder), phantom_series.volume)


def test_philips_slices_of_different_scale_are_made_comparable(phantom_series):
    """Stored = true * scale slope - intercept/slope: what the vendor's own formula undoes."""
    for k, path in enumerate(phantom_series.files):
        dataset = pydicom.dcmread(path)
        dataset.RescaleSlope, dataset.RescaleIntercept = f"{1 + k}", f"{-10.0 * (1 + k)}"
        block = dataset.private_block(0x2005, "Philips MR Imaging DD 001", create=True)
        block.add_new(0x0E, "FL", 0.5 if k % 2 else 0.25)
        dataset.save_as(path)
    scale = np.where(np.arange(12) % 2, 0.5, 0.25)
    assert np.allclose(volume_of(phantom_series.folder), (phantom_series.volume - 10) / scale)


def test_philips_scale_that_all_slices_share_leaves_the_displayed_values(phantom_series):
    for path in phantom_series.files:
        dataset = pydicom.dcmread(path)
        dataset.RescaleSlope, dataset.RescaleIntercept = "2", "-10"
        block = dataset.private_block(0x2005, "Philips MR Imaging DD 001", create=True)
        block.add_new(0x0E, "FL", 0.25)
        dataset.file_meta.TransferSyntaxUID = ImplicitVRLittleEndian
        dataset.save_as(path, implicit_vr=True, little_endian=True)
    assert np.array_equal(volume_of(phantom_series.folder), 2 * phantom_series.volume - 10)


@pytest.mark.parametrize("big_endian", [False, True])
def test_files_without_preamble_and_syntax_give_their_values(phantom_series, big_endian):
    for path in phantom_series.files:
        dataset = pydicom.dcmread(path)
        if big_endian:
            dataset.PixelData = dataset.pixel_array.byteswap().tobytes()
            dataset.file_meta.TransferSyntaxUID = ExplicitVRBigEndian
        del dataset.file_meta, dataset.preamble
        pydicom.dcmwrite(
            path,
            dataset,
            implicit_vr=not big_endian,
            little_endian=not big_endian,
            force_encoding=True,
        )
    assert np.array_equal(volume_of(phantom_series.folder), phantom_series.volume)


def test_pixels_of_another_slope_for_each_slice_of_an_enhanced_pet(enhanced_series):
    path = enhanced_series.files[0]
    dataset = pydicom.dcmread(path)
    dataset.SOPClassUID = dataset.file_meta.MediaStorageSOPClassUID = "1.2.840.10008.5.1.4.1.1.130"
    dataset.Modality = "PT"
    slopes = {}
    for item in dataset.PerFrameFunctionalGroupsSequence:
        item.PixelValueTransformationSequence = [pydicom.Dataset()]
        slope = item.PixelValueTransformationSequence[0]
        height = float(item.PlanePositionSequence[0].ImagePositionPatient[2])
        slope.RescaleSlope, slope.RescaleIntercept = f"{abs(height) + 0.5:.3f}", "0"
        slopes[height] = float(slope.RescaleSlope)
    dataset.save_as(path)
    expected = enhanced_series.volume * [slopes[height] for height in sorted(slopes)]
    assert np.allclose(volume_of(path), expected)


def test_a_lookup_table_and_two_frames_of_reference_are_refused(phantom_series, edit_dicom):
    table = pydicom.Dataset()
    table.LUTDescriptor, table.ModalityLUTType, table.LUTData = [2, 0, 16], "US", b"\1\0\2\0"
    edit_dicom(phantom_series.files[2], ModalityLUTSequence=[table])
    problem = the_problem(phantom_series.folder)
    assert "a modality lookup table instead of a rescale slope in 1 of 12 files" in problem
    edit_dicom(phantom_series.files[2], ModalityLUTSequence=None, FrameOfReferenceUID="1.2.3")
    assert the_problem(phantom_series.folder) == "slices of different frames of reference"


def test_pixels_that_no_file_can_hold_are_refused_before_they_are_decoded(
    phantom_series, edit_dicom
):
    for path in phantom_series.files:
        dataset = pydicom.dcmread(path)
        dataset.compress(pydicom.uid.RLELossless, generate_instance_uid=False)
        dataset.Rows = dataset.Columns = 8192
        dataset.save_as(path)
    assert "134217728 bytes of pixels stated in" in the_problem(phantom_series.folder)
    edit_dicom(phantom_series.files[0], Rows=65535, Columns=65535)
    assert "slices of 65535 x 65535 pixels" in the_problem(phantom_series.folder)


def test_a_header_is_parsed_once_until_its_file_changes(phantom_series, edit_dicom, monkeypatch):
    parsed = []
    parse = dicom_header.parse_header
    monkeypatch.setattr(
        dicom_header, "parse_header", lambda path, tags: parsed.append(path) or parse(path, tags)
    )
    for _ in range(3):
        volume_of(phantom_series.folder)
    assert sorted(parsed) == phantom_series.files
    edit_dicom(phantom_series.files[4], RescaleSlope="3")
    volume = volume_of(phantom_series.folder)
    assert parsed[12:] == [phantom_series.files[4]]
    assert np.array_equal(volume[..., 4], 3 * phantom_series.volume[..., 4])


def test_a_deflated_bomb_is_not_inflated(phantom_series, tmp_path, caplog):

    dataset = pydicom.dcmread(phantom_series.files[0])
    dataset.file_meta.TransferSyntaxUID = pydicom.uid.DeflatedExplicitVRLittleEndian
    path = tmp_path / "bomb.dcm"
    dataset.save_as(path)
    whole = path.read_bytes()
    meta = 144 + pydicom.dcmread(path).file_meta.FileMetaInformationGroupLength
    deflate = zlib.compressobj(1, wbits=-zlib.MAX_WBITS)
    with path.open("wb") as stream:
        stream.write(whole[:meta])
        for _ in range(1100):
            stream.write(deflate.compress(bytes(1 << 20)))
        stream.write(deflate.flush())
    with pytest.raises(InputError, match="must be a DICOM or NIfTI image"):
        find_series(path)
    assert "a deflated dataset of more than 1 GiB" in caplog.text


@pytest.mark.parametrize("option", ["+e1", "+el"])
def test_lossless_jpeg_of_dcmtk_gives_the_same_values(phantom_series, option):
    unsigned(phantom_series)
    for path in phantom_series.files:
        run_tool("dcmcjpeg", "Debian: dcmtk", option, path, path)
    assert np.array_equal(volume_of(phantom_series.folder), phantom_series.volume + 50)


def test_damaged_lossless_jpeg_is_refused_and_takes_no_process_with_it(phantom_series):
    """GDCM aborts on some of these."""
    unsigned(phantom_series)
    path = phantom_series.files[5]
    for file in phantom_series.files:
        run_tool("dcmcjpeg", "Debian: dcmtk", "+e1", file, file)
    whole = path.read_bytes()
    begin = whole.index(b"\xff\xd8")  # the JPEG stream
    rng = np.random.default_rng(0)
    refused = 0
    for _ in range(12):
        damaged = bytearray(whole)
        for place in rng.integers(begin, begin + 60, 4):
            damaged[place] = rng.integers(256)
        path.write_bytes(damaged)
        try:
            volume_of(phantom_series.folder)
        except InputError as error:
            assert "IM0006.dcm" in str(error)  # noqa: PT017
            refused += 1
    assert refused > 6


def unsigned(series) -> None:
    """12 bits without a sign, which is what DCMTK's JPEG takes."""
    for path in series.files:
        dataset = pydicom.dcmread(path)
        dataset.PixelRepresentation, dataset.BitsStored, dataset.HighBit = 0, 12, 11
        dataset.PixelData = (dataset.pixel_array + 50).astype("<u2").tobytes()
        dataset.save_as(path)
