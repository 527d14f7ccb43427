"""Every frame of a Parametric Map sits where its source slice sits and holds its values."""

from __future__ import annotations

import warnings
from pathlib import Path

import highdicom as hd
import numpy as np
import pydicom
import pytest
from external_tools import errors_of_dciodvfy
from pydicom.uid import ExplicitVRLittleEndian

from monai_anogan.errors import InputError
from monai_anogan.io import choose_series, load_volume, scan_dicom
from monai_anogan.outputs import write_parametric_map


def a_map(shape: tuple[int, ...]) -> np.ndarray:
    """Different in every voxel, heavy-tailed like a score."""
    return np.random.default_rng(11).gamma(1.0, 2.0, shape).astype(np.float32)


def source_slices(files) -> dict[tuple[str, int], tuple[list[float], list[float]]]:
    """(SOP instance, frame number) -> position, orientation, read plainly from the source."""
    slices = {}
    for path in files:
        image = pydicom.dcmread(path, stop_before_pixels=True)
        if "PerFrameFunctionalGroupsSequence" not in image:
            key = (image.SOPInstanceUID, 1)
            slices[key] = (image.ImagePositionPatient, image.ImageOrientationPatient)
            continue
        shared = image.get("SharedFunctionalGroupsSequence", [pydicom.Dataset()])[0]
        for n, item in enumerate(image.PerFrameFunctionalGroupsSequence, 1):
            orientation = (item if "PlaneOrientationSequence" in item else shared)[
                "PlaneOrientationSequence"
            ][0].ImageOrientationPatient
            position = item.PlanePositionSequence[0].ImagePositionPatient
            slices[image.SOPInstanceUID, n] = (position, orientation)
    return slices


def source_of(item: pydicom.Dataset, slices: dict) -> tuple[str, int]:
    """The slice a frame refers to; where highdicom wrote no reference, the one in its place."""
    if item.DerivationImageSequence:
        reference = item.DerivationImageSequence[0].SourceImageSequence[0]
        return reference.ReferencedSOPInstanceUID, reference.get("ReferencedFrameNumber", 1)
    position = item.PlanePositionSequence[0].ImagePositionPatient
    return next(key for key, (place, _) in slices.items() if place == position)


def check_frames(
    path: Path, volume: np.ndarray, affine: np.ndarray, files, *, referred: bool = True
) -> None:
    """Each frame's place is its source slice's, and its values are the map's at that place."""
    slices = source_slices(files)
    parametric_map = hd.pm.ParametricMap.from_file(path)
    shared = parametric_map.SharedFunctionalGroupsSequence[0]
    orientation = shared.PlaneOrientationSequence[0].ImageOrientationPatient
    frames = parametric_map.pixel_array.reshape(volume.shape[::-1])
    to_voxel = np.linalg.inv(affine)
    seen = set()
    for frame, item in zip(frames, parametric_map.PerFrameFunctionalGroupsSequence, strict=True):
        position = np.array(item.PlanePositionSequence[0].ImagePositionPatient, float)
        assert bool(item.DerivationImageSequence) == referred
        slice_position, slice_orientation = slices[source_of(item, slices)]
        assert np.array_equal(position, np.array(slice_position, float))
        assert np.allclose(orientation, np.array(slice_orientation, float), atol=1e-9)
        voxel = to_voxel @ np.array([-position[0], -position[1], position[2], 1])
        assert np.allclose(voxel[:2], 0, atol=1e-3)
        k = round(voxel[2])
        assert np.array_equal(frame, volume[:, :, k].T)
        seen.add(k)
    assert seen == set(range(volume.shape[2]))


def test_each_frame_sits_where_its_classic_slice_sits(phantom_series, tmp_path):
    volume = a_map(phantom_series.volume.shape)
    path = tmp_path / "map.dcm"
    write_parametric_map(volume, phantom_series.files, path, version="0.1.0")
    check_frames(path, volume, phantom_series.affine, phantom_series.files)


