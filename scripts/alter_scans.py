"""Change the scans of an evaluation as other scanners would have made them.

    python scripts/alter_scans.py CASES.csv OUT [--seed 0]

For each way, OUT/WAY/cases.csv and its scans, for `anogan evaluate`: blurred, noisier, with a
smooth bias field, brighter towards the rim, with another contrast, sharpened. Masks and the scans'
geometry stay as they are.
"""

from __future__ import annotations

import csv
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Annotated

import nibabel as nib
import numpy as np
import typer
from numpy.typing import NDArray
from scipy import ndimage

from monai_anogan.io import read_cases

Volume = NDArray[np.float32]
Way = Callable[[Volume, NDArray[np.float64], np.random.Generator], Volume]


def blur(
    volume: Volume, spacing: NDArray[np.float64], _: np.random.Generator, *, mm: float
) -> Volume:
    """Gaussian of so many mm standard deviation, 2.4 times as much full width at half maximum."""
    return ndimage.gaussian_filter(volume, mm / spacing)


def sharpen(
    volume: Volume, spacing: NDArray[np.float64], _: np.random.Generator, *, by: float
) -> Volume:
    """Unsharp mask of 1.6 mm."""
    soft = ndimage.gaussian_filter(volume, 1.6 / spacing)
    return np.clip(volume + by * (volume - soft), 0, None)


def noise(
    volume: Volume, _: NDArray[np.float64], rng: np.random.Generator, *, share: float
) -> Volume:
    """Rician noise, a share of the 99th percentile (Gudbjartsson and Patz 1995, MRM 34)."""
    sigma = share * np.percentile(volume, 99)
    real, imaginary = rng.normal(0, sigma, (2, *volume.shape))
    return np.hypot(volume + real, imaginary)


def bias(
    volume: Volume, _: NDArray[np.float64], rng: np.random.Generator, *, most: float
) -> Volume:
    """A field of second order whose logarithm is at most so large."""
    lines = [np.linspace(-1, 1, n) for n in volume.shape]
    coefficients = rng.uniform(-1, 1, (3, 3, 3))
    powers = np.indices(coefficients.shape).sum(0)
    coefficients[(powers == 0) | (powers > 2)] = 0
    field = np.polynomial.polynomial.polygrid3d(*lines, coefficients)
    return volume * np.exp(most * field / np.abs(field).max())


def rim(volume: Volume, _: NDArray[np.float64], __: np.random.Generator, *, by: float) -> Volume:
    """Brighter with the square of the distance from the head's middle.

    By so much, in logarithm, at twice the standard deviation of its voxels, which is about its rim.
    """
    head = np.argwhere(volume > 0.1 * np.percentile(volume, 99))
    middle, reach = head.mean(axis=0), 2 * head.std(axis=0)
    lines = [
        ((np.arange(n) - m) / r) ** 2 for n, m, r in zip(volume.shape, middle, reach, strict=True)
    ]
    far = sum(np.meshgrid(*lines, indexing="ij", sparse=True))
    return volume * np.exp(by * np.minimum(far, 2.0))


def contrast(
    volume: Volume, _: NDArray[np.float64], __: np.random.Generator, *, power: float
) -> Volume:
    """The grey values raised to a power; the largest stays."""
    largest = volume.max()
    return largest * (np.clip(volume, 0, None) / largest) ** power


WAYS: dict[str, Way] = {
    "as_is": lambda volume, _, __: volume,
    "blur_1.2mm": partial(blur, mm=1.2),
    "blur_2mm": partial(blur, mm=2.0),
    "sharpened": partial(sharpen, by=0.7),
    "noise_3_percent": partial(noise, share=0.03),
    "noise_6_percent": partial(noise, share=0.06),
    "bias_20_percent": partial(bias, most=0.2),
    "bias_40_percent": partial(bias, most=0.4),
    "brighter_rim": partial(rim, by=0.5),
    "contrast_0.75": partial(contrast, power=0.75),
    "contrast_1.3": partial(contrast, power=1.3),
}


def main(cases: Path, out: Path, seed: Annotated[int, typer.Option()] = 0) -> None:
    tables: dict[str, list[list[str]]] = {name: [] for name in WAYS}
    for name in WAYS:
        (out / name).mkdir(parents=True, exist_ok=True)
    for index, row in enumerate(read_cases(cases)):
        scan, file = nib.load(row["image"]), f"{index:03d}.nii.gz"
        spacing = np.array(scan.header.get_zooms()[:3], dtype=float)
        volume = np.asarray(scan.dataobj, dtype=np.float32)
        mask = str(Path(row["label"]).resolve()) if row["label"] else ""
        for name, way in WAYS.items():
            altered = way(volume, spacing, np.random.default_rng([seed, index]))
            nib.save(nib.Nifti1Image(altered.astype(np.float32), scan.affine), out / name / file)
            tables[name].append([file, mask, row["kind"]])
        print(f"{row['image']}: {len(WAYS)} ways")
    for name, table in tables.items():
        with (out / name / "cases.csv").open("w", newline="") as csv_file:
            csv.writer(csv_file).writerows([["image", "mask", "kind"], *table])


if __name__ == "__main__":
    typer.run(main)
