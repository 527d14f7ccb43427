"""Which DICOM objects a case gets: those asked for that can be right, and a reason for the rest."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pydicom
import pytest
import torch
from monai.data import MetaTensor
from painted_case import PaintedCase, make_series, paint

from monai_anogan.errors import InputError
from monai_anogan.outputs import (
    FrameOrder,
    dicom_objects,
    write_dicom_results,
    write_overlay_series,
)
from monai_anogan.reports import Shade


@pytest.fixture(scope="module")
def case(tmp_path_factory) -> PaintedCase:
    return paint(make_series("mr axial", tmp_path_factory.mktemp("case")))


def raw(case: PaintedCase, folder: Path, **how):
    """Results of a model without a calibration."""
    volumes = {"source": case.source, "anomaly_map": torch.from_numpy(case.score)[None]}
    return write_dicom_results(folder, **volumes, version="0.1.0", **how)


def read(path: Path) -> pydicom.Dataset:
    return pydicom.dcmread(path)


@pytest.mark.parametrize(
    ("names", "objects"),
    [
        (None, None),
        ("none", ()),
        ("pm", ("pm",)),
        ("SEG, sr", ("seg", "sr")),
        ("pm,seg,sr,sc,pm", ("pm", "seg", "sr", "sc")),
    ],
)
def test_names_are_read(names, objects):
    assert dicom_objects(names, calibrated=True) == objects


@pytest.mark.parametrize(
    ("names", "calibrated", "reason"),
    [
        ("pm,svg", True, "must be some of pm, seg, sr, sc or none, got 'svg'"),
        ("pr", True, "not offered: no viewer"),
        ("seg", False, "must have a calibrated model"),
        ("pm,sr", False, "anogan calibrate"),
    ],
)
def test_what_cannot_be_is_refused_in_one_line(names, calibrated, reason):
    with pytest.raises(InputError, match=reason) as refused:
        dicom_objects(names, calibrated=calibrated)
    assert "\n" not in str(refused.value)


def test_by_default_a_calibrated_case_gets_map_segments_and_report(case, tmp_path):
    results = case.write(tmp_path, objects=None)
    names = ["anomaly_map.dcm", "findings.seg.dcm", "findings.sr.dcm"]
    assert [path.name for path in results.files] == names
    assert sorted(path.name for path in tmp_path.iterdir()) == names
    assert results.skipped == {}


def test_without_a_calibration_there_is_the_raw_map_and_it_says_so(case, tmp_path):
    results = raw(case, tmp_path)
    assert [path.name for path in results.files] == ["anomaly_map.dcm"]
    assert results.skipped.keys() == {"seg", "sr"}
    assert "not calibrated" in results.skipped["seg"]
    shared = read(tmp_path / "anomaly_map.dcm").SharedFunctionalGroupsSequence[0]
    (mapping,) = shared.RealWorldValueMappingSequence
    quantity, _ = mapping.QuantityDefinitionSequence
    assert quantity.ConceptCodeSequence[0].CodeValue == "anomaly_raw"


def test_a_calibrated_map_says_its_quantity_method_and_unit(case, tmp_path):
    case.write(tmp_path, objects=["pm"])
    parametric_map = read(tmp_path / "anomaly_map.dcm")
    shared = parametric_map.SharedFunctionalGroupsSequence[0]
    (mapping,) = shared.RealWorldValueMappingSequence
    told = {
        item.ConceptNameCodeSequence[0].CodeMeaning: item.ConceptCodeSequence[0]
        for item in mapping.QuantityDefinitionSequence
    }
    assert told["Quantity"].CodeMeaning == "Anomaly score, -log10 of healthy exceedance rate"
    assert "generative network" in told["Measurement Method"].CodeMeaning
    (unit,) = mapping.MeasurementUnitsCodeSequence
    assert (unit.CodeValue, unit.CodingSchemeDesignator) == ("1", "UCUM")
    (scheme,) = parametric_map.CodingSchemeIdentificationSequence
    assert scheme.CodingSchemeDesignator == told["Quantity"].CodingSchemeDesignator
    for item in parametric_map.PerFrameFunctionalGroupsSequence:
        derivation = item.DerivationImageSequence[0].DerivationCodeSequence[0]
        assert derivation.CodeValue == told["Measurement Method"].CodeValue


def test_the_display_range_is_that_of_the_report_and_the_same_for_every_case(case, tmp_path):
    quiet = replace(case, score=np.minimum(case.score, 1))
    for name, one in (("loud", case), ("quiet", quiet)):
        one.write(tmp_path / name, objects=["pm"])
    brightest = Shade.calibrated(case.found.threshold).vmax
    for name in ("loud", "quiet"):
        shared = read(tmp_path / name / "anomaly_map.dcm").SharedFunctionalGroupsSequence[0]
        (window,) = shared.FrameVOILUTSequence
        assert window.WindowCenter + window.WindowWidth / 2 == pytest.approx(brightest)
        assert window.WindowCenter - window.WindowWidth / 2 == pytest.approx(0)


def test_the_overlay_has_the_colours_of_the_reports_scale(case, tmp_path):
    case.write(tmp_path, objects=["sc"])
    brightest = Shade.calibrated(case.found.threshold).vmax
    by_hand = write_overlay_series(
        case.score,
        case.source[0].numpy(),
        case.source.meta["dicom_files"],
        tmp_path / "by hand",
        version="0.1.0",
        top=brightest,
    )
    for path in by_hand:
        same = read(tmp_path / "overlay" / path.name)
        assert np.array_equal(read(path).pixel_array, same.pixel_array)


@pytest.mark.parametrize("kind", ["mr axial", "mr sagittal", "mr enhanced"])
@pytest.mark.parametrize("order", FrameOrder)
def test_frames_come_in_the_order_asked_for_and_keep_their_places(kind, order, tmp_path):
    case = paint(make_series(kind, tmp_path))
    case.write(tmp_path / "out", objects=["pm"], frame_order=order)
    parametric_map = read(tmp_path / "out" / "anomaly_map.dcm")
    to_voxel = np.linalg.inv(case.affine)
    slices = []
    for number, (item, frame) in enumerate(
        zip(
            parametric_map.PerFrameFunctionalGroupsSequence, parametric_map.pixel_array, strict=True
        ),
        start=1,
    ):
        position = item.PlanePositionSequence[0].ImagePositionPatient
        slices.append(round((to_voxel @ [*map(float, position), 1])[2]))
        assert np.array_equal(frame, case.score[:, :, slices[-1]].T)
        assert item.FrameContentSequence[0].DimensionIndexValues == number
    assert slices == sorted(slices, reverse=order == FrameOrder.descending)


def test_a_finding_too_small_for_the_scans_grid_is_measured_but_has_no_segment(case, tmp_path):
    tiny = replace(case, labels=np.zeros_like(case.labels))
    results = tiny.write(tmp_path, objects=("seg", "sr"))
    assert [path.name for path in results.files] == ["findings.sr.dcm"]
    assert results.skipped["seg"] == "no finding is large enough for a voxel of the scan"


def test_an_input_that_is_no_dicom_gets_none_and_is_told_only_if_asked(case, tmp_path):
    source = MetaTensor(case.source.as_tensor())
    volumes = {"source": source, "anomaly_map": torch.zeros(source.shape)}
    assert write_dicom_results(tmp_path, **volumes, version="0").skipped == {}
    results = write_dicom_results(tmp_path, **volumes, version="0", objects=("pm", "seg"))
    assert results.skipped == dict.fromkeys(("pm", "seg"), "the input is not DICOM")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("part", "region"),
    [("HEAD", "Head"), ("chest ", "Chest"), ("LSPINE", "Body structure"), (None, "Body structure")],
)
def test_the_region_is_what_the_source_states_and_never_guessed(
    phantom_series, edit_dicom, tmp_path, part, region
):
    for path in phantom_series.files:
        edit_dicom(path, BodyPartExamined=part)
    paint(phantom_series.folder).write(tmp_path / "out", objects=("pm", "seg"))
    shared = read(tmp_path / "out" / "anomaly_map.dcm").SharedFunctionalGroupsSequence[0]
    of_map = shared.FrameAnatomySequence[0].AnatomicRegionSequence[0]
    (segment, _) = read(tmp_path / "out" / "findings.seg.dcm").SegmentSequence
    of_segment = segment.AnatomicRegionSequence[0]
    assert of_map.CodeMeaning == of_segment.CodeMeaning == region


def test_spacing_is_what_was_measured_and_a_broken_age_is_left_out(
    phantom_series, edit_dicom, tmp_path
):
    for path in phantom_series.files:
        edit_dicom(path, SpacingBetweenSlices="99", PatientAge="0Y", PatientWeight="71.25")
    paint(phantom_series.folder).write(tmp_path / "out", objects=("pm", "seg"))
    for name in ("anomaly_map.dcm", "findings.seg.dcm"):
        result = read(tmp_path / "out" / name)
        measures = result.SharedFunctionalGroupsSequence[0].PixelMeasuresSequence[0]
        assert float(measures.SpacingBetweenSlices) == pytest.approx(3.0)
        assert "PatientAge" not in result
        assert result.PatientWeight == 71.25
