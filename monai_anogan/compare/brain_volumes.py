"""Whole brains: every contender's map stitched from its windows, judged as `anogan evaluate` does.

The residual |x - reconstruction| with the bundle's median filter for who rebuilds patches, the
contender's own map for who does not; voxel and case level by `CohortEvaluation`.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator
from itertools import chain
from pathlib import Path

import numpy as np
import torch
from monai.data import MetaTensor

from monai_anogan.compare.brain_patches import PATCH, BrainData, training_patches
from monai_anogan.compare.brain_scans import Scan, healthy_scans, lesion_scans
from monai_anogan.compare.comparison import Comparison, Say, contenders
from monai_anogan.compare.contender import Contender
from monai_anogan.compare.run import Bar
from monai_anogan.compare.volume_report import write_volumes
from monai_anogan.engines import CohortEvaluation
from monai_anogan.engines.whole_file import write_bytes
from monai_anogan.inferers import Cutter, Stitcher, foreground_windows
from monai_anogan.maps import ResidualMapd, case_score
from monai_anogan.transforms import BACKGROUND

__all__ = ["compare_volumes"]

OVERLAP = 0.5  # of windows, as in the bundle
YARDSTICK_KEY = "darker than usual (intensity alone)"


def compare_volumes(
    out: Path, comparison: Comparison, data: BrainData, *, bar: Bar, say: Say
) -> None:
    """Make and judge every map; OUT/runs/volumes/CONTENDER holds the maps, case by case.

    Args:
        out: the folder of `open_folder`.
        comparison: what is compared.
        data: the brains.
        bar: makes a progress bar for a step.
        say: told of every contender that is done.
    """
    patches = training_patches(data)
    cases = list(_cases(data))
    results: dict[str, dict[str, dict[str, float]]] = {}
    for contender in contenders(comparison):
        directory = out / "runs" / "volumes" / contender.name
        directory.mkdir(parents=True, exist_ok=True)
        with bar(f"{contender.name}: learning") as report:
            contender.fit(patches, seed=comparison.seed, directory=directory, progress=report)
        cohort = CohortEvaluation(seed=comparison.seed)
        with bar(f"{contender.name}: cases") as report:
            for done, scan in enumerate(cases, start=1):
                heat = _kept_map(contender, scan, directory, comparison.seed)
                cohort.add(
                    scan.item,
                    source=scan.image,
                    anomaly_map=heat,
                    mask=scan.mask,
                    score=case_score(heat, scan.mask),
                )
                report(done, len(cases))
        found = cohort.results()
        ours = next(method for method in found if method != YARDSTICK_KEY)
        results[contender.title] = found[ours]
        results.setdefault(YARDSTICK_KEY, found[YARDSTICK_KEY])
        say(f"volumes: {contender.title} done")
    write_volumes(out, comparison, cases, results)


def _cases(data: BrainData) -> Iterator[Scan]:
    return chain(
        healthy_scans(data.dataset_dir, "test", most=data.most_scans),
        lesion_scans(data.dataset_dir, data.lesion_dir, most=data.most_scans),
    )


def _kept_map(contender: Contender, scan: Scan, directory: Path, seed: int) -> torch.Tensor:
    """The map of a case, (1, D, H, W), made now or by an earlier attempt."""
    path = directory / f"{scan.name}.npz"
    if not path.is_file():
        made = _map(contender, scan, seed).numpy().astype(np.float16)
        write_bytes(path, lambda file: np.savez_compressed(file, map=made))
    with np.load(path) as file:
        return torch.from_numpy(file["map"]).float()


def _map(contender: Contender, scan: Scan, seed: int) -> torch.Tensor:
    volume = scan.image.as_tensor()
    cutter = Cutter((PATCH, PATCH), slice_axis=2)
    windows = foreground_windows(scan.mask[0], cutter.window, OVERLAP)
    said = contender.judge(cutter.cut(volume, windows), seed=seed, progress=_silent)
    parts = said.reconstruction if said.reconstruction is not None else said.maps
    assert parts is not None, "a contender makes a map or a reconstruction"
    fill = BACKGROUND if said.reconstruction is not None else 0.0
    stitcher = Stitcher(volume.shape[1:], cutter.window, 1, fill)
    for window, part in zip(windows, parts, strict=True):
        stitcher.add(window, cutter.as_window(part))
    stitched = stitcher.result()
    # A map is its own residual from nothing, and goes through the same filter.
    against = volume if said.reconstruction is not None else torch.zeros_like(volume)
    data: dict[Hashable, torch.Tensor] = {
        "image": against,
        "reconstruction": stitched,
        "mask": scan.mask,
    }
    return MetaTensor(ResidualMapd()(data)["anomaly_map"]).as_tensor()


def _silent(done: int, total: int) -> None:
    """Progress of a single case is not shown."""
