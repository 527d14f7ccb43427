"""`anogan calibrate`: learn from healthy scans what a score means."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from monai_anogan.commands.loading import CALIBRATION, load_pipeline
from monai_anogan.commands.options import Bundle, Device, Mode, Out, Overlays, Search, Seed, Steps
from monai_anogan.terminal import console, progress, warn

__all__ = ["calibrate"]


def calibrate(
    healthy: Annotated[
        Path, typer.Option(help="Folder of healthy scans of your scanner: NIfTI or DICOM folders.")
    ],
    out: Out,
    bundle: Bundle = None,
    overlay: Overlays = None,
    mode: Mode = None,
    search: Search = None,
    steps: Steps = None,
    device: Device = None,
    seed: Seed = None,
    split: Annotated[str, typer.Option(help="Of a cohort with subjects.csv.")] = "val",
    voxel_rate: Annotated[
        float, typer.Option(help="Share of healthy voxels above the threshold.", min=1e-5, max=0.1)
    ] = 1e-3,
) -> None:
    """Learn from healthy scans what a score means: OUT/calibration.json, without retraining."""
    from monai_anogan.engines import CalibrationFit
    from monai_anogan.io import find_healthy
    from monai_anogan.outputs import atomic_folder, case_name

    items = find_healthy(healthy, split)
    pipeline = load_pipeline(
        bundle, overlays=overlay, device=device, mode=mode, search=search, steps=steps, seed=seed
    )
    fit = CalibrationFit(pipeline["weights"], pipeline["map_settings"], voxel_rate=voxel_rate)
    with atomic_folder(out) as folder:
        with progress("healthy scans") as report:
            for done, item in enumerate(items, start=1):
                fit.add(pipeline.raw_map(item))
                report(done, len(items))
        result = fit.result()
        result.save(folder / CALIBRATION)
    for position, reason in fit.outliers().items():
        warn(f"{case_name(items[position]['image'])} is unlike the other scans: {reason}")
    count = len(items)
    console.print(result.calibration.statement(max(0.1, 1 / (count + 1))))
    console.print(f"  {out / CALIBRATION}")
    same = "".join(f" --overlay {path}" for path in overlay or ())
    console.print(f"Use it: anogan detect INPUT -o OUT --calibration {out / CALIBRATION}{same}")
