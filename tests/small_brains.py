"""A cohort of balls with one lesion case, small enough to be compared on in seconds."""

from __future__ import annotations

import csv
from pathlib import Path

import nibabel as nib
import numpy as np

from monai_anogan.compare import BrainData

__all__ = ["write_brains"]

SHAPE = (80, 80, 8)
DEEP = slice(2, 7)  # slices: thicker than the filter of the maps
LARGE, SMALL = (slice(30, 40), slice(30, 40), DEEP), (slice(20, 21), slice(20, 25), DEEP)


def write_brains(root: Path) -> BrainData:
    """Four train, one val and one test ball, and one lesion case: a large spot and a small one."""
    for folder in ("h/t1", "h/mask", "l/t1", "l/mask"):
        (root / folder).mkdir(parents=True)
    grid = np.stack(np.meshgrid(*map(np.arange, SHAPE), indexing="ij"), axis=-1)
    mask = np.linalg.norm(grid[..., :2] - 40, axis=-1) < 34
    affine = np.diag([2.0, 2, 2, 1])

    def save(name: str, volume: np.ndarray) -> None:
        nib.save(nib.Nifti1Image(volume.astype(np.float32), affine), root / f"{name}.nii.gz")

    rng, rows = np.random.default_rng(0), []
    for index, split in enumerate(["train"] * 4 + ["val", "test"]):
        volume = np.where(mask, rng.normal(500, 50, SHAPE), 0)
        save(f"h/t1/s{index}", volume)
        save(f"h/mask/s{index}", mask)
        rows.append({"subject": f"s{index}", "split": split})
    lesion = np.zeros(SHAPE)
    lesion[LARGE], lesion[SMALL] = 1, 1
    save("l/t1/case", np.where(lesion > 0, 400, volume))
    save("l/mask/case", lesion)
    for path, table in (
        ("h/subjects.csv", rows),
        ("l/cases.csv", [{"case": "case", "subject": "s5", "kind": "infarct"}]),
    ):
        with (root / path).open("w", newline="") as file:
            writer = csv.DictWriter(file, list(table[0]))
            writer.writeheader()
            writer.writerows(table)
    return BrainData(root / "h", root / "l", train_patches=10, slices=3)
