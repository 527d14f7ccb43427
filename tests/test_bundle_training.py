"""The bundle's training configs, run as their users run them: from the command line, offline."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import pytest
import torch

from monai_anogan.maps import load_comparison
from monai_anogan.systems import FAnoGAN

pytestmark = pytest.mark.slow  # each trains by the command

ROOT = Path(__file__).parents[1]
BUNDLE = ROOT / "bundle"
TRAIN, ENCODER = BUNDLE / "configs/train.json", BUNDLE / "configs/train_encoder.json"
PRETRAIN, MASK = BUNDLE / "configs/pretrain.json", BUNDLE / "configs/train_brain_mask.json"
WIDE = BUNDLE.parent / "configs/brain_mask_wide.yaml"
SMALL = {
    "bundle_root": BUNDLE,
    "visits_per_epoch": 2,
    "volumes_per_batch": 2,
    "patches_per_volume": 4,
    "validation_count": 16,
    "patch_size": 16,
    "latent_size": 64,
}
INFERENCE, FIT = BUNDLE / "configs/inference.json", BUNDLE / "configs/fit_comparison.json"
BUILT = {"width": 32, "grid": 8, "depth": 3, "generator_width": 48}  # the rest is train.json's


def bundle_run(run_id: str, *configs: Path, **settings: Any) -> list[Any]:
    """The command line after `python`."""
    options = [part for name, value in settings.items() for part in (f"--{name}", value)]
    files = str([str(config) for config in configs])
    return ["-m", "monai.bundle", "run", run_id, "--config_file", files, *options]


def training(*configs: Path, **settings: Any) -> list[Any]:
    """The command line of a training."""
    return bundle_run("training", *configs, **settings)


def weights(path: Path) -> dict[str, torch.Tensor]:
    return torch.load(path, map_location="cpu", weights_only=True)


def differing(first: Mapping[str, torch.Tensor], second: Mapping[str, torch.Tensor]) -> set[str]:
    """The parts of the system with a tensor that is not the same bit for bit."""
    assert first.keys() == second.keys()
    return {name.split(".")[0] for name in first if not torch.equal(first[name], second[name])}


@pytest.fixture(scope="module")
def straight(head_cohort, run_python, tmp_path_factory) -> Path:
    """Two epochs in one go; beside it, in `first`, one epoch of the same run."""
    folder = tmp_path_factory.mktemp("training")
    small = SMALL | {"dataset_dir": head_cohort}
    logs = run_python(
        training(TRAIN, **small, output_dir=folder / "straight", epochs=2),
        training(TRAIN, **small, output_dir=folder / "first", epochs=1),
    )
    for name, log in zip(("straight", "first"), logs, strict=True):
        (folder / f"{name}.log").write_text(log)
    return folder


@pytest.fixture(scope="module")
def resumed_and_later(straight, head_cohort, run_python) -> Path:
    """The second epoch of `first`; the encoder alone, and the warm start, from `straight`."""
    small = SMALL | {"dataset_dir": head_cohort}
    pretrained = small | {"pretrained": straight / "straight/model.pt", "epochs": 1}
    resumed, *_ = run_python(
        training(TRAIN, **small, output_dir=straight / "first", epochs=2),
        training(TRAIN, ENCODER, **pretrained, output_dir=straight / "encoder"),
        training(
            *(TRAIN, ENCODER, PRETRAIN),
            **pretrained,
            output_dir=straight / "warm",
            whitening_count=160,
        ),
    )
    (straight / "resumed.log").write_text(resumed)
    return straight


def test_training_leaves_a_model_a_log_and_pictures(straight: Path) -> None:
    network = FAnoGAN(2, 16, 64, **BUILT)
    network.load_state_dict(weights(straight / "straight/model.pt"))
    log = (straight / "straight.log").read_text()
    assert "epoch 1 of 2: d_loss" in log
    assert "epoch 2 of 2: d_loss" in log
    assert "unable to load" not in log  # NIfTI goes to MONAI's reader without a word
    files = {path.name.split(".")[0] for path in (straight / "straight").iterdir()}
    assert files == {"model", "last_model", "samples_001", "samples_002", "events"}


def test_training_resumed_is_training_never_interrupted(resumed_and_later: Path) -> None:
    assert "resumed after epoch 1" in (resumed_and_later / "resumed.log").read_text()
    for name in ("model.pt", "last_model.pt"):
        once, twice = (weights(resumed_and_later / run / name) for run in ("straight", "first"))
        if name == "last_model.pt":
            assert (once["epoch"], once["best"]) == (twice["epoch"], twice["best"])
            once, twice = once["network"], twice["network"]
        assert not differing(once, twice)


def test_encoder_training_moves_the_encoder_alone(resumed_and_later: Path) -> None:
    before, after = (
        weights(resumed_and_later / run / "model.pt") for run in ("straight", "encoder")
    )
    assert differing(before, after) == {"encoder"}


def test_warm_start_moves_all_but_the_discriminator(resumed_and_later: Path) -> None:
    before, after = (weights(resumed_and_later / run / "model.pt") for run in ("straight", "warm"))
    assert differing(before, after) == {"encoder", "generator"}


def test_warm_start_ends_with_whitened_latents_and_the_same_reconstructions(
    resumed_and_later: Path,
) -> None:
    raw, white = (FAnoGAN(2, 16, 64, **BUILT).eval() for _ in range(2))
    raw.load_state_dict(weights(resumed_and_later / "warm/last_model.pt")["network"])
    white.load_state_dict(weights(resumed_and_later / "warm/model.pt"))
    patches = torch.rand(4, 1, 16, 16, generator=torch.Generator().manual_seed(0)) * 2 - 1
    with torch.no_grad():
        assert torch.allclose(raw(patches), white(patches), atol=1e-3)
        assert not torch.allclose(raw.encoder(patches), white.encoder(patches), atol=0.1)


@pytest.fixture
def masked_cohort(tmp_path: Path) -> Path:
    """Three small balls in noise with their masks, in the layout with `subjects.csv`."""
    folder = tmp_path / "masked"
    (folder / "t1").mkdir(parents=True)
    (folder / "mask").mkdir()
    rng = np.random.default_rng(0)
    centred = np.stack(np.meshgrid(*[np.linspace(-1, 1, 24)] * 3, indexing="ij"))
    ball = np.linalg.norm(centred, axis=0) < 0.6
    for name in "abc":
        head = (600 * ball + 100 + 20 * rng.standard_normal(ball.shape)).astype(np.float32)
        for kind, volume in (("t1", head), ("mask", ball.astype(np.uint8))):
            image = nib.Nifti1Image(volume, np.diag([2.0, 2, 2, 1]))
            nib.save(image, folder / kind / f"{name}.nii.gz")
    (folder / "subjects.csv").write_text("subject,split\na,train\nb,train\nc,val\n")
    return folder


@pytest.mark.parametrize("overlays", [(), (WIDE,)], ids=["as scanned", "other scanners"])
def test_brain_mask_training_resumes(
    overlays: tuple[Path, ...], masked_cohort: Path, tmp_path: Path, run_python
) -> None:
    out = tmp_path / "out"
    settings = {"bundle_root": BUNDLE, "dataset_dir": masked_cohort, "output_dir": out}
    run_python(training(MASK, *overlays, **settings, epochs=1))
    first = weights(out / "brain_mask.pt")
    (log,) = run_python(training(MASK, *overlays, **settings, epochs=2))
    assert "resumed after epoch 1" in log
    assert "dice" in log
    assert weights(out / "last_brain_mask.pt")["epoch"] == 2
    assert differing(first, weights(out / "brain_mask.pt")) == {"model"}


def test_members_of_a_comparison_are_fitted_to_the_same_scans_painted_anew(
    head_cohort: Path, tmp_path: Path, run_python
) -> None:
    file = tmp_path / "comparison.pt"
    settings = {"bundle_root": BUNDLE, "dataset_dir": head_cohort, "comparison_file": file}
    settings |= {"mode": "encoder", "rounds": 1, "members": 2, "epochs": 1}
    (log,) = run_python(bundle_run("run", INFERENCE, FIT, **settings))
    fitted = [int(count) for count in re.findall(r"fitted to (\d+) voxels", log)]
    assert len(fitted) == 4  # two looks of two members, each look by one of the two heads
    assert all(8000 < voxels <= 12000 for voxels in fitted)
    assert len(set(fitted)) > 1
    one, other = load_comparison(file).members
    assert not torch.equal(one.first.mean, other.first.mean)  # the same head, painted anew
    settings |= {"more_of": file, "members": 1, "white_matter": 1.0}
    run_python(bundle_run("run", INFERENCE, FIT, **settings))
    kept, _, more = load_comparison(file).members
    assert torch.equal(kept.first.mean, one.first.mean)
    assert not torch.equal(more.first.mean, one.first.mean)
