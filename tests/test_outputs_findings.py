"""Findings on disk say the same in JSON, CSV and the label volume."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
import torch
from monai.data import MetaTensor

from monai_anogan.maps import Finding, Findings
from monai_anogan.outputs import atomic_folder, write_findings

AFFINE = np.array([[-2.0, 0, 0, 90], [0, 2, 0, -126], [0, 0, 3, -72], [0, 0, 0, 1]])


def two_findings() -> Findings:
    score, labels = np.zeros((12, 14, 10), np.float32), np.zeros((12, 14, 10), np.uint16)
    labels[2:5, 3:6, 4:6], labels[8, 9, 7] = 1, 2
    score[labels > 0] = 4
    listed = tuple(
        Finding(
            label=label,
            p_value=1 / 16,
            peak=5.25 - label,
            mean=4.0,
            mass=4.0 * volume,
            volume_ml=volume,
            centroid_mm=(10.04, -20.0, 30.06),
            peak_mm=(11.0, -21.0, 31.0),
            diameter_mm=9.98,
        )
        for label, volume in ((1, 0.216), (2, 0.012))
    )
    return Findings(listed, labels, score, 1 / 16, 5, 3.0, 0.1, "Calibrated on 15 scans.")


@pytest.fixture
def written(tmp_path: Path) -> dict[str, Path]:
    found = two_findings()
    source = MetaTensor(torch.zeros(1, 12, 14, 10), affine=torch.from_numpy(AFFINE))
    labels = torch.from_numpy(found.labels.astype(np.int32))[None]
    with atomic_folder(tmp_path / "out") as folder:
        paths = write_findings(folder, found, labels, source=source, version="1.2", model="M 3")
    return {path.name: tmp_path / "out" / path.name for path in paths}


def test_json_lists_the_findings_and_what_they_mean(written: dict[str, Path]) -> None:
    record = json.loads(written["findings.json"].read_text())
    assert [f["label"] for f in record["findings"]] == [1, 2]
    assert record["findings"][0] == {
        "label": 1,
        "p_value": 0.0625,
        "peak": 4.25,
        "mean": 4.0,
        "mass": 0.864,
        "volume_ml": 0.216,
        "centroid_mm": [10.0, -20.0, 30.1],
        "peak_mm": [11.0, -21.0, 31.0],
        "diameter_mm": 10.0,
    }
    assert record["units"].keys() == record["findings"][0].keys()
    assert (record["threshold"], record["alpha"], record["scan_p_value"]) == (3.0, 0.1, 0.0625)
    assert record["calibration"] == "Calibrated on 15 scans."
    assert "RAS" in record["units"]["centroid_mm"]
    assert record["software"] == {"name": "monai_anogan", "version": "1.2"}
    assert "not a medical device" in record["disclaimer"]


def test_table_holds_the_same_numbers(written: dict[str, Path]) -> None:
    listed = json.loads(written["findings.json"].read_text())["findings"]
    with written["findings.csv"].open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == len(listed) == 2
    for row, finding in zip(rows, listed, strict=True):
        for name in ("label", "p_value", "peak", "mean", "volume_ml", "diameter_mm"):
            assert float(row[name]) == finding[name]
        place = [float(row[f"centroid_{axis}_mm"]) for axis in "xyz"]
        assert place == finding["centroid_mm"]


def test_label_volume_holds_the_labels_on_the_grid_of_the_scan(written: dict[str, Path]) -> None:
    image = nib.load(written["findings.nii.gz"])
    assert np.issubdtype(image.get_data_dtype(), np.integer)
    np.testing.assert_allclose(image.affine, AFFINE)
    np.testing.assert_array_equal(np.asarray(image.dataobj), two_findings().labels)


def test_no_finding_is_an_empty_list_and_a_table_with_a_head(tmp_path: Path) -> None:
    quiet = Findings((), np.zeros((4, 4, 4), np.uint16), np.zeros((4, 4, 4)), 1.0, 0, 3.0, 0.1, "")
    source = MetaTensor(torch.zeros(1, 4, 4, 4))
    write_findings(tmp_path, quiet, torch.zeros(1, 4, 4, 4).int(), source=source, version="1")
    assert json.loads((tmp_path / "findings.json").read_text())["findings"] == []
    assert (tmp_path / "findings.csv").read_text().startswith("label,p_value,peak")
    assert len((tmp_path / "findings.csv").read_text().splitlines()) == 1
