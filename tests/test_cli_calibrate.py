"""`anogan calibrate` on scans of one's own, and what `anogan detect` then says and refuses."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import pytest
from conftest import Refused, Template

from monai_anogan.bundle_folder import default_bundle
from monai_anogan.maps import CalibrationFile, weights_digest
from monai_anogan.outputs import write_mr_series
from monai_anogan.transforms import paint_lesion

pytestmark = pytest.mark.slow  # six healthy scans are calibrated on before the first

START = ["-c", "from monai_anogan.cli import main; main()"]
RESIDUAL = Path(__file__).parents[1] / "configs" / "residual_map.yaml"
HEALTHY = 6
CENTRE_MM = np.array([34.0, -22.0, 24.0])


def save(path: Path, volume: np.ndarray, affine: np.ndarray) -> Path:
    nib.save(nib.Nifti1Image(volume.astype(np.float32), affine), path)
    return path


@pytest.fixture(scope="module")
def heads(template: Template, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Six healthy heads in a folder each, one as DICOM; one sick, one upside down."""
    folder = tmp_path_factory.mktemp("scanner")
    rng = np.random.default_rng(5)
    for subject in range(HEALTHY):
        grain = 1 + 0.04 * rng.standard_normal(template.volume.shape)
        volume, place = template.volume * grain, folder / "healthy" / f"subject{subject}"
        place.mkdir(parents=True)
        if subject:
            save(place / "t1.nii.gz", volume, template.affine)
        else:
            write_mr_series(volume, template.affine, place, description="T1", seed="own")
    grain = 1 + 0.04 * rng.standard_normal(template.volume.shape)
    sick, _ = paint_lesion(
        template.volume * grain,
        template.volume > 0,
        template.affine,
        centre_mm=CENTRE_MM,
        radii_mm=(19, 23, 18),
        grey=50.0,
    )
    save(folder / "sick.nii.gz", sick, template.affine)
    save(folder / "turned.nii.gz", (template.volume * grain)[:, :, ::-1], template.affine)
    return folder


@pytest.fixture(scope="module")
def calibrated(heads: Path, run_python, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    out = tmp_path_factory.mktemp("calibrated")
    healthy = ["calibrate", "--healthy", heads / "healthy", "-o", out / "own", "--mode", "encoder"]
    (said,) = run_python([*START, *healthy])
    own = ["--calibration", out / "own", "--mode", "encoder", "--alpha", "0.15"]
    run_python(
        [*START, "detect", heads / "sick.nii.gz", "-o", out / "sick", *own],
        [*START, "detect", heads / "turned.nii.gz", "-o", out / "turned", *own, "--force"],
    )
    return {"file": out / "own" / "calibration.json", "out": out, "said": said}


def test_it_says_what_the_numbers_of_this_scanner_promise(calibrated) -> None:
    assert f"Calibrated on {HEALTHY} healthy scans" in calibrated["said"]
    assert "At most 0.143 of new healthy scans" in calibrated["said"]  # 1 of 7
    loaded = CalibrationFile.load(calibrated["file"])
    assert len(loaded.calibration.masses_) == HEALTHY
    models = default_bundle() / "models"
    judge = models / "comparison_encoder.pt"  # of the guess, and here of the map too
    assert loaded.weights == weights_digest(models / "model.pt", judge, judge)


def test_a_lesion_is_found_where_it_was_painted(calibrated) -> None:
    record = json.loads((calibrated["out"] / "sick/findings.json").read_text())
    first = record["findings"][0]
    assert first["p_value"] == pytest.approx(1 / 7, abs=1e-4)
    assert np.linalg.norm(np.array(first["centroid_mm"]) - CENTRE_MM) < 8
    assert f"{HEALTHY} healthy scans" in record["calibration"]
    labels = nib.load(calibrated["out"] / "sick/findings.nii.gz")
    at = np.round(np.linalg.inv(labels.affine) @ [*first["centroid_mm"], 1])[:3].astype(int)
    assert labels.dataobj[tuple(at)] == first["label"]


def test_regions_of_the_written_map_are_the_findings(calibrated) -> None:
    folder = calibrated["out"] / "sick"
    record = json.loads((folder / "findings.json").read_text())
    score = nib.load(folder / "anomaly_map.nii.gz").get_fdata()
    labels = np.asarray(nib.load(folder / "findings.nii.gz").dataobj)
    for finding in record["findings"]:
        region = labels == finding["label"]
        assert score[region].min() >= record["threshold"] - 0.01
        assert score[region].max() == pytest.approx(finding["peak"], abs=0.01)
        assert region.sum() * 0.008 == pytest.approx(finding["volume_ml"])


def test_force_goes_on_with_a_scan_upside_down_and_says_so(calibrated) -> None:
    told = json.loads((calibrated["out"] / "turned/summary.json").read_text())
    assert "it seems to lie upside down" in told["warnings"][0]
    report = (calibrated["out"] / "turned/report.html").read_text()
    assert "Read with care" in report
    assert "it seems to lie upside down" in report


def test_a_scan_upside_down_is_refused(calibrated, heads: Path, refused: Refused) -> None:
    own = ("--calibration", calibrated["file"], "--alpha", 0.15)
    complaint = refused(heads / "turned.nii.gz", *own)
    assert "it seems to lie upside down" in complaint
    assert "--force" in complaint


def test_an_alpha_that_six_scans_cannot_keep_is_refused(
    calibrated, heads: Path, refused: Refused
) -> None:
    complaint = refused(heads / "sick.nii.gz", "--calibration", calibrated["file"])
    assert "alpha must be from 1 / (n + 1) = 0.1429 for 6 healthy scans" in complaint


def test_a_calibration_of_another_model_is_refused(
    calibrated, heads: Path, tmp_path: Path, refused: Refused
) -> None:
    other = tmp_path / "calibration.json"
    record = json.loads(calibrated["file"].read_text()) | {"weights": "0" * 64}
    other.write_text(json.dumps(record))
    complaint = refused(heads / "sick.nii.gz", "--calibration", other, "--alpha", 0.15)
    assert "must fit this model: the calibration was fitted for other weights" in complaint


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("not JSON", "must be a calibration, got something else"),
        ("[]", "must be a calibration, got something else"),
        ('{"format": 99}', "must have calibration format 5, got 99"),
        (None, "does not exist"),
    ],
)
def test_what_is_no_calibration_is_refused(
    heads: Path, tmp_path: Path, refused: Refused, text: str | None, complaint: str
) -> None:
    path = tmp_path / "calibration.json"
    if text is not None:
        path.write_text(text)
    assert complaint in refused(heads / "sick.nii.gz", "--calibration", path)


