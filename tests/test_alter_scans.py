"""The scans of an evaluation, altered: every way has its table, and differs by what it says."""

from pathlib import Path

import nibabel as nib
import numpy as np
import pytest

from monai_anogan.io import read_cases

SCRIPT = Path(__file__).parents[1] / "scripts" / "alter_scans.py"


@pytest.fixture(scope="module")
def altered(tmp_path_factory, run_python):
    """A ball of two tissues in every way, by name of the way, and the affine it has."""
    home = tmp_path_factory.mktemp("altered")
    affine = np.array([[-2.0, 0, 0, 30], [0, 0, 2.5, -40], [0, 2.0, 0, 7], [0, 0, 0, 1]])
    away = np.indices((40, 36, 30)) - np.array([20, 18, 15])[:, None, None, None]
    ball = (away**2).sum(0) < 13**2
    tissue = np.where(np.random.default_rng(0).random(ball.shape) < 0.4, 900, 600)
    nib.save(nib.Nifti1Image((ball * tissue).astype(np.float32), affine), home / "ball.nii.gz")
    (home / "cases.csv").write_text("image,mask,kind\nball.nii.gz,,healthy\n")
    run_python([SCRIPT, home / "cases.csv", home / "out"])
    ways = {folder.name: nib.load(folder / "000.nii.gz") for folder in (home / "out").iterdir()}
    for name in ways:
        assert [row["kind"] for row in read_cases(home / "out" / name / "cases.csv")] == ["healthy"]
    return {name: np.asarray(scan.dataobj) for name, scan in ways.items()}, ball, ways, affine


def test_geometry_stays(altered):
    _, _, scans, affine = altered
    for scan in scans.values():
        np.testing.assert_allclose(scan.affine, affine)


def test_each_way_does_what_it_says(altered):
    ways, ball, _, _ = altered
    was = ways.pop("as_is")
    for name, volume in ways.items():
        assert not np.allclose(volume, was), name
    step = np.abs(np.diff(was, axis=2)).mean()
    steps = {name: np.abs(np.diff(volume, axis=2)).mean() for name, volume in ways.items()}
    assert steps["blur_2mm"] < steps["blur_1.2mm"] < step < steps["sharpened"]
    changed = [np.abs(ways[f"noise_{n}_percent"] - was)[ball].mean() for n in (3, 6)]
    assert changed[1] == pytest.approx(2 * changed[0], rel=0.1)
    brighter = ways["brighter_rim"] / np.maximum(was, 1)
    assert brighter[20, 18, 15] == pytest.approx(1, abs=0.02)
    assert brighter[20, 18, 26] > 1.3