def test_each_frame_sits_where_its_frame_of_an_enhanced_file_sits(enhanced_series, tmp_path):
    volume = a_map(enhanced_series.volume.shape)
    path = tmp_path / "map.dcm"
    write_parametric_map(volume, enhanced_series.files, path, version="0.1.0")
    check_frames(path, volume, enhanced_series.affine, enhanced_series.files)


def test_an_enhanced_source_split_over_files_keeps_each_place(split_enhanced_series, tmp_path):
    volume = a_map(split_enhanced_series.volume.shape)
    path = tmp_path / "map.dcm"
    write_parametric_map(volume, split_enhanced_series.files, path, version="0.1.0")
    files = split_enhanced_series.files
    check_frames(path, volume, split_enhanced_series.affine, files, referred=False)
    series = pydicom.dcmread(path).ReferencedSeriesSequence[0]
    referenced = {item.ReferencedSOPInstanceUID for item in series.ReferencedInstanceSequence}
    assert referenced == {pydicom.dcmread(f).SOPInstanceUID for f in files}


def test_it_belongs_to_the_sources_study_and_says_what_it_is(phantom_series, tmp_path):
    volume = a_map(phantom_series.volume.shape)
    path = tmp_path / "map.dcm"
    write_parametric_map(volume, phantom_series.files, path, version="0.1.0", model="brain_mr 3")
    written, source = pydicom.dcmread(path), pydicom.dcmread(phantom_series.files[0])
    for keyword in ("PatientID", "PatientName", "StudyInstanceUID", "FrameOfReferenceUID"):
        assert written[keyword].value == source[keyword].value
    assert written.SeriesInstanceUID != source.SeriesInstanceUID
    assert written.file_meta.TransferSyntaxUID == ExplicitVRLittleEndian
    assert written.ReferencedSeriesSequence[0].SeriesInstanceUID == source.SeriesInstanceUID
    assert len(written.ReferencedSeriesSequence[0].ReferencedInstanceSequence) == 12
    assert "research use only" in written.SeriesDescription.lower()
    assert "research use only" in written.ContentDescription.lower()
    assert written.ContentLabel == "ANOMALY_MAP"
    assert (written.Manufacturer, written.ManufacturerModelName) == ("monai_anogan", "brain_mr 3")
    assert written.SoftwareVersions == "0.1.0"
    shared = written.SharedFunctionalGroupsSequence[0]
    region = shared.FrameAnatomySequence[0].AnatomicRegionSequence[0]
    assert region.CodeMeaning == "Brain"
    mapping = shared.RealWorldValueMappingSequence[0]
    assert (mapping.RealWorldValueSlope, mapping.RealWorldValueIntercept) == (1, 0)
    assert mapping.MeasurementUnitsCodeSequence[0].CodeValue == "1"
    assert mapping.DoubleFloatRealWorldValueLastValueMapped == volume.max()


def test_a_map_of_zeros_can_be_written(phantom_series, tmp_path):
    volume = np.zeros(phantom_series.volume.shape, np.float32)
    write_parametric_map(volume, phantom_series.files, tmp_path / "map.dcm", version="0")
    assert not pydicom.dcmread(tmp_path / "map.dcm").pixel_array.any()


def test_a_map_that_is_not_the_sources_is_refused(phantom_series, tmp_path):
    volume = a_map(phantom_series.volume.shape)
    path = tmp_path / "map.dcm"
    with pytest.raises(ValueError, match="source's shape"):
        write_parametric_map(volume[:, :, 1:], phantom_series.files, path, version="0")
    files = phantom_series.files[:3] + phantom_series.files[4:]
    with pytest.raises(InputError, match="slices missing"):
        write_parametric_map(volume, files, path, version="0")
    volume[3, 4, 5] = np.nan
    with pytest.raises(ValueError, match="must be finite"):
        write_parametric_map(volume, phantom_series.files, path, version="0")
    assert not path.exists()


