"""Healthy scans through a model, one by one, into the statistics of its usual residual."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from ignite.engine import Events

from monai_anogan.maps import UsualResidual
from monai_anogan.maps.deviation import MARGIN, organ_arrays
from monai_anogan.maps.surroundings import foreground_box

__all__ = ["UsualFit"]


class UsualFit:
    """Handler: collect scans and their reconstructions, fit and save when the run completes.

    Fit it on scans of the training split: the scans held back stay untouched for calibration and
    choosing.

    Args:
        path: file of the fitted estimator.
        usual: the estimator; None takes one with its default settings.
    """

    def __init__(self, path: str | Path, usual: UsualResidual | None = None) -> None:
        self.path, self.usual = Path(path), usual or UsualResidual()
        self.scans: list[Any] = []

    def attach(self, engine: Any) -> None:
        """Have `engine` hand over every scan and write the file when it completes."""
        engine.add_event_handler(Events.ITERATION_COMPLETED, self._add)
        engine.add_event_handler(Events.COMPLETED, self._write)

    def _add(self, engine: Any) -> None:
        for item, output in zip(engine.state.batch, engine.state.output, strict=True):
            mask = torch.as_tensor(item["mask"]).cpu().numpy()[0] > 0
            box = foreground_box(mask, MARGIN)
            self.scans.append(organ_arrays(item["image"], output["pred"], mask, box))

    def _write(self, engine: Any) -> None:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self.usual.fit(self.scans).save(self.path)
