"""The study of Schlegl et al. 2017 on brains: patches of healthy scans against lesions.

Trained on patches of the cohort's `train` scans; the threshold is chosen on `val` scans, healthy
and with lesions painted in; reported are the `test` scans, healthy and with semi-synthetic lesions.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import torch

from monai_anogan.compare.brain_scans import (
    Scan,
    healthy_scans,
    lesion_cases,
    lesion_scans,
    painted_scans,
)
from monai_anogan.compare.task import HEALTHY, Patches, Study, Task
from monai_anogan.inferers import foreground_windows
from monai_anogan.io import read_cohort
from monai_anogan.transforms import RandPatchesd, ToUint8d

__all__ = ["BrainData", "brain_study", "training_patches"]

PATCH = 64
LESION = 10  # pixels (0.4 cm2) of lesion make a patch, or a slice, abnormal
BRAIN = 1500  # pixels of brain in a slice that is looked at
FILLED = 0.25  # of a window that must be brain
READY = (
    "T1 brains at 2 mm, made ready as the bundle does it (RAS, percentiles 0.5 and 99.5 of the "
    "brain to -1 and 1, -1 outside), with the brain masks of the cohort rather than the bundle's "
    "mask network."
)
DRAW_SEED = 0  # of the data: the same whatever seed a run has


@dataclass(frozen=True)
class BrainData:
    """Where the brains are, and how many of them, and of their slices, are used."""

    dataset_dir: Path
    lesion_dir: Path
    train_patches: int = 8000
    slices: int = 5  # of a scan of val or test
    most_scans: int | None = None  # of val, of test, and of each kind of lesion

    def about_volumes(self) -> str:
        """The data of the study of whole brains in words."""
        return (
            f"{READY} Training: {self.train_patches} axial {PATCH} x {PATCH} patches of the "
            "healthy `train` scans. Test: `test` scans, healthy and with semi-synthetic lesions "
            f"(real shapes, painted intensities), {self.most_scans or 'all'} of each kind."
        )

    def about(self) -> str:
        """The data of the study of patches in words."""
        return (
            f"{READY} Training: {self.train_patches} axial {PATCH} x {PATCH} "
            "patches of the healthy `train` scans. Validation: `val` scans, healthy and with "
            "lesions of many kinds painted in. Test: `test` scans, healthy and with semi-synthetic "
            f"lesions (real shapes, painted intensities). Of a scan with lesions {self.slices} "
            "axial slices, evenly spread over those with lesion, and of a slice the windows that "
            "cover it; the normal patches are the same windows of the same subjects without "
            f"lesions, so that no score wins by place. A patch with {LESION} pixels of lesion or "
            "more is abnormal; the other patches of a slice with lesions are not counted. An image "
            "is an axial slice; its score is that of its most abnormal patch. Intervals: bootstrap "
            "over subjects."
        )


def brain_study(data: BrainData, *, volumes: bool = False) -> Study:
    """The study, at patch and at image level; or the one of whole `volumes` with the same training.

    Args:
        data: the brains.
        volumes: name it so.

    Raises:
        InputError: A scan, a mask or the table of cases is missing.
    """
    for split in ("train", "val", "test"):
        read_cohort(data.dataset_dir, split, with_label=True)
    lesion_cases(data.lesion_dir)
    return Study(
        name="volumes" if volumes else "brain",
        title="Brain volumes" if volumes else "Brain patches",
        about=data.about_volumes() if volumes else data.about(),
        patch_size=PATCH,
        tasks=("brain",),
        make=partial(_task, data),
        levels=("patch", "image"),
    )


def training_patches(data: BrainData) -> torch.Tensor:
    """Patches of the healthy `train` scans, (N, 1, PATCH, PATCH) uint8."""
    scans = list(healthy_scans(data.dataset_dir, "train"))
    each = -(-data.train_patches // len(scans))
    draw = RandPatchesd("image", (PATCH, PATCH), each, jitter=PATCH // 4)
    draw.set_random_state(DRAW_SEED)
    code = ToUint8d("image")
    parts = [code(draw(code({"image": scan.image.as_tensor()})))["image"] for scan in scans]
    order = torch.randperm(each * len(scans), generator=torch.Generator().manual_seed(DRAW_SEED))
    return torch.cat(parts)[order[: data.train_patches]]


def _task(data: BrainData, name: str) -> Task:
    scans = partial(healthy_scans, data.dataset_dir, most=data.most_scans)
    painted = painted_scans(data.dataset_dir, "val", seed=DRAW_SEED, most=data.most_scans)
    lesions = lesion_scans(data.dataset_dir, data.lesion_dir, most=data.most_scans)
    return Task(
        name=name,
        train=training_patches(data),
        val=labelled_patches(painted, scans("val"), data.slices),
        test=labelled_patches(lesions, scans("test"), data.slices),
    )


@dataclass(frozen=True)
class Cut:
    """One patch."""

    patch: torch.Tensor  # (1, PATCH, PATCH)
    lesion: torch.Tensor  # (1, PATCH, PATCH) bool
    subject: str
    kind: str
    level: int  # of the axial slice


def labelled_patches(abnormal: Iterable[Scan], healthy: Iterable[Scan], slices: int) -> Patches:
    """Patches of scans with lesions, and those of the same places of the same subjects without.

    Args:
        abnormal: scans with lesions.
        healthy: scans of the same subjects.
        slices: of each scan with lesions.
    """
    cuts: list[Cut] = []
    levels: dict[str, set[int]] = defaultdict(set)
    for scan in abnormal:
        chosen = lesion_levels(scan, slices)
        levels[scan.subject].update(chosen)
        cuts.extend(cut for level in chosen for cut in slice_cuts(scan, level))
    for scan in healthy:
        cuts.extend(
            cut for level in sorted(levels[scan.subject]) for cut in slice_cuts(scan, level)
        )
    size = np.array([int(cut.lesion.sum()) for cut in cuts])
    names = [f"{cut.subject} {cut.kind} {cut.level}" for cut in cuts]
    kind = np.array([cut.kind for cut in cuts])
    return Patches(
        patches=torch.stack([cut.patch for cut in cuts]),
        abnormal=size >= LESION,
        counted=(kind == HEALTHY) | (size >= LESION),
        image=np.unique(names, return_inverse=True)[1],
        subject=np.array([cut.subject for cut in cuts]),
        kind=kind,
        truth=torch.stack([cut.lesion for cut in cuts]),
    )


def slice_cuts(scan: Scan, level: int) -> Iterator[Cut]:
    """The windows that cover the brain in one axial slice."""
    brain = scan.mask[0, ..., level : level + 1]
    for across, along, _ in foreground_windows(brain, (PATCH, PATCH, 1), 0.0):
        where = (slice(None), across, along, level)
        if scan.mask[where].float().mean() >= FILLED:
            patch, lesion = scan.image.as_tensor()[where].clone(), scan.lesion[where].clone()
            yield Cut(patch, lesion, scan.subject, scan.kind, level)


def lesion_levels(scan: Scan, count: int) -> list[int]:
    """Axial slices, evenly spread over those with enough brain and enough lesion."""
    seen = (scan.mask[0].sum((0, 1)) >= BRAIN) & (scan.lesion[0].sum((0, 1)) >= LESION)
    levels = seen.nonzero()[:, 0].tolist()
    places = np.linspace(0, len(levels) - 1, min(count, len(levels)) + 2)[1:-1]
    return sorted({levels[round(place)] for place in places})