def test_an_overlay_has_a_calibration_of_its_own(heads: Path, tmp_path: Path, run_python) -> None:
    raw = ["--overlay", RESIDUAL, "--mode", "encoder"]
    healthy = ["calibrate", "--healthy", heads / "healthy", "-o", tmp_path / "own"]
    (said,) = run_python([*START, *healthy, *raw])
    assert f"--overlay {RESIDUAL}" in said.replace("\n", "")
    file = tmp_path / "own" / "calibration.json"
    loaded = CalibrationFile.load(file)
    assert loaded.weights == weights_digest(default_bundle() / "models" / "model.pt")
    assert loaded.settings["healing"] is False
    own = ["--calibration", file, "--alpha", "0.15"]
    run_python([*START, "detect", heads / "sick.nii.gz", "-o", tmp_path / "sick", *own, *raw])
    told = json.loads((tmp_path / "sick/summary.json").read_text())
    assert f"{HEALTHY} healthy scans" in told["calibration"]


def test_too_few_or_no_healthy_scans_are_refused_in_one_line(
    heads: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture
) -> None:
    from monai_anogan import cli

    few = tmp_path / "few"
    few.mkdir()
    for subject in range(1, 3):
        (few / f"{subject}.nii.gz").symlink_to(heads / f"healthy/subject{subject}/t1.nii.gz")
    for folder, reason in ((few, "5 healthy scans or more, got 2"), (tmp_path / "no", "a folder")):
        argv = ["anogan", "calibrate", "--healthy", folder, "-o", tmp_path / "o", "--mode"]
        monkeypatch.setattr("sys.argv", [*map(str, argv), "encoder"])
        with pytest.raises(SystemExit) as left:
            cli.main()
        complaint = capfd.readouterr().err
        assert left.value.code == 1
        assert reason in complaint
        assert complaint.count("\n") == 1
        assert not (tmp_path / "o").exists()


@pytest.mark.parametrize("mode", ["search", "encoder"])
def test_shipped_calibration_fits_the_shipped_model_and_settings(mode: str) -> None:
    from monai_anogan.pipeline import Pipeline

    loaded = Pipeline(settings={"mode": mode})["calibration"]
    assert loaded.fits, "run scripts/calibrate.sh: the model has changed"
    assert not loaded.caveat, "run scripts/calibrate.sh: the settings have changed"
    assert len(loaded.calibration.masses_) == 15
