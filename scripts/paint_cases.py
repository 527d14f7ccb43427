"""Paint lesions of many kinds on healthy scans, to choose settings without touching real cases.

    python scripts/paint_cases.py DATASET_DIR OUT [--split val] [--seed 0]

Writes OUT/cases.csv for `anogan evaluate`: every scan once healthy, and once with a lesion of each
kind: dark, bright, faint (a fifth of the way to dark) and tiny.
"""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Annotated

import nibabel as nib
import numpy as np
import typer

from monai_anogan.io import read_cohort
from monai_anogan.transforms import paint_lesion

# kind: percentile of the brain's grey values, opacity, smallest and largest radius in mm
KINDS = {
    "dark": (3, 0.9, 8, 20),
    "bright": (99, 0.9, 8, 20),
    "faint": (3, 0.35, 8, 20),
    "tiny": (3, 0.9, 3, 5),
}


def main(
    dataset_dir: Path,
    out: Path,
    split: Annotated[str, typer.Option()] = "val",
    seed: Annotated[int, typer.Option()] = 0,
) -> None:
    out.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(seed)
    rows = []
    for item in read_cohort(dataset_dir, split, with_label=True):
        source = nib.load(item["image"])
        brain = np.asarray(nib.load(item["label"]).dataobj) > 0
        rows.append({"image": str(Path(item["image"]).resolve()), "mask": "", "kind": "healthy"})
        for kind in KINDS:
            name = f"{Path(item['image']).name.removesuffix('.nii.gz')}_{kind}"
            painted, lesion = _paint(source, brain, kind, rng)
            nib.save(nib.Nifti1Image(painted, source.affine), out / f"{name}.nii.gz")
            nib.save(
                nib.Nifti1Image(lesion.astype("uint8"), source.affine), out / f"{name}_mask.nii.gz"
            )
            rows.append({"image": f"{name}.nii.gz", "mask": f"{name}_mask.nii.gz", "kind": kind})
        print(item["image"])
    with (out / "cases.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, ["image", "mask", "kind"])
        writer.writeheader()
        writer.writerows(rows)


def _paint(source, brain, kind, rng):
    percentile, opacity, smallest, largest = KINDS[kind]
    volume = np.asarray(source.dataobj, dtype=np.float32)
    places = np.argwhere(brain)
    centre = source.affine[:3, :3] @ places[rng.integers(len(places))] + source.affine[:3, 3]
    return paint_lesion(
        volume,
        brain,
        source.affine,
        centre_mm=centre,
        radii_mm=rng.uniform(smallest, largest, 3),
        grey=float(np.percentile(volume[brain], percentile)),
        opacity=opacity,
        ragged=0.25 if largest > 10 else 0.05,
        seed=int(rng.integers(2**31)),
    )


if __name__ == "__main__":
    typer.run(main)
