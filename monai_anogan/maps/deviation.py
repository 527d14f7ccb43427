"""The anomaly map in units of what is usual: how many healthy deviations a residual is away."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from monai.data import MetaTensor
from monai.transforms import Transform
from numpy.typing import NDArray

from monai_anogan.errors import InputError
from monai_anogan.maps.surroundings import foreground_box
from monai_anogan.maps.usual import UsualResidual

__all__ = ["DeviationMapd", "organ_arrays"]

MARGIN = 2  # voxels kept around the organ

Arrays = tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.bool_]]


class DeviationMapd(Transform):
    """Write how far the residual is from the usual one under `map_key`, 0 outside the mask.

    Args:
        usual: file of a fitted `UsualResidual`, or the estimator itself.
        image_key: the scan in network space, (1, D, H, W).
        reconstruction_key: its healthy reconstruction, same shape.
        mask_key: the organ, same shape.
        map_key: where the map goes, (1, D, H, W) float32, in deviations; about 1 is usual.

    Raises:
        InputError: The file is not there.
    """

    def __init__(
        self,
        usual: str | Path | UsualResidual,
        image_key: str = "image",
        reconstruction_key: str = "reconstruction",
        mask_key: str = "mask",
        map_key: str = "anomaly_map",
    ) -> None:
        if not isinstance(usual, UsualResidual):
            if not Path(usual).is_file():
                raise InputError(
                    f"the usual residual must be fitted on healthy scans first, {usual} is "
                    "missing; run the bundle's fit_usual.json, or take ResidualMapd instead"
                )
            usual = UsualResidual.load(usual)
        self.usual = usual
        self.image_key, self.reconstruction_key = image_key, reconstruction_key
        self.mask_key, self.map_key = mask_key, map_key

    def __call__(self, data: Mapping[Hashable, torch.Tensor]) -> dict[Hashable, torch.Tensor]:
        image = data[self.image_key]
        meta = {"affine": image.affine} if isinstance(image, MetaTensor) else {}
        mask = torch.as_tensor(data[self.mask_key]).cpu().numpy()[0] > 0
        box = foreground_box(mask, MARGIN)
        found = torch.zeros(image.shape)
        found[(0, *box)] = torch.from_numpy(
            self.usual(*organ_arrays(image, data[self.reconstruction_key], mask, box))
        )
        return {**data, self.map_key: MetaTensor(found, meta=meta)}


def organ_arrays(
    image: torch.Tensor,
    reconstruction: torch.Tensor,
    mask: NDArray[np.bool_],
    box: tuple[slice, ...],
) -> Arrays:
    """Image, reconstruction and mask within a box, as plain arrays (D, H, W)."""
    cut: Any = (0, *box)
    return (
        torch.as_tensor(image).cpu().numpy()[cut].astype(np.float32),
        torch.as_tensor(reconstruction).cpu().numpy()[cut].astype(np.float32),
        mask[box],
    )
