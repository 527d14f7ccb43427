"""Healthy scans through a model, one by one, into the calibration of its maps."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from ignite.engine import Events
from scipy import ndimage

from monai_anogan.errors import AnoganError
from monai_anogan.maps import (
    Appearance,
    Calibration,
    CalibrationFile,
    Domain,
    appearance_of,
    weights_digest,
)
from monai_anogan.maps.appearance import voxel_ml

__all__ = ["CalibrationFit"]


class CalibrationFit:
    """Collects the raw maps of healthy scans, then fits calibration and domain on them.

    It is an ignite handler too, for the bundle's calibrate config.

    Args:
        weights: checkpoints of the model.
        settings: that its raw maps depend on.
        path: where the handler writes the calibration when the run completes.
        voxel_rate: share of the voxels of healthy scans above the threshold.
    """

    def __init__(
        self,
        weights: Sequence[str | Path],
        settings: Mapping[str, Any],
        path: str | Path = "calibration.json",
        voxel_rate: float = 1e-3,
    ) -> None:
        self.weights, self.settings, self.path = tuple(weights), dict(settings), Path(path)
        self.voxel_rate = voxel_rate
        self.maps: list[np.ndarray] = []
        self.masks: list[np.ndarray] = []
        self.appearances: list[Appearance] = []
        self.voxel_ml = 0.0

    def add(self, data: Mapping[Any, Any]) -> None:
        """Add one scan: raw `anomaly_map`, `mask`, and what `appearance_of` asks for."""
        mask = torch.as_tensor(data["mask"])[0].cpu().numpy() > 0
        box = ndimage.find_objects(mask.astype(np.uint8))[0]  # only the organ is kept
        self.maps.append(torch.as_tensor(data["anomaly_map"])[0].cpu().numpy()[box].copy())
        self.masks.append(mask[box].copy())
        self.appearances.append(appearance_of(data))
        self.voxel_ml = voxel_ml(data["anomaly_map"].affine.numpy())

    def result(self) -> CalibrationFile:
        """What was learned from the scans added so far.

        Raises:
            AnoganError: They are too few.
        """
        backgrounds = [appearance.measures["raw"] for appearance in self.appearances]
        calibration = Calibration(self.voxel_rate).fit(
            self.maps, self.masks, self.voxel_ml, backgrounds
        )
        domain = Domain().fit(self.appearances)
        return CalibrationFile(calibration, domain, weights_digest(*self.weights), self.settings)

    def outliers(self) -> dict[int, str]:
        """Scans unlike the rest, by position, with the reason: are they healthy, and whole?"""
        told = {}
        for i, appearance in enumerate(self.appearances):
            others = [a for j, a in enumerate(self.appearances) if j != i]
            verdict = Domain().fit(others).judge(appearance)
            if verdict.refusals:
                told[i] = verdict.refusals[0]
        return told

    def attach(self, engine: Any) -> None:
        """Have `engine` hand over every scan and write the file when it completes."""
        engine.add_event_handler(Events.ITERATION_COMPLETED, self._add_output)
        engine.add_event_handler(Events.COMPLETED, self._write)

    def _add_output(self, engine: Any) -> None:
        for item, output in zip(engine.state.batch, engine.state.output, strict=True):
            self.add({**item, **output})

    def _write(self, engine: Any) -> None:
        if not self.path.parent.is_dir():
            raise AnoganError(f"the calibration's folder must exist, {self.path.parent} does not")
        self.result().save(self.path)
