"""The series scanner names every series, picks the volume, and says why the others are not one."""

from __future__ import annotations

import time

import numpy as np
import pydicom
import pytest
from dicom_checks import position_of, the_problem
from pydicom.uid import ImplicitVRLittleEndian

from monai_anogan.io import choose_series, load_volume, scan_dicom


def test_a_clean_series_is_described_with_its_files_in_slice_order(phantom_series):
    shuffled = np.random.default_rng(0).permutation(len(phantom_series.files))
    for k, path in zip(shuffled, phantom_series.files, strict=True):
        path.rename(phantom_series.folder / f"x{k}")  # no suffix, names in no order
    (series,) = scan_dicom(phantom_series.folder)
    assert series.problem is None
    assert series.shape == (20, 24, 12)
    assert np.allclose(series.spacing, (2, 1.5, 3))
    assert (series.orientation, series.modality, series.number) == ("axial", "MR", 1)
    heights = [position_of(path)[2] for path in series.files]
    assert heights == sorted(heights)


@pytest.mark.parametrize("preamble", [True, False])
def test_files_without_preamble_and_in_nested_folders_are_found(phantom_series, preamble):
    deep = phantom_series.folder / "a" / "b"
    deep.mkdir(parents=True)
    for path in phantom_series.files[::2]:
        dataset = pydicom.dcmread(path)
        path.unlink()
        if preamble:
            dataset.save_as(deep / path.name)
        else:
            del dataset.file_meta, dataset.preamble
            dataset.save_as(deep / path.stem, implicit_vr=True, little_endian=True)
    (series,) = scan_dicom(phantom_series.folder)
    assert series.problem is None
    assert len(series.files) == 12


def test_junk_among_the_files_is_skipped_without_a_traceback(phantom_series, caplog):
    folder = phantom_series.folder
    (folder / "notes.txt").write_text("not an image")
    (folder / "empty.dcm").write_bytes(b"")
    (folder / "half.dcm").write_bytes(b"\0" * 128 + b"DICM\x02\x00")
    (folder / "pretender").write_bytes(b"\x08\x00\x05\x00" + bytes(range(256)) * 4)
    (folder / "scan.png").write_bytes(b"\x89PNG\r\n\x1a\n" + b"\0" * 500)
    (folder / "loop").symlink_to(folder)
    (folder / "gone.dcm").symlink_to(folder / "nowhere.dcm")
    with caplog.at_level("INFO"):
        (series,) = scan_dicom(folder)
    assert series.problem is None
    assert "6 files that are not DICOM skipped" in caplog.text


def test_random_damage_to_a_header_never_raises(phantom_series):
    rng = np.random.default_rng(1)
    whole = phantom_series.files[0].read_bytes()
    for _ in range(300):
        damaged = bytearray(whole[: rng.integers(132, len(whole))])
        for place in rng.integers(132, len(damaged), 12) if len(damaged) > 132 else ():
            damaged[place] = rng.integers(256)
        phantom_series.files[0].write_bytes(damaged)
        assert all(
            s.problem is None or "\n" not in s.problem for s in scan_dicom(phantom_series.folder)
        )


@pytest.mark.parametrize(
    ("changes", "clause"),
    [
        ({"PixelSpacing": [1, 1]}, "different size: IM0003.dcm has 24 rows of 1 mm"),
        ({"Rows": 12, "Columns": 40}, "different size: IM0003.dcm has 12 rows"),
        ({"ImageOrientationPatient": [0, 1, 0, 0, 0, -1]}, "different orientation"),
        ({"ImageOrientationPatient": [1, 0, 0, 1, 0, 0]}, "perpendicular unit vectors, in IM0003"),
        ({"ImagePositionPatient": None}, "no place in the patient (position, orientation or spac"),
        ({"ImagePositionPatient": ["1", "2", "nan"]}, "no place in the patient"),
        ({"PixelSpacing": [0, 0]}, "no place in the patient"),
        ({"PixelData": None}, "no pixel data in 1 of 12 files, first IM0003.dcm"),
        ({"SamplesPerPixel": 3, "PhotometricInterpretation": "RGB"}, "a colour image"),
        ({"PhotometricInterpretation": "PALETTE COLOR"}, "a colour image"),
        ({"PhotometricInterpretation": "MONOCHROME1"}, "MONOCHROME1 and MONOCHROME2"),
    ],
)
def test_one_odd_file_makes_a_series_unusable(phantom_series, edit_dicom, changes, clause):
    edit_dicom(phantom_series.files[2], **changes)
    assert clause in the_problem(phantom_series.folder)


