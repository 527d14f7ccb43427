"""`anogan --overlay`: configs laid over the bundle's, from the command line."""

from __future__ import annotations

import json
import warnings
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
from conftest import Refused
from scipy import ndimage

from monai_anogan import cli
from monai_anogan.pipeline import Pipeline

START = ["-c", "from monai_anogan.cli import main; main()"]
RESIDUAL = Path(__file__).parents[1] / "configs" / "residual_map.yaml"
RAW = ["--overlay", RESIDUAL, "--mode", "encoder"]


@pytest.mark.slow
def test_the_residual_overlay_maps_the_residual_and_says_it_is_not_calibrated(
    head_cohort: Path, tmp_path: Path, run_python
) -> None:
    head = head_cohort / "head0.nii.gz"
    (said,) = run_python([*START, "detect", head, "-o", tmp_path, *RAW])
    assert "anogan calibrate --healthy DIR" in said
    told = json.loads((tmp_path / "summary.json").read_text())
    assert told["map_unit"] == "Anomaly score: raw, not calibrated"
    assert told["settings"]["overlays"] == "residual_map.yaml"
    assert told["settings"]["healing"] is False
    assert "findings.json" not in told["files"]
    pipeline = Pipeline(overlays=[RESIDUAL], settings={"mode": "encoder"})
    data = pipeline.raw_map({"image": str(head)})
    image, healthy, mask = (np.asarray(data[name][0]) for name in ("image", "pred", "mask"))
    residual = ndimage.median_filter(np.abs(image - healthy) * (mask > 0), size=5) * (mask > 0)
    written = nib.load(tmp_path / "anomaly_map.nii.gz").get_fdata()
    assert residual.max() > 0.1
    np.testing.assert_allclose(written, residual, atol=1e-4)


def test_a_cohort_is_evaluated_with_an_overlay_and_says_with_which(
    head_cohort: Path, template, tmp_path: Path, run_python
) -> None:
    truth = np.zeros(template.volume.shape, np.uint8)
    truth[60:66, 50:58, 50:56] = 1
    nib.save(nib.Nifti1Image(truth, template.affine), tmp_path / "truth.nii.gz")
    table = tmp_path / "cases.csv"
    heads = [head_cohort / f"head{subject}.nii.gz" for subject in range(2)]
    table.write_text(f"image,mask,kind\n{heads[0]},,healthy\n{heads[1]},truth.nii.gz,cube\n")
    run_python([*START, "evaluate", table, "-o", tmp_path / "out", *RAW])
    told = json.loads((tmp_path / "out/metrics.json").read_text())
    assert told["settings"]["overlays"] == "residual_map.yaml"


def test_later_overlays_are_laid_over_earlier_ones(tmp_path: Path) -> None:
    for name, steps in (("one", 3), ("two", 4)):
        (tmp_path / f"{name}.yaml").write_text(f"steps: {steps}\n")
    laid = [RESIDUAL, tmp_path / "one.yaml", tmp_path / "two.yaml"]
    pipeline = Pipeline(overlays=laid)
    assert pipeline.inferer.steps == 4
    assert pipeline.inferer.heal is None
    assert Pipeline(overlays=laid, settings={"steps": 5}).inferer.steps == 5


@pytest.mark.parametrize(
    ("name", "content", "complaint"),
    [
        ("no.yaml", None, "an overlay must be a file, "),
        ("list.yaml", "- steps\n", "must hold config ids with values, got ['steps']"),
        ("empty.yaml", "", "must hold config ids with values, got None"),
        ("torn.yaml", "steps: [1, 2\n", "must be JSON or YAML, got: "),
        ("torn.json", '{"steps": ', "must be JSON or YAML, got: "),
        ("notes.txt", "steps: 3\n", "must be JSON or YAML, got: "),
    ],
)
def test_what_is_no_overlay_is_refused(
    head_cohort: Path,
    tmp_path: Path,
    refused: Refused,
    name: str,
    content: str | None,
    complaint: str,
) -> None:
    path = tmp_path / name
    if content is not None:
        path.write_text(content)
    assert complaint in refused(head_cohort / "head0.nii.gz", "--overlay", path)


@pytest.mark.parametrize("command", ["calibrate", "evaluate"])
def test_a_missing_overlay_is_refused_in_one_line_by_every_command(
    head_cohort: Path,
    tmp_path: Path,
    command: str,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture,
) -> None:
    (tmp_path / "healthy").mkdir()
    for subject in range(5):
        head = tmp_path / f"healthy/{subject}.nii.gz"
        head.symlink_to(head_cohort / f"head{subject % 3}.nii.gz")
    (tmp_path / "cases.csv").write_text(f"image,mask,kind\n{head},,healthy\n")
    given = {"calibrate": ["--healthy", tmp_path / "healthy"], "evaluate": [tmp_path / "cases.csv"]}
    missing = ["--overlay", RESIDUAL, "--overlay", tmp_path / "no.yaml"]
    argv = ["anogan", command, *given[command], "-o", tmp_path / "out", *missing]
    monkeypatch.setattr("sys.argv", [*map(str, argv)])
    with warnings.catch_warnings(), pytest.raises(SystemExit) as left:
        cli.main()
    complaint = capfd.readouterr().err
    assert left.value.code == 1
    assert complaint == f"error: an overlay must be a file, {tmp_path / 'no.yaml'} does not exist\n"
    assert not (tmp_path / "out").exists()