def test_a_source_that_lacks_what_dicom_wants_still_gets_its_map(
    phantom_series, edit_dicom, tmp_path
):
    lacking = ("FrameOfReferenceUID", "AccessionNumber", "StudyID", "StudyDate", "StudyTime")
    gone = dict.fromkeys([*lacking, "SliceThickness", "PatientBirthDate", "PatientSex"])
    for path in phantom_series.files:
        edit_dicom(path, PatientName="dicom2nifti", **gone)
    volume = a_map(phantom_series.volume.shape)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        write_parametric_map(volume, phantom_series.files, tmp_path / "m.dcm", version="0")
    check_frames(tmp_path / "m.dcm", volume, phantom_series.affine, phantom_series.files)


def test_a_patients_name_in_another_script_is_kept(phantom_series, tmp_path):
    name = "Yamada^Tarou=山田^太郎"
    for path in phantom_series.files:
        dataset = pydicom.dcmread(path)
        dataset.SpecificCharacterSet = ["", "ISO 2022 IR 87"]
        dataset.PatientName = name
        dataset.StudyDescription = "頭部"
        dataset.save_as(path)
    volume = a_map(phantom_series.volume.shape)
    write_parametric_map(volume, phantom_series.files, tmp_path / "m.dcm", version="0")
    written = pydicom.dcmread(tmp_path / "m.dcm")
    assert written.PatientName == name
    assert written.StudyDescription == "頭部"


def test_long_decimals_in_the_source_keep_the_frames_in_place(phantom_series, edit_dicom, tmp_path):
    for path in phantom_series.files:
        position = pydicom.dcmread(path).ImagePositionPatient
        edit_dicom(path, ImagePositionPatient=[f"{float(v):.17f}" for v in position])
    volume = a_map(phantom_series.volume.shape)
    path = tmp_path / "map.dcm"
    write_parametric_map(volume, phantom_series.files, path, version="0")
    places = {
        tuple(np.round(item.PlanePositionSequence[0].ImagePositionPatient, 6))
        for item in pydicom.dcmread(path).PerFrameFunctionalGroupsSequence
    }
    slices = source_slices(phantom_series.files).values()
    assert places == {tuple(np.round(np.array(p, float), 6)) for p, _ in slices}


@pytest.mark.parametrize("scale", [0.0, 1e-3, 1.0, 1e3])
@pytest.mark.parametrize("kind", ["phantom_series", "enhanced_series"])
def test_dciodvfy_finds_no_error(request, tmp_path, kind, scale):
    source = request.getfixturevalue(kind)
    volume = scale * a_map(source.volume.shape)
    write_parametric_map(volume, source.files, tmp_path / "map.dcm", version="0.1.0", model="m 1")
    assert errors_of_dciodvfy(tmp_path / "map.dcm") == []


def test_dciodvfy_finds_no_error_in_a_map_of_the_real_mprage(shared_data, tmp_path):
    series = choose_series(scan_dicom(shared_data / "dicom" / "t1_mprage_mixed"))
    volume = a_map(series.shape)
    write_parametric_map(volume, series.files, tmp_path / "map.dcm", version="0.1.0")
    assert errors_of_dciodvfy(tmp_path / "map.dcm") == []


@pytest.mark.parametrize(
    "name",
    [
        "t1_mprage_mixed",
        "vendors/ge/anatomical/001",
        "vendors/hitachi/anatomical/001_implicit",
        "vendors/generic/anatomical/002_non_isotropic",
        "vendors/philips_enhanced/anatomical/001",
        "vendors/philips_enhanced/anatomical/001_implicit",
        "vendors/siemens_multiframe/anatomical/001",
    ],
)
def test_each_frame_sits_where_its_real_slice_sits(shared_data, tmp_path, name):
    series = choose_series(scan_dicom(shared_data / "dicom" / name))
    volume, (_, affine) = a_map(series.shape), load_volume(series)
    write_parametric_map(volume, series.files, tmp_path / "map.dcm", version="0.1.0")
    check_frames(tmp_path / "map.dcm", volume, affine, series.files)