@pytest.mark.parametrize(
    ("changes", "clause"),
    [
        ({"ImageType": ["ORIGINAL", "PRIMARY", "LOCALIZER"]}, "a localizer: 12 slices"),
        ({"ImageType": ["ORIGINAL", "PRIMARY", "P", "ND"]}, "a phase image"),
        ({"ImageType": ["ORIGINAL", "PRIMARY", "M", "MOSAIC"]}, "a Siemens mosaic"),
        ({"SOPClassUID": "1.2.840.10008.5.1.4.1.1.7"}, "but Secondary Capture Image Storage"),
        ({"SOPClassUID": "1.2.840.10008.5.1.4.1.1.6.1"}, "but Ultrasound Image Storage"),
        ({"ImageOrientationPatient": None}, "no place in the patient"),
    ],
)
def test_a_series_of_another_kind_is_not_usable(phantom_series, edit_dicom, changes, clause):
    for path in phantom_series.files:
        edit_dicom(path, **changes)
    assert clause in the_problem(phantom_series.folder)


def test_decimal_strings_over_16_characters_are_read_even_in_pydicoms_strict_mode(
    phantom_series, edit_dicom, monkeypatch
):
    for path in phantom_series.files:
        text = [f"{value:.17f}" for value in position_of(path)]
        assert max(map(len, text)) > 16
        edit_dicom(path, ImagePositionPatient=text)
    monkeypatch.setattr(pydicom.config.settings, "reading_validation_mode", pydicom.config.RAISE)
    (series,) = scan_dicom(phantom_series.folder)
    assert series.problem is None
    assert list(series.files) == phantom_series.files
    assert np.allclose(load_volume(series)[1], phantom_series.affine, atol=1e-12)


def test_folders_below_are_searched_only_if_asked(phantom_series):
    assert len(scan_dicom(phantom_series.folder.parent)) == 1
    assert scan_dicom(phantom_series.folder.parent, recursive=False) == []


@pytest.mark.parametrize("plane", ["sagittal", "coronal", "axial", "oblique coronal"])
def test_the_plane_is_named(phantom_series, edit_dicom, plane):
    tilt = np.radians(25.0)
    row, column = {
        "sagittal": ((0, 1, 0), (0, 0, -1)),
        "coronal": ((1, 0, 0), (0, 0, -1)),
        "axial": ((1, 0, 0), (0, 1, 0)),
        "oblique coronal": ((np.cos(tilt), np.sin(tilt), 0), (0, 0, -1)),
    }[plane]
    for k, path in enumerate(phantom_series.files):
        place = np.cross(row, column) * 3.0 * k
        edit_dicom(path, ImageOrientationPatient=[*row, *column], ImagePositionPatient=list(place))
    (series,) = scan_dicom(phantom_series.folder)
    assert (series.problem, series.orientation) == (None, plane)


def test_an_enhanced_multi_frame_file_is_one_volume(enhanced_series):
    (series,) = scan_dicom(enhanced_series.folder)
    assert series.problem is None
    assert series.files == tuple(enhanced_series.files)
    assert series.shape == (20, 24, 12)


def test_the_mprage_is_chosen_from_a_real_mixed_study(shared_data):
    start = time.perf_counter()
    found = scan_dicom(shared_data / "dicom" / "t1_mprage_mixed")
    seconds = time.perf_counter() - start
    chosen = choose_series(found)
    assert len(found) == 3
    assert chosen.number == 19
    assert len(chosen.files) == 176
    assert chosen.orientation == "sagittal"
    assert [s.problem for s in found] == [None, "a phase image (field map), not anatomy", None]
    assert seconds < 5


@pytest.mark.parametrize(
    ("folder", "clause"),
    [
        ("gantrytilting/001", "gantry tilt of 14.0 degrees"),
        ("notavolume/001", "3 of 4 images at a position already taken"),
        ("slicecount/001", "not a volume: 2 slices"),
        ("sliceincrement/001", "slices missing between 28.11 and 38.11 mm"),
        ("sliceincrement/002", "gantry tilt"),
        ("sliceorientation/001", "slices of different size"),
    ],
)
def test_real_series_that_are_no_volume_are_refused(shared_data, folder, clause):
    assert clause in the_problem(shared_data / "dicom" / "vendors" / "failing" / folder)


def test_real_mosaics_and_colour_are_refused(shared_data):
    assert "mosaic" in the_problem(shared_data / "dicom" / "transfer_syntaxes" / "In")
    assert "colour" in the_problem(shared_data / "dicom" / "vendors" / "generic" / "rgb" / "001")


def test_the_implicit_syntax_is_read(phantom_series):
    for path in phantom_series.files:
        dataset = pydicom.dcmread(path)
        dataset.file_meta.TransferSyntaxUID = ImplicitVRLittleEndian
        dataset.save_as(path, implicit_vr=True, little_endian=True)
    assert choose_series(scan_dicom(phantom_series.folder)).shape == (20, 24, 12)
