"""`anogan evaluate`: score a cohort against its lesion masks."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from monai_anogan.commands.loading import load_pipeline
from monai_anogan.commands.options import (
    Alpha,
    Bundle,
    CalibrationPath,
    Device,
    Mode,
    Out,
    Overlays,
    Search,
    Seed,
    Steps,
)
from monai_anogan.terminal import console, progress

__all__ = ["evaluate"]


def evaluate(
    cases: Annotated[
        Path, typer.Argument(help="CSV with columns image, mask (empty: healthy) and kind.")
    ],
    out: Out,
    bundle: Bundle = None,
    overlay: Overlays = None,
    mode: Mode = None,
    search: Search = None,
    steps: Steps = None,
    device: Device = None,
    seed: Seed = None,
    alpha: Alpha = None,
    calibration: CalibrationPath = None,
    note: Annotated[str | None, typer.Option(help="Said above the table.")] = None,
) -> None:
    """Score a cohort against its lesion masks, beside the plain intensity yardstick."""
    from monai_anogan.engines import CohortEvaluation
    from monai_anogan.io import read_cases
    from monai_anogan.outputs import atomic_folder
    from monai_anogan.reports import cohort_table, write_cohort

    pipeline = load_pipeline(
        bundle,
        overlays=overlay,
        device=device,
        calibration=calibration,
        mode=mode,
        search=search,
        steps=steps,
        seed=seed,
        alpha=alpha,
        force=True,  # a cohort is judged whole; the table says how many are unlike
    )
    items, cohort = read_cases(cases), CohortEvaluation()
    with atomic_folder(out) as folder:
        with progress("cases") as report:
            for done, item in enumerate(items, start=1):
                cohort.add(item, **pipeline.run(item).judged())
                report(done, len(items))
        results, alarms = cohort.results(), cohort.alarms()
        write_cohort(folder, results, alarms=alarms, note=note, settings=pipeline.settings)
    console.print(cohort_table(results, alarms=alarms, note=note))
