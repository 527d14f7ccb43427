"""The door: refuse a volume that cannot be read correctly, before anything is computed from it."""

from __future__ import annotations

from collections.abc import Hashable, Mapping

import torch
from monai.config import KeysCollection
from monai.data import MetaTensor
from monai.data.utils import affine_to_spacing
from monai.transforms import MapTransform

from monai_anogan.errors import InputError

__all__ = ["CheckVolumed"]


class CheckVolumed(MapTransform):
    """Pass on a volume that is one 3D image with finite voxels and a usable affine.

    Args:
        keys: volumes as loaded, channel first, `MetaTensor`.
        smallest: fewest voxels along an axis.
        spacing_mm: smallest and largest voxel size in mm.

    Raises:
        InputError: Several channels or time points, too few voxels, NaN or infinite voxels, no
            contrast, a singular affine, an absurd voxel size.
    """

    def __init__(
        self,
        keys: KeysCollection,
        smallest: int = 8,
        spacing_mm: tuple[float, float] = (0.1, 15.0),
    ) -> None:
        super().__init__(keys)
        self.smallest, self.spacing_mm = smallest, tuple(spacing_mm)

    def __call__(self, data: Mapping[Hashable, MetaTensor]) -> dict[Hashable, MetaTensor]:
        out = dict(data)
        for key in self.key_iterator(out):
            name = str(out[key].meta.get("filename_or_obj", key))
            self._check_grid(out[key], name)
            self._check_voxels(out[key], name)
        return out

    def _check_grid(self, volume: MetaTensor, name: str) -> None:
        shape = tuple(volume.shape)
        if len(shape) != 4 or shape[0] != 1:
            raise InputError(
                f"{name} must be one 3D volume, got shape {shape} (channels first); "
                "give a single volume of the series"
            )
        if min(shape[1:]) < self.smallest:
            raise InputError(
                f"{name} must have {self.smallest} voxels or more along each axis, got {shape[1:]}"
            )
        if not torch.isfinite(volume.affine).all() or torch.linalg.det(volume.affine).abs() < 1e-9:
            raise InputError(f"{name} must have an affine that can be inverted, got a singular one")
        spacing = affine_to_spacing(volume.affine, r=3).tolist()
        low, high = self.spacing_mm
        if not low <= min(spacing) <= max(spacing) <= high:
            sizes = " x ".join(f"{s:.3g}" for s in spacing)
            raise InputError(f"{name} must have voxels of {low:g} to {high:g} mm, got {sizes} mm")

    def _check_voxels(self, volume: MetaTensor, name: str) -> None:
        bad = int((~torch.isfinite(volume.as_tensor())).sum())
        if bad:
            raise InputError(
                f"{name} must have finite voxels, got {bad} NaN or infinite ones; "
                "replace them before detection"
            )
        if volume.min() == volume.max():
            raise InputError(f"{name} must have contrast, every voxel is {volume.min().item():g}")
