"""Paint lesions of many kinds on healthy scans, to choose settings without touching real cases.

    python scripts/paint_cases.py DATASET_DIR OUT [--split val] [--most 5] [--seed 0]

Writes OUT/cases.csv for `anogan evaluate`: every scan once healthy and, the first of them, once
with a lesion of each kind: dark, mid (dark and half transparent, very ragged), bright, faint (a
third of the way to dark), tiny, texture (its own grey, other texture), mass (tissue pushed aside
around a grey core), foci (8 to 30 small ones in white matter, slightly dark) and dark_foci.
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
from monai_anogan.transforms import paint_lesion

# kind: percentile of the brain's grey values, opacity, smallest and largest radius in mm, ragged
BLOBS = {
    "dark": (3, (0.9, 0.9), 8, 20, 0.25),
    "mid": (15, (0.4, 0.8), 8, 24, 0.45),
    "bright": (99, (0.9, 0.9), 8, 20, 0.25),
    "faint": (3, (0.35, 0.35), 8, 20, 0.25),
    "tiny": (3, (0.9, 0.9), 3, 5, 0.05),
}
FOCI = {"foci": (22, 38), "dark_foci": (12, 12)}  # kind: percentiles of the grey values


def main(
    dataset_dir: Path,
    out: Path,
    split: Annotated[str, typer.Option()] = "val",
    most: Annotated[int, typer.Option(help="so many scans get lesions")] = 5,
    seed: Annotated[int, typer.Option()] = 0,
) -> None:
    out.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(seed)
    rows = []
    for index, item in enumerate(read_cohort(dataset_dir, split, with_label=True)):
        source = nib.load(item["image"])
        brain = np.asarray(nib.load(item["label"]).dataobj) > 0
        rows.append({"image": str(Path(item["image"]).resolve()), "mask": "", "kind": "healthy"})
        for kind in (*BLOBS, "texture", "mass", *FOCI) if index < most else ():
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
    volume = np.asarray(source.dataobj, dtype=np.float32)
    if kind in FOCI:
        return _foci(volume, brain, source.affine, FOCI[kind], rng)
    places = np.argwhere(brain)
    centre = places[rng.integers(len(places))]
    if kind == "mass":
        return _mass(volume, brain, centre, rng)
    blob = _blob(kind, volume, brain, source.affine, centre, rng)
    return _retexture(volume, blob[1], rng) if kind == "texture" else blob


def _blob(kind, volume, brain, affine, centre, rng):
    settings = BLOBS.get(kind, (50, (1.0, 1.0), 10, 20, 0.3))
    percentile, opacity, smallest, largest, ragged = settings
    return paint_lesion(
        volume,
        brain,
        affine,
        centre_mm=affine[:3, :3] @ centre + affine[:3, 3],
        radii_mm=rng.uniform(smallest, largest, 3),
        grey=float(np.percentile(volume[brain], percentile)),
        opacity=rng.uniform(*opacity),
        ragged=ragged,
        seed=int(rng.integers(2**31)),
    )


def _retexture(volume, lesion, rng):
    """The lesion's own mean grey, with smooth noise in place of its anatomy."""
    share = ndimage.gaussian_filter(lesion.astype(np.float32), 0.7)
    noise = ndimage.gaussian_filter(rng.standard_normal(volume.shape), 1.0)
    inside = volume[lesion]
    filled = inside.mean() + 0.6 * inside.std() * noise / noise.std()
    return (volume + share * (filled - volume)).astype(np.float32), lesion


def _mass(volume, brain, centre, rng):
    """Tissue pushed outwards from a centre, with a slightly dark core in its place."""
    radius = rng.uniform(8, 12)
    grid = np.stack(np.meshgrid(*map(np.arange, volume.shape), indexing="ij")).astype(float)
    away = grid - centre[:, None, None, None]
    distance = np.sqrt((away**2).sum(0))
    shrink = np.minimum(0.45 + 0.55 * distance / radius, 1)
    pushed = ndimage.map_coordinates(
        volume, centre[:, None, None, None] + away * shrink, order=1, mode="nearest"
    )
    core = 0.8 * ndimage.gaussian_filter((distance < 0.55 * radius).astype(float), 0.8)
    grey = np.percentile(volume[brain], 30)
    painted = np.where(brain, pushed + core * (grey - pushed), volume)
    return painted.astype(np.float32), (distance < 0.7 * radius) & brain


def _foci(volume, brain, affine, percentiles, rng):
    """Small dark spots in white matter, as multiple sclerosis leaves them on T1."""
    grey = np.percentile(volume[brain], 62)
    white = ndimage.binary_opening(ndimage.binary_erosion(brain & (volume > grey)))
    deep = white & (ndimage.distance_transform_edt(brain) > 5)
    near = ndimage.binary_dilation(white) & brain
    places, painted, lesions = np.argwhere(deep), volume, np.zeros_like(brain)
    for _ in range(int(rng.integers(8, 31))):
        centre = places[rng.integers(len(places))]
        painted, lesion = paint_lesion(
            painted,
            near,
            affine,
            centre_mm=affine[:3, :3] @ centre + affine[:3, 3],
            radii_mm=rng.uniform(1.5, 4.5) * rng.uniform(0.7, 1.4, 3),
            grey=float(np.percentile(volume[brain], rng.uniform(*percentiles))),
            opacity=rng.uniform(0.6, 0.95),
            ragged=0.1,
            seed=int(rng.integers(2**31)),
        )
        lesions |= lesion
    return painted, lesions


if __name__ == "__main__":
    typer.run(main)
