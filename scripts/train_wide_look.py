"""Teach the wide look of the bundle on healthy scans with lesions painted on them.

    python scripts/train_wide_look.py DATASET_DIR OUT [--steps 18000] [--workers 15]

DATASET_DIR holds subjects.csv (columns subject, split), t1/SUBJECT.nii.gz and mask/SUBJECT.nii.gz;
`train` is taken. The models and comparisons of the bundle must be there: each painted scan is
rebuilt as one of the bundle's ways rebuilds a patient's (the encoder's guess, the healed search,
the 3D variant), so that one network serves all. Lesions are painted before the scan is made that
of another scanner: noise and blur lie over them as over all tissue. OUT/last.pt is renewed every
500 steps and resumed from; OUT/wide_look.pt goes into the bundle's `models`.

The shipped one had 18,100 steps in 22 minutes of an H200; a step of four scans takes a minute on
two CPU cores, so bring a GPU.
"""

from __future__ import annotations

import random
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import monai.transforms as mt
import torch
import typer
from monai.utils import convert_to_tensor
from torch.utils.data import DataLoader, IterableDataset, get_worker_info

from monai_anogan.bundle_folder import packaged
from monai_anogan.engines import WideLookFit
from monai_anogan.engines.whole_file import whole_file
from monai_anogan.io import read_cohort
from monai_anogan.maps import see_wide
from monai_anogan.maps.in_organ import box_of
from monai_anogan.maps.surroundings import surprises
from monai_anogan.pipeline import Pipeline
from monai_anogan.transforms import BACKGROUND, RandLesionScened

ROOT = Path(__file__).resolve().parents[1]
WAYS: dict[str, tuple[float, str, list[Path]]] = {  # share of the scans, mode, overlays
    "guess": (0.55, "encoder", []),
    "search": (0.1, "search", []),
    "3D": (0.35, "encoder", [ROOT / "configs" / "brain_mr_3d.yaml"]),
}
SCANNERS = {"usual": 0.55, "other": 0.30, "as it is": 0.15}  # shares of the scans
WHITE_MATTER = 0.45
KEYS = ("image", "mask")
FIRST, EVERY = 48, 500  # scans held before the first step; steps between two files
MARGIN = 2  # voxels around the organ
plain = partial(convert_to_tensor, track_meta=False)


def main(
    dataset_dir: Path,
    out: Path,
    steps: Annotated[int, typer.Option(min=1)] = 18_000,
    batch_size: Annotated[int, typer.Option(min=1)] = 4,
    first: Annotated[int, typer.Option(help="scans before the first step", min=1)] = FIRST,
    most: Annotated[int | None, typer.Option(help="of the training scans")] = None,
    workers: Annotated[int, typer.Option(help="processes that paint")] = 2,
    device: Annotated[str, typer.Option()] = "cuda" if torch.cuda.is_available() else "cpu",
    seed: Annotated[int, typer.Option()] = 0,
) -> None:
    out.mkdir(parents=True, exist_ok=True)
    ways = {name: _pipeline(mode, overlays, device) for name, (_, mode, overlays) in WAYS.items()}
    fit = WideLookFit(steps, batch_size=batch_size, device=device, seed=seed)
    last = out / "last.pt"
    if last.is_file():
        fit.load_state_dict(torch.load(last, map_location=device, weights_only=True))
    new = seed + fit.done  # no scan of before is painted again
    painted = iter(
        DataLoader(Painted(_healthy(dataset_dir, most), new), batch_size=None, num_workers=workers)
    )
    rng, start = random.Random(new), time.monotonic()
    loss = 0.0
    while fit.done < steps:
        if len(fit.scans) < first or fit.done % 2:  # two steps a scan
            scan = next(painted)
            way = rng.choices(list(ways), [share for share, *_ in WAYS.values()])[0]
            fit.add(_seen(scan, *ways[way], device), scan["lesion"])
            if len(fit.scans) < first:
                continue
        loss += (fit.step() - loss) / min(fit.done, 100)
        if fit.done % EVERY == 0 or fit.done == steps:
            for path, content in ((last, fit.state_dict()), (out / "wide_look.pt", fit.weights())):
                with whole_file(path) as beside:
                    torch.save(content, beside)
            passed = time.monotonic() - start
            print(f"{passed:.0f} s  step {fit.done} of {steps}  loss {loss:.4f}", flush=True)


