"""Paint shapes of real lesions on healthy scans, to choose settings without touching real cases.

    python scripts/paint_shapes.py DATASET_DIR LESION_DIR OUT [--kind ms] [--split val] [--seed 7]

Each scan of the split gets the lesions of one case of LESION_DIR, moved by the boxes of the two
brains and kept where the tissue is white matter or next to it; each lesion has a grey and an
opacity of its own. Writes OUT/cases.csv for `anogan evaluate`: every scan with them, and as it is.
"""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Annotated

import nibabel as nib
import numpy as np
import typer
from scipy import ndimage

from monai_anogan.io import read_cohort

GREY = (8, 42)  # percentiles of the brain's grey values
OPACITY = (0.45, 0.95)
TEXTURE = 0.08  # standard deviations of the brain's grey values
CORNERS = np.ones((3, 3, 3))


def main(
    dataset_dir: Path,
    lesion_dir: Path,
    out: Path,
    kind: Annotated[str, typer.Option(help="of the cases")] = "ms",
    split: Annotated[str, typer.Option()] = "val",
    seed: Annotated[int, typer.Option()] = 7,
) -> None:
    out.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(seed)
    with (lesion_dir / "cases.csv").open(newline="") as file:
        cases = [row for row in csv.DictReader(file) if row["kind"] == kind]
    rows = []
    for item, case in zip(read_cohort(dataset_dir, split, with_label=True), cases, strict=False):
        scan, name = _upright(item["image"]), Path(item["image"]).name.removesuffix(".nii.gz")
        lesion = _upright(lesion_dir / "mask" / f"{case['case']}.nii.gz")
        other = _upright(dataset_dir / "mask" / f"{case['subject']}.nii.gz")
        brain = _voxels(_upright(item["label"])) > 0
        share = _moved(_voxels(lesion) > 0, _voxels(other) > 0, brain)
        painted, truth = _paint(_voxels(scan), brain, share, rng)
        for end, volume in (("", painted), ("_mask", truth.astype("uint8"))):
            nib.save(nib.Nifti1Image(volume, scan.affine), out / f"{name}_{kind}{end}.nii.gz")
        rows.append([f"{name}_{kind}.nii.gz", f"{name}_{kind}_mask.nii.gz", kind])
        rows.append([str(Path(item["image"]).resolve()), "", "healthy"])
        print(item["image"], ndimage.label(truth, CORNERS)[1], "lesions")
    with (out / "cases.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerows([["image", "mask", "kind"], *rows])


def _upright(path):
    return nib.as_closest_canonical(nib.load(path))


def _voxels(image):
    return np.asarray(image.dataobj, dtype=np.float32)


def _moved(lesion, brain, onto):
    """The share of each voxel of another brain that lesions take, box on box."""
    (low, high), (low_onto, high_onto) = _box(brain), _box(onto)
    grid = np.stack(np.meshgrid(*map(np.arange, onto.shape), indexing="ij")).astype(float)
    grow = (high - low) / (high_onto - low_onto)
    source = [low[a] + (grid[a] - low_onto[a]) * grow[a] for a in range(3)]
    return ndimage.map_coordinates(lesion.astype(np.float32), source, order=1)


def _box(mask):
    where = np.argwhere(mask)
    return where.min(0), where.max(0)


def _paint(volume, brain, share, rng):
    """Lesions where the share is half or more, each blended in with a grey of its own."""
    bright = ndimage.gaussian_filter(volume, 0.7) > np.percentile(volume[brain], 50)
    white = brain & bright & (ndimage.distance_transform_edt(brain) > 3)
    share = share * (ndimage.binary_dilation(white) & brain)
    labels, count = ndimage.label(share >= 0.5, CORNERS)
    nearest = ndimage.distance_transform_edt(
        labels == 0, return_distances=False, return_indices=True
    )
    grey = np.percentile(volume[brain], rng.uniform(*GREY, count)) if count else []
    grey, opacity = np.r_[0, grey], np.r_[0, rng.uniform(*OPACITY, count)]
    texture = ndimage.gaussian_filter(rng.standard_normal(volume.shape), 0.8)
    texture *= TEXTURE * volume[brain].std() / texture.std()
    lesion = labels[tuple(nearest)]
    weight = np.clip(ndimage.gaussian_filter(share, 0.4), 0, 1) * opacity[lesion]
    painted = np.where(brain, volume + weight * (grey[lesion] + texture - volume), volume)
    return painted.astype(np.float32), labels > 0


if __name__ == "__main__":
    typer.run(main)
