"""A Measurement Report says what was measured, on what, by what, and that there was nothing."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import highdicom as hd
import numpy as np
import pydicom
import pytest
from external_tools import errors_of_dciodvfy, run_tool
from painted_case import PaintedCase, make_series, paint

DCMTK = "Debian: dcmtk"


@pytest.fixture(scope="module")
def case(tmp_path_factory) -> PaintedCase:
    return paint(make_series("mr axial", tmp_path_factory.mktemp("case")))


@pytest.fixture(scope="module")
def quiet(case) -> PaintedCase:
    """The scan with nothing found in it."""
    found = replace(case.found, findings=(), labels=np.zeros_like(case.labels), p_value=1.0)
    return replace(case, found=found, labels=found.labels)


def report_of(case: PaintedCase, folder: Path, *objects: str) -> hd.sr.Comprehensive3DSR:
    case.write(folder, objects=objects)
    return hd.sr.srread(folder / "findings.sr.dcm")


def test_it_belongs_to_the_study_and_is_of_no_person(case, tmp_path):
    report = report_of(case, tmp_path, "pm", "seg", "sr")
    source = pydicom.dcmread(case.source.meta["dicom_files"][0])
    for keyword in ("PatientID", "PatientName", "StudyInstanceUID"):
        assert report[keyword].value == source[keyword].value
    assert (report.VerificationFlag, report.PreliminaryFlag) == ("UNVERIFIED", "PRELIMINARY")
    assert report.ContentTemplateSequence[0].TemplateIdentifier == "1500"
    assert "research use only" in report.SeriesDescription.lower()
    meanings = {
        item.PurposeOfReferenceCodeSequence[0].CodeMeaning
        for item in report.ContributingEquipmentSequence
    }
    assert "Acquisition Equipment" in meanings
    assert not [element.tag for element in report.iterall() if element.tag.is_private]


def test_a_person_can_read_it(case, tmp_path):
    report_of(case, tmp_path, "pm", "seg", "sr")
    page = run_tool("dsrdump", DCMTK, "+Pl", tmp_path / "findings.sr.dcm")
    for words in (
        "Imaging Measurement Report",
        "Research use only, not a medical device",
        "Finding 2",
        case.found.statement[:40],
        "m 1",
        f"{case.found.findings[0].volume_ml:.6g}",
    ):
        assert words in page


def test_scores_are_measured_on_the_map_and_it_is_evidence(case, tmp_path):
    report = report_of(case, tmp_path, "pm", "seg", "sr")
    uids = {
        pydicom.dcmread(tmp_path / name, stop_before_pixels=True).SOPInstanceUID
        for name in ("anomaly_map.dcm", "findings.seg.dcm")
    }
    sources = {pydicom.dcmread(f).SOPInstanceUID for f in case.source.meta["dicom_files"]}
    assert {uid for _, _, uid, _ in report.get_evidence()} == uids | sources


def test_without_findings_it_says_so(quiet, tmp_path):
    results = quiet.write(tmp_path, objects=("pm", "seg", "sr"))
    assert results.skipped == {"seg": "there is no finding, and a Segmentation cannot be empty"}
    report = hd.sr.srread(tmp_path / "findings.sr.dcm")
    assert not (tmp_path / "findings.seg.dcm").exists()
    (group,) = report.content.get_image_measurement_groups()
    values = {m.name.value: m.value for m in group.get_measurements()}
    assert values == {"finding_count": 0, "p_value": 1.0, "threshold": quiet.found.threshold}
    assert errors_of_dciodvfy(tmp_path / "findings.sr.dcm") == []


def test_without_segments_findings_are_still_measured(case, tmp_path):
    report = report_of(case, tmp_path, "sr")
    assert report.content.get_volumetric_roi_measurement_groups() == []
    groups = report.content.get_image_measurement_groups()
    names = [group.tracking_identifier for group in groups]
    assert names == ["Scan", *(f"Finding {f.label}" for f in case.found)]
    assert errors_of_dciodvfy(tmp_path / "findings.sr.dcm") == []


def test_dcmtk_makes_a_page_of_it(case, tmp_path):
    report_of(case, tmp_path, "seg", "sr")
    page = tmp_path / "report.html"
    run_tool("dsr2html", DCMTK, tmp_path / "findings.sr.dcm", page)
    assert page.read_text(errors="replace").count("Anomaly score") == 2 * len(case.found)
