"""Hold the brain masks that the software finds against given ones.

    python scripts/mask_dice.py CASES.csv [CASES.csv ...] [--model MODEL.pt ...]

Each table has the columns image, mask (the true brain) and kind, as `alter_scans.py` hands them
on. A line a table: Dice, mean and worst, and of the worst scan the share of the true brain that is
missed; a scan in which no brain is found counts as a Dice of 0.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer
from monai.transforms import (
    Compose,
    EnsureChannelFirstd,
    LoadImaged,
    Orientationd,
    ResampleToMatchd,
)

from monai_anogan.errors import InputError
from monai_anogan.io import read_cases
from monai_anogan.pipeline import Pipeline
from monai_anogan.transforms import SmoothSpacingd


def main(
    tables: list[Path],
    model: Annotated[list[Path] | None, typer.Option(help="In place of the bundle's.")] = None,
) -> None:
    networks = [str(path) for path in model or ()]
    pipeline = Pipeline(settings={"mask#checkpoints": networks} if networks else {})
    find = Compose(
        [
            LoadImaged(["image", "label"], image_only=True),
            EnsureChannelFirstd(["image", "label"]),
            Orientationd(["image", "label"], axcodes="RAS", labels=None),
            SmoothSpacingd("image", pipeline["spacing"]),
            ResampleToMatchd("label", "image", mode="nearest"),
            pipeline["mask"],
        ]
    )
    print(f"{'cases':32} {'scans':>5} {'Dice mean':>9} {'worst':>6} {'missed, worst':>13}")
    for table in tables:
        scores = np.array([_score(find, case) for case in read_cases(table)])
        dice, missed = scores.T
        name = "/".join(table.parts[-2:])
        print(f"{name:32} {len(dice):5} {dice.mean():9.3f} {dice.min():6.3f} {missed.max():13.1%}")


def _score(find: Compose, case: dict[str, str]) -> tuple[float, float]:
    """Dice, and the share of the true brain missed."""
    try:
        data: dict[str, Any] = find(dict(case))
    except InputError:
        return 0.0, 1.0
    found, brain = data["mask"].numpy() > 0, data["label"].numpy() > 0
    both = float((found & brain).sum())
    return 2 * both / float(found.sum() + brain.sum()), 1 - both / float(brain.sum())


if __name__ == "__main__":
    typer.run(main)
