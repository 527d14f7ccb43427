"""What other people's software reads out of our DICOM objects: the voxels, places and numbers."""

from __future__ import annotations

import json
from pathlib import Path

import highdicom as hd
import numpy as np
import pydicom
import pytest
import SimpleITK as sitk  # noqa: N813
from external_tools import errors_of_dciodvfy, run_tool
from painted_case import KINDS, REAL, PaintedCase, make_series, paint

from monai_anogan.outputs import FrameOrder

DCMQI = "PyPI: dcmqi"


@pytest.fixture(scope="module", params=[*KINDS, *REAL])
def written(request, tmp_path_factory) -> tuple[PaintedCase, Path]:
    """A painted case and the folder with its DICOM objects."""
    folder = tmp_path_factory.mktemp("case")
    if request.param in KINDS:
        series = make_series(request.param, folder)
    else:
        series = request.getfixturevalue("shared_data") / "dicom" / request.param
    case = paint(series)
    objects = ("pm", "seg", "sr", "sc") if request.param in KINDS else ("pm", "seg", "sr")
    results = case.write(folder / "out", objects=objects, frame_order=FrameOrder.ascending)
    assert results.skipped == {}
    return case, folder / "out"


def places_in(image: sitk.Image) -> np.ndarray:
    """(V, 3) LPS mm: the centres of the voxels that are not zero."""
    voxels = np.argwhere(sitk.GetArrayFromImage(image))[:, ::-1]
    return np.array([image.TransformIndexToPhysicalPoint(voxel.tolist()) for voxel in voxels])


def same_places(found: np.ndarray, truth: np.ndarray) -> bool:
    """Whether two sets of points (V, 3) mm are one."""
    if found.shape != truth.shape:
        return False
    away = np.linalg.norm(found[:, None] - truth[None], axis=-1)
    return bool(away.min(axis=0).max() < 0.01 and away.min(axis=1).max() < 0.01)


def test_dciodvfy_finds_no_error(written):
    case, out = written
    objects = sorted(out.rglob("*.dcm"))
    assert len(objects) in (3, 3 + case.score.shape[2])
    told = {path.name: errors_of_dciodvfy(path) for path in objects}
    assert not any(told.values()), told


def test_dcmqi_reads_the_map_voxel_by_voxel(written, tmp_path):
    case, out = written
    given = ("--inputDICOM", out / "anomaly_map.dcm", "--outputDirectory", tmp_path, "-t", "nrrd")
    run_tool("paramap2itkimage", DCMQI, *given)
    image = sitk.ReadImage(str(tmp_path / "pmap.nrrd"))
    np.testing.assert_array_equal(sitk.GetArrayFromImage(image), case.score.transpose(2, 1, 0))
    for corner in ((0, 0, 0), tuple(side - 1 for side in case.score.shape)):
        truth = (case.affine @ [*corner, 1])[:3]
        place = image.TransformIndexToPhysicalPoint([int(v) for v in corner])
        assert np.linalg.norm(place - truth) < 0.01
    told = json.loads((tmp_path / "meta.json").read_text())
    assert told["QuantityValueCode"]["CodeValue"] == "anomaly_score"
    assert told["MeasurementMethodCode"]["CodeValue"] == "latent_search"
    assert told["MeasurementUnitsCode"] | {} == {
        "CodeMeaning": "no units",
        "CodeValue": "1",
        "CodingSchemeDesignator": "UCUM",
    }


def test_dcmqi_reads_the_segments_voxel_by_voxel(written, tmp_path):
    case, out = written
    given = ("--inputDICOM", out / "findings.seg.dcm", "--outputDirectory", tmp_path)
    run_tool("segimage2itkimage", DCMQI, *given, "-t", "nrrd", "-p", "seg")
    segments = [
        s for (s,) in json.loads((tmp_path / "seg-meta.json").read_text())["segmentAttributes"]
    ]
    assert [s["SegmentLabel"] for s in segments] == [f"Finding {f.label}" for f in case.found]
    assert {s["SegmentAlgorithmName"] for s in segments} == {"monai_anogan"}
    for number, finding in enumerate(case.found, start=1):
        image = sitk.ReadImage(str(tmp_path / f"seg-{number}.nrrd"))
        found = places_in(image)
        assert same_places(found, case.places(finding.label))
        centroid = np.array(finding.centroid_mm) * (-1, -1, 1)
        assert np.linalg.norm(found.mean(axis=0) - centroid) < case.half_voxel


def test_dcmqi_reads_the_numbers_of_the_report(written, tmp_path):
    case, out = written
    report = tmp_path / "sr.json"
    run_tool(
        "tid1500reader", DCMQI, "--inputDICOM", out / "findings.sr.dcm", "--outputMetadata", report
    )
    told = json.loads(report.read_text())
    scan, *groups = told["Measurements"]
    segmentation = pydicom.dcmread(out / "findings.seg.dcm", stop_before_pixels=True)
    assert numbers_of(scan)["finding_count"] == len(case.found) == len(groups)
    for group, finding, segment in zip(
        groups, case.found, segmentation.SegmentSequence, strict=True
    ):
        x, y, z = finding.centroid_mm
        assert numbers_of(group) == pytest.approx(
            {
                "Volume": finding.volume_ml,
                "Diameter Maximum": finding.diameter_mm,
                "anomaly_score Maximum": finding.peak,
                "anomaly_score Mean": finding.mean,
                "p_value": finding.p_value,
                "centroid_x": -x,
                "centroid_y": -y,
                "centroid_z": z,
            },
            rel=1e-5,
            abs=1e-4,
        )
        assert group["segmentationSOPInstanceUID"] == segmentation.SOPInstanceUID
        assert group["ReferencedSegment"] == segment.SegmentNumber
        assert group["TrackingUniqueIdentifier"] == segment.TrackingUID
        assert group["measurementAlgorithmIdentification"]["AlgorithmVersion"] == "0.1.0"
    sources = {pydicom.dcmread(f, stop_before_pixels=True).SOPInstanceUID for f in files_of(case)}
    assert sources <= set(told["imageLibrary"])


