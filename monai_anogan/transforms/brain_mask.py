"""Find the organ: the brain by a small 3D network, any other body part by a threshold."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from pathlib import Path

import numpy as np
import SimpleITK as sitk  # noqa: N813  # the name its users know
import torch
from monai.config import KeysCollection
from monai.data import MetaTensor
from monai.transforms import DivisiblePad, MapTransform
from scipy import ndimage
from torch import nn

from monai_anogan.errors import InputError
from monai_anogan.transforms.intensity import percentiles

__all__ = ["BodyMaskd", "BrainMaskd", "ScaleHeadd"]


class ScaleHeadd(MapTransform):
    """Scale a whole head for the mask network: 1st to 99th percentile of non-zero voxels to [0, 1].

    Args:
        keys: volumes in scanner units, (C, D, H, W).
    """

    def __call__(self, data: Mapping[Hashable, torch.Tensor]) -> dict[Hashable, torch.Tensor]:
        out = dict(data)
        for key in self.key_iterator(out):
            volume = torch.as_tensor(out[key]).float()
            low, high = percentiles(volume[volume != 0], 1, 99)
            out[key] = ((out[key] - low) / (high - low)).clamp(0, 1.5)
        return out


class BrainMaskd(MapTransform):
    """Write the brain mask of an MR head, with its skull or without, under `mask_key`.

    The network's foreground, its largest connected part, holes filled.

    Args:
        keys: the head, (1, D, H, W) in RAS at the network's voxel size, scanner units.
        mask_key: where the mask goes, (1, D, H, W) uint8.
        network: two-class 3D segmentation network whose weights are `checkpoint`.
        checkpoint: its flat state dict.
        plausible_ml: volume in ml a brain must have.
        device: where the network runs.

    Raises:
        InputError: No brain of plausible volume is found.
    """

    def __init__(
        self,
        keys: KeysCollection,
        mask_key: str,
        network: nn.Module,
        checkpoint: str | Path,
        plausible_ml: tuple[float, float] = (500.0, 2500.0),
        device: str | torch.device = "cpu",
    ) -> None:
        super().__init__(keys)
        self.mask_key, self.plausible_ml = mask_key, tuple(plausible_ml)
        self.device = torch.device(device)
        network.load_state_dict(torch.load(checkpoint, map_location="cpu", weights_only=True))
        self.network = network.to(self.device).float().eval().requires_grad_(False)

    def __call__(self, data: Mapping[Hashable, MetaTensor]) -> dict[Hashable, MetaTensor]:
        out = dict(data)
        for key in self.key_iterator(out):
            mask = self._find(out[key])
            self._check(mask)
            out[self.mask_key] = mask
        return out

    def _find(self, head: MetaTensor) -> MetaTensor:
        image = ScaleHeadd("image")({"image": head.as_tensor()})["image"]
        pad = DivisiblePad(16)
        padded = pad(MetaTensor(image))
        with torch.no_grad():
            scores = self.network(padded.as_tensor()[None].to(self.device))[0].cpu()
        foreground = MetaTensor(
            scores[1:2] > scores[0:1], applied_operations=padded.applied_operations
        )
        largest = largest_part(pad.inverse(foreground)[0].numpy())
        mask = torch.from_numpy(ndimage.binary_fill_holes(largest))
        return MetaTensor(mask[None].to(torch.uint8), meta=head.meta)

    def _check(self, mask: MetaTensor) -> None:
        volume = float(mask.sum()) * abs(float(torch.linalg.det(mask.affine[:3, :3]))) / 1000
        low, high = self.plausible_ml
        if not low <= volume <= high:
            raise InputError(
                f"the scan must show a whole brain, {low:g} to {high:g} ml, found {volume:.0f} ml; "
                "is it a T1 MR of the head in the right orientation?"
            )


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


def largest_part(mask: np.ndarray) -> np.ndarray:
    """The largest connected part of a mask, (D, H, W) bool; an empty mask stays empty."""
    labels, count = ndimage.label(mask)
    return labels == np.bincount(labels.flat)[1:].argmax() + 1 if count else labels > 0


def _otsu(volume: np.ndarray) -> float:
    otsu = sitk.OtsuThresholdImageFilter()
    otsu.Execute(sitk.GetImageFromArray(volume))
    return float(otsu.GetThreshold())
