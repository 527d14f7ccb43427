"""De-identified results say nothing of the patient, and still belong together."""

from __future__ import annotations

import shutil
from pathlib import Path

import highdicom as hd
import numpy as np
import pydicom
import pytest
from external_tools import errors_of_dciodvfy
from highdicom._standard_utils import get_iod_module_map, get_module_attribute_map
from painted_case import paint
from pydicom.datadict import dictionary_VR
from pydicom.dataset import Dataset

from monai_anogan.outputs import deidentify

WHO = {
    "PatientName": "Musterfrau^Erika",
    "PatientID": "PID-4711",
    "PatientBirthDate": "19640812",
    "PatientSex": "F",
    "PatientAge": "061Y",
    "PatientWeight": "71.25",
    "PatientSize": "1.6875",
    "StudyDate": "20250314",
    "StudyTime": "101112",
    "AccessionNumber": "ACC-0815",
    "StudyID": "ST-99",
    "StudyDescription": "Kopf nach Sturz",
    "ReferringPhysicianName": "Doktor^Eisenbart",
    "InstitutionName": "Charite Mitte",
    "StationName": "MRC-ROOM-7",
    "PatientComments": "lives next door",
}


@pytest.fixture
def results(phantom_series, tmp_path) -> list[Path]:
    """All DICOM objects of a patient of whom everything is known."""
    for path in phantom_series.files:
        dataset = pydicom.dcmread(path)
        for keyword, value in WHO.items():
            setattr(dataset, keyword, value)
        dataset.save_as(path)
    out = tmp_path / "out"
    paint(phantom_series.folder).write(out)
    return sorted(out.rglob("*.dcm"))


def uids_of(paths: list[Path]) -> set[str]:
    return {
        str(element.value)
        for path in paths
        for element in pydicom.dcmread(path, stop_before_pixels=True).iterall()
        if element.VR == "UI" and not str(element.value).startswith("1.2.840.10008.")
    }


def test_nothing_of_the_patient_or_of_the_source_is_left(results, phantom_series):
    whole = b"".join(path.read_bytes() for path in results)
    for told in ("PatientName", "PatientID", "StudyDescription", "PatientAge"):
        assert WHO[told].encode() in whole  # so that its absence means something
    of_source = uids_of(phantom_series.files)
    assert of_source & uids_of(results)
    deidentify(results)
    whole = b"".join(path.read_bytes() for path in results)
    assert not [
        value for key, value in WHO.items() if key != "PatientSex" if value.encode() in whole
    ]
    assert not of_source & uids_of(results)
    for path in results:
        dataset = pydicom.dcmread(path)
        assert dataset.PatientIdentityRemoved == "YES"
        assert not dataset.PatientSex
        codes = [item.CodeValue for item in dataset.DeidentificationMethodCodeSequence]
        assert codes == ["113100", "113105"]


def test_nothing_of_any_attribute_that_results_carry_over_is_left(phantom_series, tmp_path):
    """All words and codes of patient and study, by highdicom's own list, say TELLTALE."""
    told = carried_over("MR Image")
    assert {"Allergies", "AdmissionID", "ReferringPhysicianIdentificationSequence"} <= set(told)
    for path in phantom_series.files:
        dataset = pydicom.dcmread(path)
        for keyword in told:
            setattr(dataset, keyword, telltale(keyword))
        dataset.save_as(path)
    paint(phantom_series.folder).write(tmp_path / "out")
    files = sorted((tmp_path / "out").rglob("*.dcm"))
    assert all(b"TELLTALE" in path.read_bytes() for path in files)
    deidentify(files)
    left = {
        element.keyword
        for path in files
        for element in pydicom.dcmread(path).iterall()
        if "TELLTALE" in str(element.value)
    }
    assert left == set()


TEXTS = {"LO", "SH", "ST", "LT", "UT", "UC", "CS"}


def carried_over(iod: str) -> list[str]:
    """Attributes with words, and sequences, that highdicom copies from a source."""
    modules = get_iod_module_map()[iod.lower().replace(" ", "-")]
    attributes = get_module_attribute_map()
    keywords = {
        item["keyword"]
        for module in modules
        if module["ie"] in ("Patient", "Study")
        for item in attributes[module["key"]]
        if not item["path"] and dictionary_VR(item["keyword"]) in TEXTS | {"SQ"}
    }
    return sorted(keywords - {"PatientSex"})


def telltale(keyword: str) -> str | list[Dataset]:
    if dictionary_VR(keyword) != "SQ":
        return "TELLTALE"
    item = Dataset()
    item.CodeValue, item.CodingSchemeDesignator, item.CodeMeaning = "1", "99X", "TELLTALE"
    return [item]


def test_results_still_belong_together_and_keep_pixels_and_places(results):
    before = [pydicom.dcmread(path) for path in results]
    deidentify(results)
    after = [pydicom.dcmread(path) for path in results]
    assert len({dataset.StudyInstanceUID for dataset in after}) == 1
    assert len({dataset.get("FrameOfReferenceUID", "of the SR") for dataset in after}) == 2
    assert len({dataset.SOPInstanceUID for dataset in after}) == len(results)
    parametric_map, segmentation, report, *overlays = after
    assert {report.SOPClassUID, segmentation.SOPClassUID} == {
        "1.2.840.10008.5.1.4.1.1.88.34",
        "1.2.840.10008.5.1.4.1.1.66.4",
    }
    frames = parametric_map.PerFrameFunctionalGroupsSequence
    sources = {
        frame.DerivationImageSequence[0].SourceImageSequence[0].ReferencedSOPInstanceUID
        for frame in frames
    }
    assert {image.SourceImageSequence[0].ReferencedSOPInstanceUID for image in overlays} == sources
    for old, new in zip(before, after, strict=True):
        if "PixelData" in old or "FloatPixelData" in old:
            assert np.array_equal(old.pixel_array, new.pixel_array)
        assert new.get("ImagePositionPatient") == old.get("ImagePositionPatient")
        assert new.SeriesDescription == old.SeriesDescription
        assert new.file_meta.MediaStorageSOPInstanceUID == new.SOPInstanceUID


def test_the_report_still_refers_to_map_segments_and_sources(results):
    deidentify(results)
    parametric_map, segmentation, report = (pydicom.dcmread(path) for path in results[:3])
    referred = {
        str(element.value)
        for element in report.iterall()
        if element.keyword == "ReferencedSOPInstanceUID"
    }
    sources = {
        frame.DerivationImageSequence[0].SourceImageSequence[0].ReferencedSOPInstanceUID
        for frame in parametric_map.PerFrameFunctionalGroupsSequence
    }
    results_referred = {parametric_map.SOPInstanceUID, segmentation.SOPInstanceUID}
    assert referred == sources | results_referred
    groups = hd.sr.Comprehensive3DSR.from_dataset(
        report
    ).content.get_volumetric_roi_measurement_groups()
    tracked = [(item.TrackingID, item.TrackingUID) for item in segmentation.SegmentSequence]
    assert [(group.tracking_identifier, group.tracking_uid) for group in groups] == tracked


def test_two_calls_give_uids_that_do_not_tell_they_are_of_one_patient(results, tmp_path):
    shutil.copytree(results[0].parent, tmp_path / "again")
    again = sorted((tmp_path / "again").rglob("*.dcm"))
    deidentify(results)
    deidentify(again)
    assert not uids_of(results) & uids_of(again)


def test_dciodvfy_finds_no_error(results):
    deidentify(results)
    for path in results[:4]:
        assert errors_of_dciodvfy(path) == []
