"""Bring a volume to the model's voxel size without aliasing: smooth first, then resample."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence

import torch
from monai.config import KeysCollection
from monai.data import MetaTensor
from monai.data.utils import affine_to_spacing
from monai.networks.layers import GaussianFilter
from monai.transforms import MapTransform, Spacing

__all__ = ["SmoothSpacingd"]

FWHM_TO_SIGMA = 0.4246609  # 1 / (2 sqrt(2 ln 2))


class SmoothSpacingd(MapTransform):
    """Resample to `pixdim`, low-passed along each axis that gets coarser.

    `Spacingd` alone picks every second voxel of a 1 mm scan, so its noise would not look like that
    of the 2 mm scans a model was trained on. The Gaussian's full width at half maximum is the part
    of the new voxel that the old one does not cover, sqrt(new^2 - old^2).

    Args:
        keys: volumes, (C, D, H, W) `MetaTensor` with an affine in mm.
        pixdim: voxel size wanted, in mm, one per axis.
    """

    def __init__(self, keys: KeysCollection, pixdim: Sequence[float]) -> None:
        super().__init__(keys)
        self.pixdim = tuple(float(p) for p in pixdim)
        self.resample = Spacing(pixdim=self.pixdim, mode="bilinear", padding_mode="zeros")

    def __call__(self, data: Mapping[Hashable, torch.Tensor]) -> dict[Hashable, torch.Tensor]:
        out = dict(data)
        for key in self.key_iterator(out):
            out[key] = self.resample(self._smooth(out[key]))
        return out

    def _smooth(self, volume: MetaTensor) -> MetaTensor:
        old = affine_to_spacing(volume.affine, r=3).tolist()
        sigma = [
            FWHM_TO_SIGMA * max(new**2 - was**2, 0.0) ** 0.5 / was
            for new, was in zip(self.pixdim, old, strict=True)
        ]
        if max(sigma) < 0.1:  # nothing gets coarser
            return volume
        smooth = GaussianFilter(3, [max(s, 1e-3) for s in sigma], truncated=3.0)
        return MetaTensor(smooth(volume.as_tensor()[None].float())[0], meta=volume.meta)