def numbers_of(group: dict) -> dict[str, float]:
    """What a group measures, by code (by meaning for SNOMED's), to its value."""
    numbers = {}
    for item in group["measurementItems"]:
        quantity = item["quantity"]
        is_ours = quantity["CodingSchemeDesignator"] == "99MONAIANOGAN"
        name = quantity["CodeValue" if is_ours else "CodeMeaning"]
        kind = item.get("derivationModifier", {}).get("CodeMeaning")
        numbers[f"{name} {kind}" if kind else name] = float(item["value"])
    return numbers


def files_of(case: PaintedCase) -> list[str]:
    return list(case.source.meta["dicom_files"])


def test_highdicom_reads_map_and_segments_where_they_are(written):
    case, out = written
    score = hd.imread(out / "anomaly_map.dcm").get_volume()
    assert score.array.max() == case.score.max()
    hottest = np.argwhere(score.array == case.score.max())
    assert same_places(score.map_indices_to_reference(hottest), case.hottest())
    segments = hd.seg.segread(out / "findings.seg.dcm").get_volume(combine_segments=True)
    for number, finding in enumerate(case.found, start=1):
        voxels = np.argwhere(segments.array == number)
        found = segments.map_indices_to_reference(voxels)
        assert same_places(found, case.places(finding.label))


def test_highdicom_reads_the_report_and_its_references(written):
    case, out = written
    report = hd.sr.srread(out / "findings.sr.dcm")
    groups = report.content.get_volumetric_roi_measurement_groups()
    assert len(groups) == len(case.found)
    images = {(item.SOPInstanceUID, frame): plane for item, frame, plane in slices_of(case)}
    for group, finding in zip(groups, case.found, strict=True):
        assert group.tracking_identifier == f"Finding {finding.label}"
        (volume,) = group.get_measurements(name=pydicom.sr.codedict.codes.SCT.Volume)
        assert volume.value == pytest.approx(finding.volume_ml, rel=1e-5)
        slices = set(np.argwhere(case.labels == finding.label)[:, 2].tolist())
        told = {
            images[image.referenced_sop_instance_uid, frame]
            for image in group.referenced_segment.source_images_for_segmentation
            for frame in (image.referenced_frame_numbers or [1])
        }
        assert told == slices


def slices_of(case: PaintedCase):
    """Each source image and frame, and which slice of the scan it is by its own position."""
    to_voxel = np.linalg.inv(case.affine)
    for path in files_of(case):
        image = pydicom.dcmread(path, stop_before_pixels=True)
        items = image.get("PerFrameFunctionalGroupsSequence")
        positions = (
            [item.PlanePositionSequence[0].ImagePositionPatient for item in items]
            if items
            else [image.ImagePositionPatient]
        )
        for frame, position in enumerate(positions, start=1):
            k = (to_voxel @ [*map(float, position), 1])[2]
            yield image, frame, round(k)


def test_pydicom_reads_the_painted_lesion_where_it_is(written):
    case, out = written
    score = pydicom.dcmread(out / "anomaly_map.dcm")
    shared = score.SharedFunctionalGroupsSequence[0]
    row, column = np.reshape(
        shared.PlaneOrientationSequence[0].ImageOrientationPatient, (2, 3)
    ).astype(float)
    height, width = map(float, shared.PixelMeasuresSequence[0].PixelSpacing)
    found = []
    for n, j, i in np.argwhere(score.pixel_array == case.score.max()):
        item = score.PerFrameFunctionalGroupsSequence[n].PlanePositionSequence[0]
        origin = np.array(item.ImagePositionPatient, float)
        found.append(origin + i * width * row + j * height * column)
    assert same_places(np.array(found), case.hottest())


def test_dcmqi_needs_ascending_frames(tmp_path):
    """The reason for --frame-order: dcmqi takes frames for slices in the order they come in.

    When this fails, dcmqi goes by positions, and docs/dicom.md may say so.
    """
    case = paint(make_series("mr axial", tmp_path))
    case.write(tmp_path / "out", objects=["pm"])
    out = ("--outputDirectory", tmp_path, "-t", "nrrd")
    run_tool("paramap2itkimage", DCMQI, "--inputDICOM", tmp_path / "out" / "anomaly_map.dcm", *out)
    flipped = sitk.GetArrayFromImage(sitk.ReadImage(str(tmp_path / "pmap.nrrd")))
    np.testing.assert_array_equal(flipped, case.score.transpose(2, 1, 0)[::-1])
