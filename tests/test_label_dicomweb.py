"""MONAI Label between a PACS and its viewers: 3D Slicer's plugin, and OHIF with our objects."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import pytest
import SimpleITK as sitk  # noqa: N813
from external_tools import missing
from label_server import LabelServer, running_label_server
from ohif_browser import opened_study, show
from orthanc_server import AET, running_orthanc
from painted_case import PaintedCase, paint
from slicer_python import placed_by_slicer

from monai_anogan.commands import label_app
from monai_anogan.label.bands import BANDS
from monai_anogan.label.reading import Reading
from monai_anogan.pipeline import Pipeline

QUICK = {"mode": "encoder"}
SAME = 0.02  # of a score: the server may compute with another number of threads


@dataclass(frozen=True)
class Pacs:
    """A PACS with one series of a head, and beside it the objects that we made of a painted map."""

    client: Any  # DICOMweb
    study: str
    series: str
    server: LabelServer


@pytest.fixture(scope="module")
def pacs(head_series: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pacs]:
    try:
        from dicomweb_client.api import DICOMwebClient
        from dicomweb_client.session_utils import create_session_from_user_pass
    except ImportError:
        missing("dicomweb-client is not installed (PyPI: dicomweb-client)")
    root = tmp_path_factory.mktemp("pacs")
    _column(paint(head_series)).write(root / "results")
    files = [*sorted(head_series.iterdir()), *sorted((root / "results").rglob("*.dcm"))]
    label_app(root / "app")
    with running_orthanc(root) as orthanc:
        session = create_session_from_user_pass(AET, orthanc.password)
        session.trust_env = False
        client = DICOMwebClient(orthanc.dicomweb, session=session)
        client.store_instances([pydicom.dcmread(path) for path in files])
        login = {
            "MONAI_LABEL_DICOMWEB_USERNAME": AET,
            "MONAI_LABEL_DICOMWEB_PASSWORD": orthanc.password,
            "MONAI_LABEL_DICOMWEB_CACHE_PATH": str(root / "cache"),
        }
        scratch = root / "server"
        scratch.mkdir()
        with running_label_server(
            root / "app", orthanc.dicomweb, scratch, conf=QUICK, environment=login
        ) as server:
            first = pydicom.dcmread(files[0])
            yield Pacs(client, first.StudyInstanceUID, first.SeriesInstanceUID, server)


def _column(case: PaintedCase) -> PaintedCase:
    """The case with one finding that goes through every slice, so that any slice shows it."""
    inside = np.zeros(case.score.shape, bool)
    inside[40:60, 50:70] = True
    score = np.where(inside, 6, 0).astype(np.float32)
    return replace(case, score=score, labels=inside.astype(np.uint16))


@pytest.mark.parametrize(
    ("series", "asks"),
    [("Anomaly findings", True), ("Anomaly map", False), ("Anomaly overlay", False)],
    ids=["seg", "pm", "sc"],
)
def test_ohif_shows_our_objects_in_colour_over_the_grey_scan(pacs: Pacs, series: str, asks: bool):
    with opened_study(pacs.server.url, pacs.study) as page:
        assert show(page, series, asks=asks) > 50


@pytest.fixture(scope="module")
def detected(head_series: Path) -> Reading:
    """What the package itself makes of the series, as `anogan detect` does."""
    return Reading.of(Pipeline(settings=QUICK).run({"image": str(head_series)}))


@pytest.fixture(scope="module")
def sample(pacs: Pacs) -> dict[str, Any]:
    return pacs.server.client().next_sample("most_abnormal_first", {})


def test_the_series_is_unread_although_our_own_findings_lie_beside_it(pacs, sample, detected):
    assert pacs.server.client().info()["datastore"]["total"] == 1  # not the maps and overlays
    assert (sample["id"], sample["unread"]) == (pacs.series, 1)
    assert sample["case_score"] == pytest.approx(detected.case_score, rel=1e-3)


def test_answers_lie_on_the_copy_that_the_viewer_shows(pacs, sample, detected):
    """The series is read as DICOM; the plugin shows the NIfTI file that MONAI Label made of it."""
    expected = detected.on_grid_of(sample["path"])
    shown = sitk.ReadImage(sample["path"])
    for task in ("anomaly_map", "severity"):
        path, told = pacs.server.client().infer(task, pacs.series, {"result_extension": ".nrrd"})
        answer = sitk.ReadImage(path)
        assert answer.GetSize() == shown.GetSize()
        np.testing.assert_allclose(answer.GetOrigin(), shown.GetOrigin(), atol=1e-3)
        np.testing.assert_allclose(answer.GetDirection(), shown.GetDirection(), atol=1e-5)
        assert told["case_score"] == pytest.approx(detected.case_score, rel=1e-3)
        if task == "anomaly_map":
            got = sitk.GetArrayFromImage(answer).T
            np.testing.assert_allclose(got, expected.anomaly_map, atol=SAME)
            (heat,) = placed_by_slicer(Path(path))
    hottest = np.argwhere(detected.anomaly_map == detected.anomaly_map.max())
    places = hottest @ detected.affine[:3, :3].T + detected.affine[:3, 3]
    np.testing.assert_allclose(heat["places"], places, atol=0.05)


def test_a_label_that_a_reader_submits_is_a_segmentation_on_the_pacs(pacs, sample):
    client = pacs.server.client()
    path, told = client.infer("severity", pacs.series, {"result_extension": ".nrrd"})
    held = [
        band.name
        for band in BANDS
        if (sitk.GetArrayFromImage(sitk.ReadImage(path)) == band.label).any()
    ]
    client.save_label(pacs.series, path, "", {"label_info": [{"name": name} for name in held]})
    found = {
        segmentation.SeriesInstanceUID: segmentation
        for series in pacs.client.search_for_series(pacs.study, search_filters={"Modality": "SEG"})
        for segmentation in pacs.client.retrieve_series(pacs.study, series["0020000E"]["Value"][0])
    }
    (theirs,) = [s for s in found.values() if s.Manufacturer != "monai_anogan"]
    assert [segment.SegmentLabel for segment in theirs.SegmentSequence] == held
    assert theirs.ReferencedSeriesSequence[0].SeriesInstanceUID == pacs.series
    assert client.next_sample("most_abnormal_first", {}) == {}
    assert told["disclaimer"]
