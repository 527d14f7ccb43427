"""What keeps slices from being a volume is found, and named by its place."""

from __future__ import annotations

import numpy as np
import pydicom
from dicom_checks import position_of, the_problem


def test_a_missing_slice_is_named_by_its_place(phantom_series):
    positions = [position_of(path) for path in phantom_series.files]
    phantom_series.files[5].unlink()
    problem = the_problem(phantom_series.folder)
    normal = phantom_series.affine[:3, 2] / 3 * (-1, -1, 1)
    assert (
        f"missing between {positions[4] @ normal:.2f} and {positions[6] @ normal:.2f} mm" in problem
    )
    assert "IM0005.dcm, IM0007.dcm" in problem


def test_fewer_than_four_slices_are_not_a_volume(phantom_series):
    for path in phantom_series.files[3:]:
        path.unlink()
    assert the_problem(phantom_series.folder) == "not a volume: 3 slices, at least 4 needed"


def test_uneven_spacing_is_a_problem(phantom_series, edit_dicom):
    step = position_of(phantom_series.files[1]) - position_of(phantom_series.files[0])
    moved = position_of(phantom_series.files[7]) + 0.3 * step
    edit_dicom(phantom_series.files[7], ImagePositionPatient=list(moved))
    problem = the_problem(phantom_series.folder)
    assert problem.startswith("uneven slice spacing, 2.100 to 3.900 mm")
    assert "IM0008.dcm" in problem


def test_a_gantry_tilt_is_a_problem_with_its_angle(phantom_series, edit_dicom):
    sideways = np.array(pydicom.dcmread(phantom_series.files[0]).ImageOrientationPatient[3:], float)
    for k, path in enumerate(phantom_series.files):
        shift = sideways * k * 3.0 * np.tan(np.radians(12.0))
        edit_dicom(path, ImagePositionPatient=list(position_of(path) + shift))
    assert "gantry tilt of 12.0 degrees" in the_problem(phantom_series.folder)


def test_a_frame_missing_from_an_enhanced_file_is_named(enhanced_series):
    dataset = pydicom.dcmread(enhanced_series.files[0])
    heights = [
        item.PlanePositionSequence[0].ImagePositionPatient[2]
        for item in dataset.PerFrameFunctionalGroupsSequence
    ]
    middle = int(np.argsort(heights)[6])
    del dataset.PerFrameFunctionalGroupsSequence[middle]
    dataset.NumberOfFrames = 11
    dataset.save_as(enhanced_series.files[0])
    assert "slices missing between" in the_problem(enhanced_series.folder)
    assert "frame" in the_problem(enhanced_series.folder)
