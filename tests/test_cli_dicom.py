"""What the options of `anogan detect` make of DICOM in and DICOM out."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pydicom
import pytest

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
        [*detect, "-o", root / "nameless", "--dicom", "pm,sc", "--anonymous"],
        [*detect, "-o", root / "plain", "--dicom", "none"],
    )
    return {"nameless": root / "nameless", "plain": root / "plain", "archive": Path(archive)}


def test_dicom_results_are_those_asked_for(detected, head_series) -> None:
    assert (detected["nameless"] / "anomaly_map.dcm").is_file()
    assert len(list((detected["nameless"] / "overlay").iterdir())) == len(
        list(head_series.iterdir())
    )
    assert not list(detected["plain"].rglob("*.dcm"))


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


def test_unknown_dicom_results_are_refused(refused: Refused, head_series: Path) -> None:
    assert "must be some of pm, sc or none, got 'svg'" in refused(head_series, "--dicom", "pm,svg")