class Painted(IterableDataset):
    """Without end: `image`, `mask`, `lesion`, (D, H, W) each, in the organ's box."""

    def __init__(self, scans: list[dict[str, torch.Tensor]], seed: int) -> None:
        self.scans, self.seed = scans, seed

    def __iter__(self) -> Iterator[dict[str, torch.Tensor]]:
        worker = get_worker_info()
        seed = self.seed * 1000 + (worker.id if worker else 0)
        torch.set_num_threads(1)
        rng, places, scanners = random.Random(seed), _places(), _scanners()
        scene, white = (
            RandLesionScened("image", prob=prob, white_matter=share)
            for prob, share in ((0.95, 0.0), (1.0, 1.0))
        )
        for number, made in enumerate((*places.values(), *scanners.values(), scene, white)):
            made.set_random_state(seed=seed * 7 + number)
        while True:
            kind = rng.choices(list(SCANNERS), list(SCANNERS.values()))[0]
            placed = places[kind](dict(rng.choice(self.scans)))
            inside = plain(placed["mask"]) > 0.5
            clean = torch.where(inside, plain(placed["image"]), BACKGROUND)
            scan = (white if rng.random() < WHITE_MATTER else scene)({"image": clean})
            lesion = plain(scan["lesion"])[0] > 0
            scan = scanners[kind]({"image": plain(scan["image"]), "mask": inside.float()})
            image = torch.where(inside, plain(scan["image"]), BACKGROUND)[0]
            box = box_of(inside[0])
            yield {
                n: v[box] for n, v in (("image", image), ("mask", inside[0]), ("lesion", lesion))
            }


def _places() -> dict[str, Any]:
    """Where the head lies and how large it is, by the kind of scanner."""

    def flip() -> mt.Compose:
        return mt.Compose([mt.RandFlipd(KEYS, 0.5, 0)])

    zoom = mt.RandZoomd(
        KEYS, 0.6, min_zoom=0.87, max_zoom=1.06, mode=("trilinear", "nearest"), keep_size=False
    )
    return {"usual": flip(), "other": mt.Compose([*flip().transforms, zoom]), "as it is": flip()}


def _scanners() -> dict[str, mt.Compose]:
    """What a scanner makes of a head, lesions and all."""

    def of(*changes: Any) -> mt.Compose:
        grey = mt.ScaleIntensityRanged("image", -1, 1, 0, 1)
        back = mt.ScaleIntensityRanged("image", 0, 1, -1, 1, clip=True)
        return mt.Compose([grey, *changes, mt.MaskIntensityd("image", mask_key="mask"), back])

    def smooth(prob: float, least: float, most: float) -> mt.RandGaussianSmoothd:
        sigma = (least, most)
        return mt.RandGaussianSmoothd("image", sigma, sigma, sigma, prob=prob)

    usual = of(
        mt.RandAdjustContrastd("image", prob=0.8, gamma=(0.7, 1.4)),
        mt.RandBiasFieldd("image", prob=0.5, coeff_range=(0.0, 0.08)),
        smooth(0.3, 0.2, 0.6),
        mt.RandGaussianNoised("image", prob=0.7, std=0.03),
    )
    other = of(
        mt.RandHistogramShiftd("image", num_control_points=(4, 7), prob=0.5),
        mt.RandAdjustContrastd("image", prob=0.5, gamma=(0.75, 1.35)),
        mt.RandBiasFieldd("image", prob=0.6, coeff_range=(0.0, 0.1)),
        smooth(0.5, 0.2, 1.0),
        mt.RandGaussianNoised("image", prob=0.7, std=0.05),
    )
    return {"usual": usual, "other": other, "as it is": of()}


def _healthy(dataset_dir: Path, most: int | None) -> list[dict[str, torch.Tensor]]:
    """The training scans in network space with their organ, (1, D, H, W), in its box."""
    preprocessing, scans = Pipeline()["preprocessing"], []
    for item in read_cohort(dataset_dir, "train", most=most):
        scan = preprocessing(dict(item))
        box = (slice(None), *box_of(plain(scan["mask"])[0] > 0))
        scans.append({name: plain(scan[name])[box].float().clone() for name in KEYS})
    return scans


def _pipeline(mode: str, overlays: list[Path], device: str) -> tuple[Any, Any, Any]:
    """How a way rebuilds a scan: its inferer, its network, and what its surroundings expect."""
    settings = {"mode": mode, "device": torch.device(device), "wide_look_file": None}
    made = Pipeline(packaged("bundle"), overlays=overlays, settings=settings)
    return made.inferer, made.network, made["comparison"].surroundings


def _seen(
    scan: dict[str, torch.Tensor], inferer: Any, network: Any, surroundings: Any, device: str
) -> torch.Tensor:
    with torch.no_grad():
        image, mask = (scan[name].to(device) for name in KEYS)
        sides = [side for _ in range(3) for side in (MARGIN, MARGIN)]
        around = torch.nn.functional.pad(image, sides, value=BACKGROUND)
        rebuilt = plain(inferer(around[None, None], network))[0, 0]
        rebuilt = rebuilt[tuple(slice(MARGIN, n - MARGIN) for n in rebuilt.shape)]
        return see_wide(image, rebuilt, mask, surprises(surroundings, image, rebuilt, mask))


if __name__ == "__main__":
    typer.run(main)
