"""The overlays of configs/systems: each trains its system and makes its map, in 2D and 3D."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import pytest
import torch
from monai.bundle import ConfigParser
from scipy import ndimage

from monai_anogan import systems
from monai_anogan.maps import CalibrationFile
from monai_anogan.pipeline import Pipeline
from monai_anogan.systems import SearchPlan, System

ROOT = Path(__file__).parents[1]
BUNDLE, OVERLAYS = ROOT / "bundle", ROOT / "configs" / "systems"
TRAIN, BY_PHASES = BUNDLE / "configs/train.json", BUNDLE / "configs/train_system.json"
IN_3D = OVERLAYS / "3d.yaml"
START = ["-c", "from monai_anogan.cli import main; main()"]
NAMES = sorted(path.stem for path in OVERLAYS.glob("*.yaml") if path != IN_3D)
SMALL = {
    "visits_per_epoch": 2,
    "volumes_per_batch": 2,
    "patches_per_volume": 4,
    "validation_count": 16,
    "patch_size": 16,
    "latent_size": 8,
    "width": 8,
    "epochs": 2,
}


def test_there_is_an_overlay_for_every_system() -> None:
    kinds = {value for value in vars(systems).values() if isinstance(value, type)}
    members = {kind.__name__ for kind in kinds if issubclass(kind, System)} - {"System"}
    assert {target_of(name) for name in NAMES} == members


def target_of(name: str) -> str:
    """The class that an overlay names."""
    overlay = ConfigParser.load_config_file(OVERLAYS / f"{name}.yaml")
    return overlay["network_def"]["_target_"].split(".")[-1]


def configured(spatial_dims: int, *files: Path, **settings: Any) -> ConfigParser:
    parser = ConfigParser()
    parser.read_config([str(f) for f in (*files, *([IN_3D] if spatial_dims == 3 else []))])
    parser.update({"bundle_root": str(BUNDLE), **settings})
    return parser


@pytest.mark.parametrize("spatial_dims", [2, 3])
@pytest.mark.parametrize("name", NAMES)
def test_an_overlay_wires_its_system_for_training_and_for_inference_alike(
    name: str, spatial_dims: int, tmp_path: Path
) -> None:
    small = {"width": 8, "latent_size": 8}
    training = configured(spatial_dims, TRAIN, BY_PHASES, OVERLAYS / f"{name}.yaml", **small)
    network = training.get_parsed_content("network")
    assert type(network).__name__ == target_of(name)
    assert network.spatial_dims == spatial_dims
    assert network.patch_size == {2: 64, 3: 32}[spatial_dims]
    turns = [t for phase in network.phases() for t in phase.turns]
    assert len(training.get_parsed_content("train#optimizers")) == len(turns)
    torch.save(network.state_dict(), tmp_path / "model.pt")
    overlays = [OVERLAYS / f"{name}.yaml", *([IN_3D] if spatial_dims == 3 else [])]
    given = {"checkpoint": str(tmp_path / "model.pt"), **small}
    pipeline = Pipeline(overlays=overlays, settings=given)
    assert type(pipeline.network) is type(network)
    assert (pipeline.network.matching == "reference") == (name == "gan_r")
    assert pipeline.inferer.heal is None
    plan = network.search
    assert pipeline.inferer.steps == (0 if plan is None else plan.steps)
    if plan is not None:
        walk = pipeline.inferer.walk
        told = SearchPlan("prior", pipeline.inferer.steps, **walk, weight=pipeline.inferer.weight)
        assert pipeline["start"] == "prior"
        assert told == plan


@pytest.fixture(scope="module")
def trained(head_cohort: Path, run_python, tmp_path_factory) -> Path:
    """GANomaly in 2D and f-AnoGAN in 3D, trained from the command line, and what that said."""
    folder = tmp_path_factory.mktemp("systems")
    overlays = {
        "ganomaly": [OVERLAYS / "ganomaly.yaml"],
        "fanogan": [OVERLAYS / "fanogan.yaml", IN_3D],
    }
    commands = []
    for name, files in overlays.items():
        configs = str([str(f) for f in (TRAIN, BY_PHASES, *files)])
        places = {"bundle_root": BUNDLE, "dataset_dir": head_cohort, "output_dir": folder / name}
        options = [part for key, value in (SMALL | places).items() for part in (f"--{key}", value)]
        commands.append(
            ["-m", "monai.bundle", "run", "training", "--config_file", configs, *options]
        )
    for name, log in zip(overlays, run_python(*commands), strict=True):
        (folder / f"{name}.log").write_text(log)
        small = {key: SMALL[key] for key in ("patch_size", "latent_size", "width")}
        ours = small | {"checkpoint": str(folder / name / "model.pt"), "overlap": 0.0}
        (folder / f"{name}.yaml").write_text(json.dumps(ours))
    return folder


def test_training_by_overlay_leaves_a_model_a_log_of_every_turn_and_pictures(trained: Path) -> None:
    wanted = {"ganomaly": "reconstructions", "fanogan": "samples"}
    for name, picture in wanted.items():
        files = {path.name.split(".")[0] for path in (trained / name).iterdir()}
        assert files == {"model", "last_model", f"{picture}_001", f"{picture}_002", "events"}
    log = (trained / "ganomaly.log").read_text()
    assert "epoch 2 of 2: discriminator_loss" in log
    assert "generator_loss" in log
    log = (trained / "fanogan.log").read_text()  # the second epoch ends in the second phase
    assert "epoch 1 of 2: discriminator_loss" in log
    assert "encoder_loss" in log.split("epoch 2 of 2")[1]


@pytest.mark.slow
def test_a_trained_system_maps_its_residual_is_calibrated_and_evaluated(
    trained: Path, head_cohort: Path, template, tmp_path: Path, run_python
) -> None:
    (tmp_path / "healthy").mkdir()
    for subject in range(5):
        head = tmp_path / f"healthy/{subject}.nii.gz"
        head.symlink_to(head_cohort / f"head{subject % 3}.nii.gz")
    truth = np.zeros(template.volume.shape, np.uint8)
    truth[60:66, 50:58, 50:56] = 1
    nib.save(nib.Nifti1Image(truth, template.affine), tmp_path / "truth.nii.gz")
    table = tmp_path / "cases.csv"
    heads = [head_cohort / f"head{subject}.nii.gz" for subject in range(2)]
    table.write_text(f"image,mask,kind\n{heads[0]},,healthy\n{heads[1]},truth.nii.gz,cube\n")
    in_2d = ["--overlay", OVERLAYS / "ganomaly.yaml", "--overlay", trained / "ganomaly.yaml"]
    in_3d = [OVERLAYS / "fanogan.yaml", IN_3D, trained / "fanogan.yaml"]
    laid = [part for overlay in in_3d for part in ("--overlay", overlay)]
    run_python(
        [*START, "calibrate", "--healthy", tmp_path / "healthy", "-o", tmp_path / "own", *in_2d],
        [*START, "detect", heads[0], "-o", tmp_path / "3d", *laid],
    )
    assert len(CalibrationFile.load(tmp_path / "own/calibration.json").calibration.masses_) == 5
    own = ["--calibration", tmp_path / "own", "--alpha", "0.2", *in_2d]
    run_python(
        [*START, "detect", heads[0], "-o", tmp_path / "2d", *own],
        [*START, "evaluate", table, "-o", tmp_path / "evaluated", *own],
    )
    told = json.loads((tmp_path / "2d/summary.json").read_text())
    assert told["settings"]["overlays"] == "ganomaly.yaml, ganomaly.yaml"
    assert "findings.json" in told["files"]
    metrics = json.loads((tmp_path / "evaluated/metrics.json").read_text())
    assert metrics["settings"]["mode"] == "encoder"
    pipeline = Pipeline(overlays=in_3d)
    data = pipeline.raw_map({"image": str(heads[0])})
    image, rebuilt, mask = (np.asarray(data[name][0]) for name in ("image", "pred", "mask"))
    residual = ndimage.median_filter(np.abs(image - rebuilt) * (mask > 0), size=5) * (mask > 0)
    written = nib.load(tmp_path / "3d/anomaly_map.nii.gz").get_fdata()
    assert residual.max() > 0.1
    np.testing.assert_allclose(written, residual, atol=1e-4)
