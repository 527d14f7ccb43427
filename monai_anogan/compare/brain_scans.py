"""Brains made ready as the bundle does it, but for the masks, which are those of the cohort."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import torch
from monai.data import MetaTensor
from monai.transforms import Compose, LoadImaged, Orientationd, Spacingd

from monai_anogan.compare.task import HEALTHY
from monai_anogan.errors import InputError
from monai_anogan.io import read_cohort
from monai_anogan.transforms import ScaleInMaskd, SmoothSpacingd, paint_lesion

__all__ = ["Scan", "healthy_scans", "lesion_cases", "lesion_scans", "painted_scans"]

SPACING = (2.0, 2.0, 2.0)  # mm, as in the bundle
PAINTED = "painted"
PAINTS = ((3, 0.9, 14.0), (15, 0.6, 12.0), (99, 0.9, 10.0), (5, 0.9, 5.0))
"""Percentile of the brain's grey values, opacity and mean radius in mm of each painted region."""


@dataclass(frozen=True)
class Scan:
    """A brain in network space."""

    image: MetaTensor  # (1, D, H, W) RAS, -1 outside the mask
    mask: torch.Tensor  # (1, D, H, W) bool
    lesion: torch.Tensor  # (1, D, H, W) bool
    subject: str
    kind: str
    item: Mapping[str, str]  # the files it came from: `image`, `label` the lesion's or ""

    @property
    def name(self) -> str:
        """That of its file."""
        return Path(self.item["image"]).name.split(".")[0]


def healthy_scans(dataset_dir: Path, split: str, *, most: int | None = None) -> Iterator[Scan]:
    """The healthy scans of a split, one by one."""
    for item in read_cohort(dataset_dir, split, with_label=True, most=most):
        yield _ready(item["image"], item["label"], "", _subject(item["image"]), HEALTHY)


def lesion_scans(dataset_dir: Path, lesion_dir: Path, *, most: int | None = None) -> Iterator[Scan]:
    """The lesion cases, one by one, with the brain masks of the subjects they were made from.

    Args:
        dataset_dir: the healthy cohort, with `mask/SUBJECT.nii.gz`.
        lesion_dir: `cases.csv` (columns case, subject, kind), `t1/CASE.nii.gz` and
            `mask/CASE.nii.gz`, the lesion.
        most: at most so many of each kind.

    Raises:
        InputError: The table or a file is missing.
    """
    taken: dict[str, int] = {}
    for row in lesion_cases(lesion_dir):
        taken[row["kind"]] = taken.get(row["kind"], 0) + 1
        if most is None or taken[row["kind"]] <= most:
            image, truth = (str(lesion_dir / k / f"{row['case']}.nii.gz") for k in ("t1", "mask"))
            brain = str(dataset_dir / "mask" / f"{row['subject']}.nii.gz")
            yield _ready(image, brain, truth, row["subject"], row["kind"])


def lesion_cases(lesion_dir: Path) -> list[dict[str, str]]:
    """The rows of `cases.csv`.

    Raises:
        InputError: It is missing, or lacks a column.
    """
    table = lesion_dir / "cases.csv"
    if not table.is_file():
        raise InputError(f"the lesion cases must be listed in {table}, which does not exist")
    with table.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    if not rows or not {"case", "subject", "kind"} <= rows[0].keys():
        raise InputError(f"{table} must have the columns case, subject and kind")
    return rows


def painted_scans(
    dataset_dir: Path, split: str, *, seed: int, most: int | None = None
) -> Iterator[Scan]:
    """Healthy scans with lesions painted in, to choose thresholds on.

    Each has one region of each of `PAINTS`, dark as an infarct, half so, bright, and small.
    """
    rng = np.random.default_rng(seed)
    for scan in healthy_scans(dataset_dir, split, most=most):
        volume, inside = scan.image[0].numpy(), scan.mask[0].numpy()
        affine = np.asarray(scan.image.affine)
        places, lesion = np.argwhere(inside), np.zeros_like(inside)
        for percentile, opacity, radius in PAINTS:
            volume, more = paint_lesion(
                volume,
                inside,
                affine,
                centre_mm=affine[:3, :3] @ places[rng.integers(len(places))] + affine[:3, 3],
                radii_mm=(radius * rng.uniform(0.7, 1.4, 3)).tolist(),
                grey=float(np.percentile(volume[inside], percentile)),
                opacity=opacity,
                seed=int(rng.integers(2**31)),
            )
            lesion |= more
        image = MetaTensor(torch.from_numpy(volume)[None], affine=scan.image.affine)
        yield Scan(
            image, scan.mask, torch.from_numpy(lesion)[None], scan.subject, PAINTED, scan.item
        )


def _subject(path: str) -> str:
    return Path(path).name.removesuffix(".gz").removesuffix(".nii")


def _ready(image: str, mask: str, lesion: str, subject: str, kind: str) -> Scan:
    labels = ("mask", "lesion") if lesion else ("mask",)
    files = {"image": image, "mask": mask, **({"lesion": lesion} if lesion else {})}
    for path in files.values():
        if not Path(path).is_file():
            raise InputError(f"every scan and mask of the study must exist, {path} does not")
    data = _preparation(labels)(files)
    inside = data["mask"].as_tensor() > 0
    found = data["lesion"].as_tensor() > 0 if lesion else torch.zeros_like(inside)
    item = {"image": image, "label": lesion, "kind": kind}
    return Scan(data["image"], inside, found, subject, kind, item)


@cache  # looking for a reader takes longer than reading
def _preparation(labels: tuple[str, ...]) -> Compose:
    keys = ("image", *labels)
    return Compose(
        [
            LoadImaged(
                keys,
                reader="NibabelReader",
                image_only=True,
                ensure_channel_first=True,
                dtype=torch.float32,
            ),
            Orientationd(keys, axcodes="RAS", labels=None),
            SmoothSpacingd("image", SPACING),
            Spacingd(labels, SPACING, mode="nearest"),
            ScaleInMaskd("image", "mask"),
        ]
    )
