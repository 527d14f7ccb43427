"""The bundle's inference and evaluation configs and the overlays, from the command line."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import pydicom
import pytest

from monai_anogan.engines import CohortEvaluation
from monai_anogan.io import DicomSeriesReader, read_cases
from monai_anogan.pipeline import Pipeline

ROOT = Path(__file__).parents[1]
BUNDLE, OVERLAYS = ROOT / "bundle", ROOT / "configs"
CONFIGS = BUNDLE / "configs"
SMALL = {"bundle_root": BUNDLE, "patch_size": 16, "latent_size": 64}
SHORT = {
    "epochs": 1,
    "visits_per_epoch": 2,
    "volumes_per_batch": 2,
    "patches_per_volume": 4,
    "validation_count": 16,
}


def bundle_run(run_id: str, *configs: Path, **settings: Any) -> list[Any]:
    """The command line after `python`."""
    options = [part for name, value in settings.items() for part in (f"--{name}", value)]
    files = str([str(config) for config in configs])
    return ["-m", "monai.bundle", "run", run_id, "--config_file", files, *options]


@pytest.fixture(scope="module")
def trunk_cohort(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three synthetic trunks in HU, int16 NIfTI: fat around muscle, a liver and a spine."""
    folder = tmp_path_factory.mktemp("trunks")
    rng = np.random.default_rng(0)
    x, y, z = np.meshgrid(*(np.linspace(-1, 1, n) for n in (60, 48, 12)), indexing="ij")
    for subject in range(3):
        trunk = np.full(x.shape, -1000.0)
        trunk[(x / 0.85) ** 2 + (y / 0.8) ** 2 < 1] = -90
        trunk[(x / 0.75) ** 2 + (y / 0.65) ** 2 < 1] = 40
        trunk[((x + 0.3) / 0.3) ** 2 + (y / 0.35) ** 2 + z**2 < 1] = 110 + 10 * subject
        trunk[(x / 0.1) ** 2 + ((y + 0.45) / 0.12) ** 2 < 1] = 600
        trunk += 15 * rng.standard_normal(trunk.shape)
        image = nib.Nifti1Image(trunk.astype(np.int16), np.diag([5.0, 5, 6, 1]))
        nib.save(image, folder / f"trunk{subject}.nii.gz")
    return folder


