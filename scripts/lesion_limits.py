"""How many painted lesions stand out at all, to a detector that is told everything about each.

    python scripts/lesion_limits.py HEALTHY_DIR LESION_DIR [--kind ms]

Where a lesion was painted on a known healthy scan, what it changed is known voxel by voxel. A
matched filter (Turin 1960) is told just that, and how far off healthy tissue usually is at each
voxel from what all around it makes expect (`Surroundings`). On the lesion it answers
sqrt(sum (change / usual error)^2); the lesion is found if no more than two places of the healthy
scan answer higher, among those at least as bright as four fifths of the lesions' voxels: two false
findings a scan. No detector is told so much of a lesion. It does not bound them all, though: what
a fold looks like is told to none of its answers.

HEALTHY_DIR holds subjects.csv and t1/SUBJECT.nii.gz; LESION_DIR holds cases.csv (columns case,
subject, kind), t1/CASE.nii.gz and mask/CASE.nii.gz. One core takes ten seconds a case.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import numpy as np
import typer
from monai.transforms import LoadImage, ResampleToMatch
from monai.utils import convert_to_tensor
from numpy.typing import NDArray
from scipy import ndimage
from scipy.signal import correlate

from monai_anogan.io import read_cohort
from monai_anogan.maps.surroundings import SURPRISES, surprises
from monai_anogan.pipeline import Pipeline
from monai_anogan.transforms import BACKGROUND

TOUCHING = np.ones((3, 3, 3))
SIZES = ((1, 2), (3, 3), (4, 15), (16, 63), (64, 10**9))  # voxels of a lesion
FALSE = 2  # findings a scan
APART = 5  # voxels between two answers that count as two
DARKEST = 20  # percentile of the lesions' voxels, in the healthy reconstruction


@dataclass(frozen=True)
class Healthy:
    """A healthy scan on the grid of the model, every volume (D, H, W)."""

    image: NDArray[np.float32]  # network space
    rebuilt: NDArray[np.float32]
    organ: NDArray[np.bool_]
    off: NDArray[np.float32]  # from what all around makes expect, in usual errors; 0 outside
    usual: NDArray[np.float32]  # error, network space; 1 outside


def main(
    healthy_dir: Path,
    lesion_dir: Path,
    kind: Annotated[str, typer.Option(help="Of lesion in cases.csv.")] = "ms",
    split: Annotated[str, typer.Option(help="Of the subjects in HEALTHY_DIR.")] = "test",
) -> None:
    pipeline = Pipeline(settings={"mode": "encoder", "force": True})
    scans = {Path(i["image"]).name.split(".")[0]: i for i in read_cohort(healthy_dir, split)}
    with (lesion_dir / "cases.csv").open(newline="") as file:
        cases = [case for case in csv.DictReader(file) if case["kind"] == kind]
    lesions: list[tuple[int, float, float]] = []  # voxels, answer there, third answer elsewhere
    for done, case in enumerate(cases, start=1):
        lesions += _lesions(pipeline, scans[case["subject"]], lesion_dir, case["case"])
        print(f"{done} of {len(cases)}: {case['case']}, {len(lesions)} lesions", flush=True)
    voxels, answers, others = np.array(lesions).T
    print(f"\n{'voxels':>9} {'lesions':>8} {'answer':>7} {'needed':>7} {'found':>6}")
    for low, high in (*SIZES, (1, 10**9)):
        some = (voxels >= low) & (voxels <= high)
        if some.any():
            name = f"{low} or more" if high == SIZES[-1][1] else f"{low} to {high}"
            typical = f"{np.median(answers[some]):7.1f} {np.median(others[some]):7.1f}"
            found = (answers > others)[some].mean()
            print(f"{name:>9} {some.sum():8} {typical} {found:6.2f}")


def _lesions(
    pipeline: Pipeline, scan: dict[str, str], folder: Path, case: str
) -> list[tuple[int, float, float]]:
    healthy = _healthy(pipeline, scan)
    sick = pipeline.prepare({"image": str(folder / "t1" / f"{case}.nii.gz")})
    load = LoadImage(image_only=True, ensure_channel_first=True)
    truth = load(folder / "mask" / f"{case}.nii.gz")
    truth = ResampleToMatch(mode="nearest")(truth, sick)[0].numpy() > 0
    both = healthy.organ & (sick[0].numpy() > BACKGROUND)
    change = np.where(truth & both, sick[0].numpy() - healthy.image, 0) / healthy.usual
    tissue = healthy.organ
    if (truth & both).any():
        darkest = np.percentile(healthy.rebuilt[truth & both], DARKEST)
        tissue = tissue & (healthy.rebuilt >= darkest)
    labels, _ = ndimage.label(truth, TOUCHING)
    found = []
    for number, box in enumerate(ndimage.find_objects(labels), start=1):
        own = labels[box] == number
        filter_ = np.where(own, change[box], 0)
        answer = float(np.linalg.norm(filter_))
        other = _third(healthy.off, filter_ / answer, tissue) if answer else 0.0
        found.append((int(own.sum()), answer, other))
    return found


def _healthy(pipeline: Pipeline, scan: dict[str, str]) -> Healthy:
    data = pipeline.raw_map(scan)
    image, rebuilt, mask = (
        convert_to_tensor(data[name], track_meta=False)[0] for name in ("image", "pred", "mask")
    )
    organ = mask > 0
    told = surprises(pipeline["comparison"].surroundings, image, rebuilt, organ).numpy()
    off = np.zeros(organ.shape, np.float32)
    usual = np.ones(organ.shape, np.float32)
    usual[organ] = np.exp(told[:, SURPRISES.index("logarithm of the usual error of the voxel")])
    off[organ] = told[:, SURPRISES.index("surprise of the voxel")]
    return Healthy(image.numpy(), rebuilt.numpy(), organ.numpy(), off, usual)


def _third(
    off: NDArray[np.float32], filter_: NDArray[np.float64], tissue: NDArray[np.bool_]
) -> float:
    """The highest answer that is not one of the two false findings allowed; 0 if there is none."""
    answers = np.where(tissue, correlate(off, filter_, mode="same"), 0)
    peaks = answers[(answers == ndimage.maximum_filter(answers, APART)) & (answers > 0)]
    return float(np.sort(peaks)[-FALSE - 1]) if len(peaks) > FALSE else 0.0


if __name__ == "__main__":
    typer.run(main)
