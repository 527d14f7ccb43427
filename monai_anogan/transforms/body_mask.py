"""Find the body, or any bright organ, by a threshold."""

from __future__ import annotations

from collections.abc import Hashable, Mapping

import numpy as np
import SimpleITK as sitk  # noqa: N813  # the name its users know
import torch
from monai.config import KeysCollection
from monai.data import MetaTensor
from monai.transforms import MapTransform
from scipy import ndimage

from monai_anogan.errors import InputError
from monai_anogan.transforms.connected import largest_part

__all__ = ["BodyMaskd"]


class BodyMaskd(MapTransform):
    """Write the body (or any bright foreground) above a threshold under `mask_key`.

    The largest connected part above the threshold, opened against table and wires, holes filled
    slice by slice so that air inside the body belongs to it.

    Args:
        keys: the volume, (1, D, H, W) in RAS, scanner units.
        mask_key: where the mask goes, (1, D, H, W) uint8.
        threshold: lowest value of the foreground (-300 HU for a body in CT); None takes Otsu's.
        opening: radius in voxels of the opening that cuts thin bridges; 0 for none.

    Raises:
        InputError: Nothing lies above the threshold.
    """

    def __init__(
        self,
        keys: KeysCollection,
        mask_key: str,
        threshold: float | None = None,
        opening: int = 2,
    ) -> None:
        super().__init__(keys)
        self.mask_key, self.threshold, self.opening = mask_key, threshold, opening

    def __call__(self, data: Mapping[Hashable, MetaTensor]) -> dict[Hashable, MetaTensor]:
        out = dict(data)
        for key in self.key_iterator(out):
            volume = out[key]
            mask = self._find(np.asarray(volume.as_tensor()[0]))
            out[self.mask_key] = MetaTensor(
                torch.from_numpy(mask)[None].to(torch.uint8), meta=volume.meta
            )
        return out

    def _find(self, volume: np.ndarray) -> np.ndarray:
        threshold = _otsu(volume) if self.threshold is None else self.threshold
        above = volume > threshold
        if self.opening:
            above = ndimage.binary_opening(above, iterations=self.opening)
        if not above.any():
            raise InputError(
                f"the scan must have foreground above {threshold:g}, found none; "
                "is this the organ and the modality of the bundle?"
            )
        largest = largest_part(above)
        return np.stack([ndimage.binary_fill_holes(s) for s in np.moveaxis(largest, 2, 0)], axis=2)


def _otsu(volume: np.ndarray) -> float:
    otsu = sitk.OtsuThresholdImageFilter()
    otsu.Execute(sitk.GetImageFromArray(volume))
    return float(otsu.GetThreshold())
