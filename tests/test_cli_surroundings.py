"""The `anogan` command where its surroundings fail it: output, device, bundle, disk."""

from __future__ import annotations

import json
import os
import resource
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import pytest
import torch

from monai_anogan.bundle_folder import default_bundle

Refused = Callable[..., str]
START = [sys.executable, "-c", "from monai_anogan.cli import main; main()"]


def test_refuses_an_output_it_cannot_write(
    refused: Refused, head_cohort: Path, tmp_path: Path
) -> None:
    (tmp_path / "file").touch()
    for out in (tmp_path / "file", tmp_path / "file" / "out", Path("/proc/nobody/out")):
        complaint = refused(head_cohort / "head0.nii.gz", out=out)
        assert "output" in complaint
        assert str(out.parent if out.name == "out" else out) in complaint


@pytest.mark.parametrize("device", ["cuda", "toaster"])
def test_refuses_a_device_that_is_not_there(
    refused: Refused, head_cohort: Path, device: str
) -> None:
    if device == "cuda" and torch.cuda.is_available():
        pytest.skip("there is a GPU here")
    complaint = refused(head_cohort / "head0.nii.gz", "--device", device)
    assert f"device must be usable, got '{device}'" in complaint


@pytest.mark.parametrize("broken", ["no bundle", "metadata", "weights", "mask weights", "garbage"])
def test_refuses_a_bundle_that_is_not_whole(
    refused: Refused, head_cohort: Path, tmp_path: Path, broken: str
) -> None:
    bundle = tmp_path / "bundle"
    if broken != "no bundle":
        shutil.copytree(default_bundle(), bundle)
    spoil: dict[str, Callable[[], Any]] = {
        "metadata": lambda: (bundle / "configs/metadata.json").write_text("{"),
        "weights": (bundle / "models/model.pt").unlink,
        "mask weights": (bundle / "models/brain_mask.pt").unlink,
        "garbage": lambda: (bundle / "models/model.pt").write_text("version of a big file\n"),
    }
    spoil.get(broken, lambda: None)()
    assert str(bundle) in refused(head_cohort / "head0.nii.gz", "--bundle", bundle)


def test_one_bad_file_in_a_folder_does_not_stop_the_others(
    head_cohort: Path, tmp_path: Path
) -> None:
    folder, out = tmp_path / "in", tmp_path / "out"
    folder.mkdir()
    shutil.copy(head_cohort / "head0.nii.gz", folder / "good.nii.gz")
    nib.save(nib.Nifti1Image(np.full((32, 32, 32), np.nan), np.eye(4)), folder / "bad.nii.gz")
    done = subprocess.run(
        [*START, "detect", folder, "-o", out, "--mode", "encoder"], capture_output=True, text=True
    )
    assert done.returncode == 1
    bad, total = (line for line in done.stderr.splitlines() if line.startswith("error:"))
    assert "NaN or infinite" in bad
    assert total == "error: 1 of 2 cases failed: bad"
    assert [path.name for path in out.iterdir()] == ["good"]
    assert json.loads((out / "good/summary.json").read_text())["case_score"] > 0


@pytest.fixture(params=[100_000, 3_000_000], ids=["first map", "later file"])
def full_disk(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[dict[str, Any]]:
    """Where there is room for so many bytes: a file system, or else a limit on any one file."""
    place = tmp_path / "disk"
    place.mkdir()
    room = request.param
    mount, umount = shutil.which("mount"), shutil.which("umount")
    if mount and umount and os.geteuid() == 0:
        made = subprocess.run([mount, "-t", "tmpfs", "-o", f"size={room}", "tmpfs", place])
        if made.returncode == 0:
            yield {"place": place, "reason": "No space left on device"}
            subprocess.run([umount, place], check=True)
            return

    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (room, room))

    yield {"place": place, "preexec_fn": limit, "reason": "File too large"}


def test_a_full_disk_is_told_in_one_line_and_left_as_it_was(
    full_disk: dict[str, Any], head_series: Path
) -> None:
    place = full_disk["place"]
    done = subprocess.run(
        [*START, "detect", head_series, "-o", place / "out", "--mode", "encoder"],
        capture_output=True,
        text=True,
        preexec_fn=full_disk.get("preexec_fn"),
    )
    assert done.returncode == 1
    assert done.stderr.startswith("error: ")
    assert full_disk["reason"] in done.stderr
    assert done.stderr.count("\n") == 1, done.stderr
    assert not list(place.iterdir())
