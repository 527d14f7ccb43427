"""A Segmentation says which findings there are, by what, and where in the source they lie."""

from __future__ import annotations

import numpy as np
import pydicom
import pytest
from painted_case import PaintedCase, make_series, paint

from monai_anogan.errors import InputError
from monai_anogan.outputs import write_segmentation


@pytest.fixture(params=["mr axial", "mr enhanced"])
def case(request, tmp_path) -> PaintedCase:
    return paint(make_series(request.param, tmp_path))


def written(case: PaintedCase, path, labels=None, **how) -> pydicom.Dataset:
    files = case.source.meta["dicom_files"]
    volume = case.labels if labels is None else labels
    write_segmentation(volume, list(case.found), files, path, version="0.1.0", **how)
    return pydicom.dcmread(path)


def test_it_belongs_to_the_sources_study_and_place(case, tmp_path):
    segmentation = written(case, tmp_path / "s.dcm", model="brain 3")
    source = pydicom.dcmread(case.source.meta["dicom_files"][0])
    for keyword in ("PatientID", "PatientName", "StudyInstanceUID", "FrameOfReferenceUID"):
        assert segmentation[keyword].value == source[keyword].value
    assert segmentation.SeriesInstanceUID != source.SeriesInstanceUID
    assert segmentation.SegmentationType == "BINARY"
    assert "research use only" in segmentation.SeriesDescription.lower()
    assert (segmentation.Manufacturer, segmentation.SoftwareVersions) == ("monai_anogan", "0.1.0")
    purposes = [
        item.PurposeOfReferenceCodeSequence[0].CodeMeaning
        for item in segmentation.ContributingEquipmentSequence
    ]
    assert "Acquisition Equipment" in purposes
    assert not [element.tag for element in segmentation.iterall() if element.tag.is_private]


def test_each_segment_says_what_found_it_and_what_it_is_called(case, tmp_path):
    segmentation = written(case, tmp_path / "s.dcm", model="brain 3")
    assert [item.SegmentNumber for item in segmentation.SegmentSequence] == [1, 2]
    for item, finding in zip(segmentation.SegmentSequence, case.found, strict=True):
        assert item.SegmentLabel == item.TrackingID == f"Finding {finding.label}"
        assert item.SegmentAlgorithmType == "AUTOMATIC"
        (algorithm,) = item.SegmentationAlgorithmIdentificationSequence
        assert (algorithm.AlgorithmName, algorithm.AlgorithmVersion) == ("monai_anogan", "0.1.0")
        assert "brain 3" in algorithm.AlgorithmParameters
        assert f"{finding.volume_ml:.2f} ml" in item.SegmentDescription
        assert "Research use only" in item.SegmentDescription
    assert len({item.TrackingUID for item in segmentation.SegmentSequence}) == 2


def test_a_finding_without_a_voxel_leaves_no_gap(case, tmp_path):
    labels = np.where(case.labels == 1, 0, case.labels)
    segmentation = written(case, tmp_path / "s.dcm", labels)
    (segment,) = segmentation.SegmentSequence
    assert (segment.SegmentNumber, segment.SegmentLabel) == (1, "Finding 2")
    assert segmentation.pixel_array.sum() == (case.labels == 2).sum()


def test_an_empty_one_or_one_of_another_grid_is_refused(case, tmp_path):
    path = tmp_path / "s.dcm"
    with pytest.raises(ValueError, match="cannot be empty"):
        written(case, path, np.zeros_like(case.labels))
    with pytest.raises(ValueError, match="source's shape"):
        written(case, path, case.labels[1:])
    with pytest.raises(InputError, match="run again"):
        written(case, path, dicom_frames=[999])
    assert not path.exists()