@pytest.fixture(scope="module")
def cases(head_cohort: Path, template, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A healthy head and one with a bright cube, as a CSV for evaluation."""
    folder = tmp_path_factory.mktemp("cases")
    truth = np.zeros(template.volume.shape, np.uint8)
    truth[60:66, 50:58, 50:56] = 1
    volumes = {"sick": np.where(truth, 1000, template.volume).astype(np.float32), "truth": truth}
    for name, volume in volumes.items():
        nib.save(nib.Nifti1Image(volume, template.affine), folder / f"{name}.nii.gz")
    table = folder / "cases.csv"
    table.write_text(
        f"image,mask,kind\n{head_cohort / 'head0.nii.gz'},,healthy\nsick.nii.gz,truth.nii.gz,cube\n"
    )
    return table


@pytest.fixture(scope="module")
def ran(head_series, head_cohort, trunk_cohort, cases, run_python, tmp_path_factory) -> Path:
    """Every config and overlay run: training first, then inference with what was trained."""
    out = tmp_path_factory.mktemp("ran")
    train, infer = CONFIGS / "train.json", CONFIGS / "inference.json"
    plane, block, ct = (OVERLAYS / f"{n}.yaml" for n in ("brain_mr_2d", "brain_mr_3d", "ct_2d"))
    residual = OVERLAYS / "residual_map.yaml"  # no comparison is trained here for blocks
    heads = SMALL | SHORT | {"dataset_dir": head_cohort}
    trunks = SMALL | SHORT | {"dataset_dir": trunk_cohort}
    shipped = {"bundle_root": BUNDLE, "mode": "encoder"}
    run_python(
        bundle_run("training", train, plane, **heads, output_dir=out / "plane"),
        bundle_run("training", train, block, **heads, output_dir=out / "block"),
        bundle_run("training", train, ct, **trunks, output_dir=out / "ct"),
    )
    series = {"dataset_dir": head_series, "output_dir": out / "block"}
    small_block = SMALL | {"mode": "encoder", "checkpoint": out / "block/model.pt"}
    small_ct = SMALL | {"steps": 2, "checkpoint": out / "ct/model.pt"}
    said = run_python(
        bundle_run("run", infer, **shipped, dataset_dir=head_series, output_dir=out / "shipped"),
        bundle_run("run", infer, block, residual, **small_block, **series),
        bundle_run("run", infer, ct, **small_ct, dataset_dir=trunk_cohort, output_dir=out / "ct"),
        bundle_run(
            *("run", infer, CONFIGS / "evaluate.json"),
            **shipped,
            cases=cases,
            output_dir=out / "cohort",
        ),
    )
    (out / "said.log").write_text("".join(said))
    return out


def brightest(path: Path) -> float:
    return float(np.abs(nib.load(path).get_fdata()).max())


@pytest.mark.parametrize("model", ["shipped", "block"])
def test_maps_of_a_dicom_folder_lie_on_its_grid(ran: Path, head_series: Path, model: str) -> None:
    scan, meta = DicomSeriesReader().get_data(head_series)
    for name in ("anomaly_map", "reconstruction"):
        image = nib.load(ran / model / "head" / f"{name}.nii.gz")
        assert image.shape == scan.shape
        np.testing.assert_array_equal(image.affine, meta["affine"].astype(np.float32))
        assert brightest(ran / model / "head" / f"{name}.nii.gz") > 0
        assert image.dataobj[0, 0, 0] == 0  # air is not judged


def test_a_dicom_folder_gets_a_parametric_map_of_its_series(ran: Path, head_series: Path) -> None:
    made = pydicom.dcmread(ran / "shipped/head/anomaly_map.dcm")
    sources = [pydicom.dcmread(path) for path in sorted(head_series.iterdir())]
    referred = made.ReferencedSeriesSequence[0]
    assert referred.SeriesInstanceUID == sources[0].SeriesInstanceUID
    assert made.NumberOfFrames == len(sources)


def test_ct_overlay_maps_every_trunk_inside_the_body(ran: Path, trunk_cohort: Path) -> None:
    for path in sorted(trunk_cohort.iterdir()):
        scan = nib.load(path)
        folder = ran / "ct" / path.name.removesuffix(".nii.gz")
        anomaly_map = nib.load(folder / "anomaly_map.nii.gz")
        np.testing.assert_array_equal(anomaly_map.affine, scan.affine)
        found, hounsfield = anomaly_map.get_fdata(), scan.get_fdata()
        assert found[hounsfield > 0].mean() > 0.01
        assert not found[:3].any()  # air beside the body
        rebuilt = nib.load(folder / "reconstruction.nii.gz").get_fdata()
        # A network that has learnt next to nothing answers 0, the middle of the overlay's window.
        assert np.median(rebuilt[rebuilt != 0]) == pytest.approx(40, abs=30)


def test_evaluation_of_the_bundle_is_that_of_the_package(ran: Path, cases: Path) -> None:
    pipeline, cohort = Pipeline(BUNDLE, settings={"mode": "encoder"}), CohortEvaluation()
    for item in read_cases(cases):
        cohort.add(item, **pipeline.run(item).judged())
    results = json.loads((ran / "cohort/metrics.json").read_text())["results"]
    for method, kinds in cohort.results().items():
        assert results[method]["cube"] == pytest.approx(kinds["cube"], rel=1e-4)
    assert "cube" in (ran / "cohort/metrics.md").read_text()


def test_nothing_is_said_about_readers_that_do_not_fit(ran: Path) -> None:
    assert "unable to load" not in (ran / "said.log").read_text()
