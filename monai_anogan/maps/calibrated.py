"""The calibration and the domain as MONAI transforms, on the grid of the model.

The numbers are made here, where a voxel has the size it was calibrated at, whatever the scan's own.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from typing import Any

import numpy as np
import torch
from monai.data import MetaTensor
from monai.transforms import Transform

from monai_anogan.errors import InputError
from monai_anogan.maps.appearance import Appearance, measure
from monai_anogan.maps.calibration_file import CalibrationFile
from monai_anogan.maps.findings import find

__all__ = ["UNLIKE", "Calibrated", "CheckDomaind", "appearance_of"]

UNCALIBRATED = (
    "no calibration for this model: the map is raw and there are no findings; "
    "run: anogan calibrate --healthy DIR -o OUT"
)
UNLIKE = "unlike the healthy scans of the calibration"
ASK = "--force goes on all the same"


class CheckDomaind(Transform):
    """Refuse a scan unlike the healthy ones, or warn with lines under `warnings_key`.

    Args:
        calibration: with its fitted domain; None checks nothing.
        force: warn where it would refuse.
        warnings_key: where the warnings go, a list of lines.

    Raises:
        InputError: The scan is far from the domain, and `force` is not set.
    """

    def __init__(
        self,
        calibration: CalibrationFile | None,
        force: bool = False,
        warnings_key: str = "warnings",
    ) -> None:
        self.calibration, self.force, self.warnings_key = calibration, force, warnings_key

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        if self.calibration is None or not self.calibration.fits:
            return {**data, self.warnings_key: []}
        verdict = self.calibration.domain.judge(appearance_of(data))
        if verdict.refusals and not self.force:
            more = len(verdict.refusals) + len(verdict.warnings) - 1
            also = f", and {more} more" if more else ""
            raise InputError(
                f"the scan must be like the healthy ones it is judged by, got "
                f"{verdict.refusals[0]}{also}; {ASK}"
            )
        unlike = [*verdict.refusals, *verdict.warnings]
        return {**data, self.warnings_key: [f"{UNLIKE}: {u}" for u in unlike]}


class Calibrated(Transform):
    """Turn the raw map into calibrated scores and take its findings out.

    Without a calibration, or with one of other weights, the raw map stays and a warning is added.

    Args:
        calibration: fitted; None for none.
        alpha: share of healthy scans that may raise a finding.
        map_key: the raw map, (1, D, H, W); the calibrated one takes its place.
        mask_key: the organ.
        findings_key: where the `Findings` go.
        label_key: where the label volume goes, (1, D, H, W).
        warnings_key: a list of lines that one is added to.
    """

    def __init__(
        self,
        calibration: CalibrationFile | None,
        alpha: float = 0.1,
        map_key: str = "anomaly_map",
        mask_key: str = "mask",
        findings_key: str = "findings",
        label_key: str = "finding_labels",
        warnings_key: str = "warnings",
    ) -> None:
        self.calibration, self.alpha = calibration, alpha
        self.map_key, self.mask_key = map_key, mask_key
        self.findings_key, self.label_key = findings_key, label_key
        self.warnings_key = warnings_key

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        told = list(data.get(self.warnings_key, []))
        if self.calibration is None or not self.calibration.fits:
            reason = self.calibration.caveat if self.calibration else UNCALIBRATED
            return {**data, self.warnings_key: [*told, reason]}
        if self.calibration.caveat:
            told.append(f"p-values and threshold may not hold: {self.calibration.caveat}")
        raw, mask = data[self.map_key], data[self.mask_key]
        affine = raw.affine.numpy()
        found = find(
            self.calibration.calibration, _array(raw), _array(mask) > 0, affine, alpha=self.alpha
        )
        labels = torch.from_numpy(found.labels.astype(np.int32))[None]
        return {
            **data,
            self.map_key: MetaTensor(torch.from_numpy(found.score)[None], affine=raw.affine),
            self.label_key: MetaTensor(labels, affine=raw.affine),
            self.findings_key: found,
            self.warnings_key: told,
        }


def appearance_of(data: Mapping[Hashable, Any]) -> Appearance:
    """Of a case in the pipeline: `image`, `mask`, `pred`, `map_background`, `source`."""
    image, source = data["image"], data["source"]
    return measure(
        _array(image),
        _array(data["mask"]) > 0,
        _array(data["pred"]),
        data["map_background"],
        image.affine.numpy(),
        _array(source),
        source.affine.numpy(),
    )


def _array(volume: torch.Tensor) -> np.ndarray:
    """(1, D, H, W) on any device as (D, H, W)."""
    return torch.as_tensor(volume)[0].cpu().numpy()
