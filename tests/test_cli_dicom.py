"""What the options of `anogan detect` make of DICOM in and DICOM out."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pydicom
import pytest

from monai_anogan.bundle_folder import default_bundle

START = ["-c", "from monai_anogan.cli import main; main()"]
Refused = Callable[..., str]


@pytest.fixture(scope="module")
def detected(head_series, run_python, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The head of somebody, zipped: all DICOM results without the name, and no DICOM at all."""
    root = tmp_path_factory.mktemp("detected")
    for path in head_series.iterdir():
        dataset = pydicom.dcmread(path)
        dataset.PatientName, dataset.PatientID = "Musterfrau^Erika", "PID-4711"
        (root / "Musterfrau").mkdir(exist_ok=True)
        dataset.save_as(root / "Musterfrau" / path.name)
    archive = shutil.make_archive(str(root / "Musterfrau"), "zip", root / "Musterfrau")
    detect = [*START, "detect", archive, "--mode", "encoder"]
    run_python(
        [
            *detect,
            "-o",
            root / "nameless",
            "--dicom",
            "pm,seg,sr,sc",
            "--anonymous",
            "--frame-order",
            "ascending",
        ],
        [*detect, "-o", root / "plain", "--dicom", "none"],
    )
    return {"nameless": root / "nameless", "plain": root / "plain", "archive": Path(archive)}


def test_dicom_results_are_those_asked_for(detected, head_series) -> None:
    told = json.loads((detected["nameless"] / "summary.json").read_text())
    names = {path.name for path in detected["nameless"].glob("*.dcm")}
    without = {"findings.seg.dcm"} if "seg" in told["dicom_not_written"] else set()
    assert names == {"anomaly_map.dcm", "findings.seg.dcm", "findings.sr.dcm"} - without
    assert bool(without) == (told["findings"] == 0)
    assert len(list((detected["nameless"] / "overlay").iterdir())) == len(
        list(head_series.iterdir())
    )
    assert not list(detected["plain"].rglob("*.dcm"))


def test_frames_come_in_the_order_asked_for(detected) -> None:
    parametric_map = pydicom.dcmread(detected["nameless"] / "anomaly_map.dcm")
    heights = [
        item.PlanePositionSequence[0].ImagePositionPatient[2]
        for item in parametric_map.PerFrameFunctionalGroupsSequence
    ]
    assert heights == sorted(heights)  # axial slices, whose normal points to the head


def test_anonymous_results_name_neither_patient_nor_input(detected) -> None:
    for path in detected["nameless"].rglob("*"):
        if path.is_file() and path.suffix != ".gz":
            content = path.read_bytes()
            assert b"Musterfrau" not in content, path
            assert b"PID-4711" not in content, path
    told = json.loads((detected["nameless"] / "summary.json").read_text())
    assert told["input"].keys() == {"path", "shape", "spacing_mm", "modality"}


def test_a_summary_names_the_zip_file_and_not_where_it_was_unpacked(detected) -> None:
    told = json.loads((detected["plain"] / "summary.json").read_text())
    assert told["input"]["path"] == str(detected["archive"])
    assert told["input"]["shape"] == [99, 117, 95]


@pytest.mark.parametrize(
    ("names", "reason"),
    [
        ("pm,svg", "must be some of pm, seg, sr, sc or none, got 'svg'"),
        ("pr", "--dicom pr is not offered"),
    ],
)
def test_unknown_dicom_results_are_refused(
    refused: Refused, head_series: Path, names: str, reason: str
) -> None:
    assert reason in refused(head_series, "--dicom", names)


def test_findings_of_a_model_without_calibration_are_refused_before_any_work(
    refused: Refused, head_series: Path, tmp_path: Path
) -> None:
    bundle = tmp_path / "bundle"
    shutil.copytree(default_bundle(), bundle)
    for path in (bundle / "models").glob("calibration*"):
        path.unlink()
    told = refused(head_series, "--dicom", "pm,seg", "--bundle", bundle)
    assert "--dicom seg must have a calibrated model" in told
