"""Volumes mixed in one series are told apart, and copies of a slice are not slices."""

from __future__ import annotations

import shutil

import numpy as np
import pydicom
import pytest
from dicom_checks import the_problem
from pydicom.uid import generate_uid

from monai_anogan.errors import InputError
from monai_anogan.io import choose_series, load_stack, load_volume, scan_dicom
from monai_anogan.outputs import write_parametric_map


@pytest.fixture
def two_echoes(phantom_series, edit_dicom):
    """The phantom, and 1000 minus the phantom as a second echo in the same series."""
    for k, path in enumerate(phantom_series.files):
        edit_dicom(path, EchoTime="4.92")
        second = phantom_series.folder / f"second{k}.dcm"
        pixels = 1000 - pydicom.dcmread(path).pixel_array
        uid = generate_uid()
        edit_dicom(
            path, to=second, EchoTime="17.38", SOPInstanceUID=uid, PixelData=pixels.tobytes()
        )
    return phantom_series


@pytest.fixture
def enhanced_phases(enhanced_series):
    """The enhanced phantom, and 1000 minus it as a second time point in the same file."""
    path = enhanced_series.files[0]
    dataset = pydicom.dcmread(path)
    items = []
    for point in (2, 1):
        for item in pydicom.dcmread(path).PerFrameFunctionalGroupsSequence:
            item.FrameContentSequence = [pydicom.Dataset()]
            item.FrameContentSequence[0].TemporalPositionIndex = point
            items.append(item)
    pixels = dataset.pixel_array
    dataset.PerFrameFunctionalGroupsSequence = items
    dataset.NumberOfFrames = len(items)
    dataset.PixelData = np.concatenate([1000 - pixels, pixels]).tobytes()
    dataset.save_as(path)
    return enhanced_series


def test_two_echoes_are_two_volumes_in_the_order_of_echo_time(two_echoes):
    first, second = scan_dicom(two_echoes.folder)
    assert (first.part, first.part_name) == (1, "echo time 4.92")
    assert (second.part, second.part_name) == (2, "echo time 17.38")
    assert np.array_equal(load_volume(first)[0], two_echoes.volume)
    volume, affine = load_volume(second)
    assert np.array_equal(volume, 1000 - two_echoes.volume)
    assert np.allclose(affine, two_echoes.affine, atol=1e-9)


def test_which_of_two_echoes_is_meant_is_not_guessed(two_echoes):
    found = scan_dicom(two_echoes.folder)
    for wanted in (None, "1", found[0].uid, "phantom T1"):
        with pytest.raises(InputError, match=r"1/1 echo time 4.92 .*1/2 echo time 17.38"):
            choose_series(found, wanted)
    for wanted in ("1/2", f"{found[0].uid}/2", "Phantom T1/2"):
        assert choose_series(found, wanted) == found[1]


def test_a_series_of_one_volume_goes_before_a_larger_mixed_one(two_echoes, edit_dicom):
    for k, path in enumerate(two_echoes.files[:6]):
        edit_dicom(
            path,
            to=two_echoes.folder / f"other{k}",
            SeriesInstanceUID="1.2.3",
            SOPInstanceUID=f"1.2.3.{k}",
            SeriesNumber=7,
        )
    assert choose_series(scan_dicom(two_echoes.folder)).number == 7


def test_an_echo_with_a_slice_missing_is_refused_and_the_other_is_not(two_echoes):
    (two_echoes.folder / "second5.dcm").unlink()
    whole, holed = scan_dicom(two_echoes.folder)
    assert whole.problem is None
    assert holed.problem is not None
    assert "slices missing between" in holed.problem
    assert "second4.dcm, second6.dcm" in holed.problem


def test_the_phases_of_one_enhanced_file_are_two_volumes(enhanced_phases, tmp_path):
    first, second = scan_dicom(enhanced_phases.folder)
    assert [s.part_name for s in (first, second)] == [
        "time point index 1",
        "time point index 2",
    ]
    assert np.array_equal(load_volume(first)[0], enhanced_phases.volume)
    assert np.array_equal(load_volume(second)[0], 1000 - enhanced_phases.volume)
    stack = load_stack(second.files, second.frames)
    assert [plane.frame for plane in stack.planes] == list(second.frames)
    assert np.allclose(stack.affine, enhanced_phases.affine, atol=1e-9)


def test_magnitude_is_told_from_the_phase_beside_it(two_echoes):
    for path in two_echoes.folder.iterdir():
        dataset = pydicom.dcmread(path)
        kind = "P" if path.name.startswith("second") else "M"
        dataset.ImageType = ["ORIGINAL", "PRIMARY", kind, "ND"]
        dataset.EchoTime = "4.92"
        dataset.save_as(path)
    found = {series.part_name: series.problem for series in scan_dicom(two_echoes.folder)}
    assert found == {
        "image type ORIGINAL\\PRIMARY\\M\\ND": None,
        "image type ORIGINAL\\PRIMARY\\P\\ND": "a phase image (field map), not anatomy",
    }


def test_what_nothing_tells_apart_is_refused_as_one(two_echoes, edit_dicom):
    for path in two_echoes.folder.iterdir():
        edit_dicom(path, EchoTime="4.92")
    problem = the_problem(two_echoes.folder)
    assert "12 of 24 images at a position already taken" in problem
    assert "which nothing in their headers tells apart" in problem


def test_copies_of_whole_files_do_not_matter(phantom_series):
    shutil.copytree(phantom_series.folder, phantom_series.folder / "backup")
    (series,) = scan_dicom(phantom_series.folder)
    assert list(series.files) == phantom_series.files


def test_one_instance_with_two_contents_is_refused(phantom_series, edit_dicom):
    edit_dicom(phantom_series.files[4], to=phantom_series.folder / "copy.dcm", RescaleSlope="2")
    problem = the_problem(phantom_series.folder)
    assert "1 of 13 images at a position already taken" in problem
    assert "IM0005.dcm" in problem
    assert "copy.dcm" in problem
    assert "of one SOP Instance UID but of different content" in problem


def test_a_map_of_one_phase_lies_on_that_phase(enhanced_phases, tmp_path):
    second = choose_series(scan_dicom(enhanced_phases.folder), "2/2")
    volume = np.random.default_rng(0).random(second.shape).astype(np.float32)
    write_parametric_map(
        volume, second.files, tmp_path / "map.dcm", version="0", dicom_frames=second.frames
    )
    written = pydicom.dcmread(tmp_path / "map.dcm")
    heights = [
        np.dot(
            np.array(item.PlanePositionSequence[0].ImagePositionPatient) * (-1, -1, 1),
            enhanced_phases.affine[:3, 2],
        )
        for item in written.PerFrameFunctionalGroupsSequence
    ]
    slices = written.pixel_array[np.argsort(heights)]
    assert np.array_equal(slices, volume.transpose(2, 1, 0))
