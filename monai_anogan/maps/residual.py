"""What the healthy patches could not explain, voxel by voxel, and one number for the scan.

Residual image |x - G(z)|: Schlegl et al. 2017 (arXiv 1703.05921), section 2.3.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from typing import Any

import numpy as np
import torch
from monai.data import MetaTensor
from monai.transforms import Transform
from scipy import ndimage

from monai_anogan.maps.background import background

__all__ = ["CaseScored", "ResidualMapd", "case_score"]


class ResidualMapd(Transform):
    """Write the anomaly map |x - reconstruction| under `map_key`, 0 outside the mask.

    Args:
        image_key: the scan in network space, (1, D, H, W).
        reconstruction_key: its healthy reconstruction, same shape.
        mask_key: the organ, same shape.
        map_key: where the map goes, (1, D, H, W) float32 in grey values of network space, 0 to 2.
        median: voxels along an axis of a median filter against speckle; 1 for none.
        background_key: where the map's background goes, a float.
    """

    def __init__(
        self,
        image_key: str = "image",
        reconstruction_key: str = "reconstruction",
        mask_key: str = "mask",
        map_key: str = "anomaly_map",
        median: int = 5,
        background_key: str = "map_background",
    ) -> None:
        self.image_key, self.reconstruction_key = image_key, reconstruction_key
        self.mask_key, self.map_key, self.median = mask_key, map_key, median
        self.background_key = background_key

    def __call__(self, data: Mapping[Hashable, torch.Tensor]) -> dict[Hashable, Any]:
        image = data[self.image_key]
        meta = {"affine": image.affine} if isinstance(image, MetaTensor) else {}
        rebuilt = torch.as_tensor(data[self.reconstruction_key]).cpu()
        inside = torch.as_tensor(data[self.mask_key]).cpu() > 0
        residual = (torch.as_tensor(image).cpu() - rebuilt).abs() * inside
        if self.median > 1:
            smooth = ndimage.median_filter(residual.numpy(), size=(1, *[self.median] * 3))
            residual = torch.from_numpy(smooth) * inside
        return {
            **data,
            self.map_key: MetaTensor(residual.float(), meta=meta),
            self.background_key: background(residual.float()[inside].numpy()),
        }


class CaseScored(Transform):
    """Write the score of the scan, a float, under `score_key`; see `case_score`.

    Args:
        map_key: the anomaly map.
        mask_key: the organ, same shape.
        score_key: where the score goes.
        share: share of the voxels inside the mask that count, the highest ones.
    """

    def __init__(
        self,
        map_key: str = "anomaly_map",
        mask_key: str = "mask",
        score_key: str = "case_score",
        share: float = 0.01,
    ) -> None:
        self.map_key, self.mask_key = map_key, mask_key
        self.score_key, self.share = score_key, share

    def __call__(self, data: Mapping[Hashable, torch.Tensor]) -> dict[Hashable, Any]:
        score = case_score(data[self.map_key], data[self.mask_key], self.share)
        return {**data, self.score_key: score}


def case_score(anomaly_map: torch.Tensor, mask: torch.Tensor, share: float = 0.01) -> float:
    """The score of a scan: the mean of the highest `share` of its map inside the mask.

    Args:
        anomaly_map: (1, D, H, W).
        mask: (1, D, H, W).
        share: share of the voxels inside the mask, in (0, 1].

    Raises:
        ValueError: The mask is empty.
    """
    inside = torch.as_tensor(anomaly_map)[torch.as_tensor(mask) > 0].numpy()
    if not inside.size:
        raise ValueError("a case score needs a mask with voxels, got an empty one")
    count = max(1, round(share * inside.size))
    return float(np.partition(inside, -count)[-count:].mean())
